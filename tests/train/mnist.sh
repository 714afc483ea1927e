#!/usr/bin/env bash
# timeout: 240
# One epoch of MNIST, imported from its IDX files: what 784-30-10 learns on two ranks, and the same
# on one.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/mnist.sh"
get_mnist

"$NNMPI" data info mnist.h5 > out
expect_line '^train +60000 ' out
expect_line '^test +10000 ' out
for ranks in 1 2; do
    run_ranks "$ranks" "$NNMPI" train "$SOURCE_DIR/datasets/mnist/mlp30.yaml" -o data.path=mnist.h5 \
        -o train.epochs=1 --run "ranks$ranks" -q > out 2> err
    at_least 0.93 "ranks$ranks"
done
python3 - <<'PY'
import json
def curve(run):
    events = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    return [(e["event"], e["step"], e["loss"]) for e in events if e["event"] != "checkpoint"]
one, two = curve("ranks1"), curve("ranks2")
assert len(one) == len(two) == 6 + 2, (one, two)
for a, b in zip(one, two):
    assert a[:2] == b[:2] and abs(a[2] - b[2]) <= 1e-3 * a[2], (a, b)
PY
