# shellcheck shell=bash
# MNIST for the tests that train on it; after tests/lib.sh.

# get_mnist: mnist.h5 here, from the four IDX files in $NNMPI_MNIST or, where several source trees
# share them, ../shared/datasets/mnist.
get_mnist() {
    local from=${NNMPI_MNIST:-$SOURCE_DIR/../shared/datasets/mnist}
    [ -d "$from" ] || skip "no MNIST: set NNMPI_MNIST to the folder with its four IDX files"
    "$SOURCE_DIR/datasets/mnist/fetch.sh" --from "$from" . 2> fetch.log
    rm fetch.log
}

# accuracy RUN: on the test digits, at the end of the run.
accuracy() {
    tail -n 1 "$1/metrics.jsonl" | python3 -c '
import json, sys
end = json.loads(sys.stdin.read())
assert end["event"] == "end" and end["split"] == "test" and end["samples"] == 10000, end
print(end["accuracy"])'
}

# at_least BOUND RUN
at_least() {
    local got
    got=$(accuracy "$2")
    printf '%s: %s of the test digits\n' "$2" "$got"
    awk -v got="$got" -v bound="$1" 'BEGIN { exit !(got >= bound) }' ||
        fail "$2: $got of the test digits are right, not $1"
}
