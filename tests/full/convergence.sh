#!/usr/bin/env bash
# full: yes
# timeout: 3600
# Two recipes of MNIST learn on two hosts what they learn on one, whatever travels between these. Prints the table of
# docs/performance.md: accuracy on the test digits after each epoch, and the loss on them in the end.
# shellcheck source=tests/hosts.sh
. "$SOURCE_DIR/tests/hosts.sh"
. "$SOURCE_DIR/tests/mnist.sh"
get_mnist
make_hosts 2

# learn RECIPE EPOCHS RUN PLACES OPTION...
learn() {
    launch "$4" "$NNMPI" train "$SOURCE_DIR/datasets/mnist/$1.yaml" -o data.path=mnist.h5 -o train.epochs="$2" \
        -o checkpoint.every_epochs=0 --run "$1-$3" -q "${@:5}" >out 2>err
}

for recipe in mlp128:10 lenet:3; do
    epochs=${recipe#*:} recipe=${recipe%:*}
    learn "$recipe" "$epochs" one host1:2
    for between in gradients rows; do
        learn "$recipe" "$epochs" "$between" host1:1,host2:1 -o train.between_nodes=$between
        learn "$recipe" "$epochs" "$between-bf16" host1:1,host2:1 -o train.between_nodes=$between -o train.compress=bf16
    done
    python3 - "$recipe" one gradients rows gradients-bf16 rows-bf16 <<'PY' || fail "$recipe: two hosts learn something else"
import json, sys
recipe, *ways = sys.argv[1:]
def curve(way):
    events = [json.loads(line) for line in open(f"{recipe}-{way}/metrics.jsonl")]
    validated = [e for e in events if e["event"] == "validate"]
    return [e["accuracy"] for e in validated], validated[-1]["loss"]
one, loss = curve("one")
for way in ways:
    accuracy, end = curve(way)
    print("|", recipe, "|", way, "|", *(f"{a:.4f}" for a in accuracy), "|", f"{end:.4f}", "|")
    assert len(accuracy) == len(one) > 1
    assert accuracy[-1] >= one[-1] - 0.003 and end <= 1.1 * loss, way
PY
done
