#!/usr/bin/env bash
# timeout: 120
# Outputs of a last dense layer on sequences are computed a block of rows at a time: what comes out is what the whole
# gives, with tied and own weights, ignored tokens, smoothing, weights of classes, microbatches, passes and ranks; and
# memory is for a block alone.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/reproducible.sh
. "$SOURCE_DIR/tests/reproducible.sh"
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "no h5py for $python"

"$python" - <<'PY'
import h5py, numpy
random = numpy.random.default_rng(1)
with h5py.File("tokens.h5", "w") as file:
    for split, count in ("train", 43), ("test", 11):
        x = random.integers(0, 40, (count, 6))
        y = (x * 7 + 3) % 40
        y[random.random(y.shape) < 0.2] = -1
        file[split + "/x"], file[split + "/y"] = x.astype("f4"), y
PY
cat >net.yaml <<'YAML'
data: {path: tokens.h5}
model:
  - embedding: {name: tokens, vocabulary: 40, units: 8}
  - dense: {units: 8, activation: tanh}
  - dense: {name: head, units: 40, bias: false}
loss: {cross_entropy: {label_smoothing: 0.1, class_weights: {3: 2}}}
train: {epochs: 2, batch_size: 24, output_rows: 0, reproducible: true, optimizer: {adam: {lr: 0.01}}}
validate: {split: test, metrics: [accuracy, perplexity]}
YAML

# own products are one sum in the order of the rows, however these are divided
for options in train.log_every=1 model.2.dense.tie=tokens.weight model.2.dense.frozen=true \
    'model.0.embedding.frozen=true -o model.1.dense.frozen=true' train.accumulate=2; do
    # shellcheck disable=SC2086 # words
    digest 1 net.yaml -o $options >want
    for way in '1 1 5' '4 2 7'; do
        read -r ranks nodes rows <<<"$way"
        # shellcheck disable=SC2086 # words
        NNMPI_TEST_NODES=$nodes digest "$ranks" net.yaml -o $options -o train.output_rows="$rows" >got
        expect_same want got
    done
done

# without promises the same to rounding, also what is validated (auc has a table for each microbatch, which takes time)
numbers() {
    digest "$1" net.yaml -o train.reproducible=false -o train.log_every=1 -o model.2.dense.bias=true \
        -o validate.metrics='[accuracy, perplexity, auc]' "${@:2}" >got
    grep -Eo '"(loss|accuracy|perplexity|auc)":[0-9.e-]*' run/metrics.jsonl | cut -d: -f2
}
numbers 1 >want
[ "$(wc -l <want)" -eq 16 ] || fail "not 4 steps, 2 validations and the test: $(cat want)"
for way in '1 5 1 false' '3 16 1 false' '2 5 2 false' '2 0 1 true'; do
    read -r ranks rows passes promised <<<"$way"
    numbers "$ranks" -o train.output_rows="$rows" -o train.accumulate="$passes" -o train.reproducible="$promised" >got
    "$python" -c 'import numpy as n; a, b = n.loadtxt("want"), n.loadtxt("got"); assert n.allclose(a, b, 2e-4), (a, b)'
done

# by itself where the outputs are many, here 328 MB and as much for their gradient: two blocks of 256 rows take 41 MB
"$python" - <<'PY'
import h5py, numpy
with h5py.File("many.h5", "w") as file:
    file["train/x"], file["train/y"] = numpy.zeros((64, 64), "f4"), numpy.arange(4096).reshape(64, 64)
PY
"$NNMPI" inspect net.yaml --json -o data.path=many.h5 -o train.batch_size=64 -o train.reproducible=false \
    -o 'model=[embedding: {vocabulary: 1, units: 2}, dense: {units: 20000}]' -o train.output_rows=null >out 2>err
expect_line '"activations": *4[0-9]{7}\b' out

expect_code 2 "$NNMPI" check net.yaml -o train.output_rows=5 -o 'model=[dense: {units: 6}]' 2>err
expect_line 'output_rows is for models that end with a dense layer on sequences' err
