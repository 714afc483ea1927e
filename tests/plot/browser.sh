#!/usr/bin/env bash
# In a browser the page draws without an error and without network, shows what metrics.jsonl says, and answers mouse and
# keys. Wants Chromium (Debian: chromium), which scripts/packages.sh leaves out: it takes a minute to install.
# timeout: 120
# processors: 2
. "$SOURCE_DIR/tests/lib.sh"

command -v chromium >/dev/null || skip "no chromium"
! is_sanitized || skip "the page is the same"
"$NNMPI" train -q --run run -o train.epochs=8 -o train.log_every=2 -o 'validate.metrics=[accuracy, confusion]' >out
"$NNMPI" train -q --run other -o train.epochs=8 -o train.log_every=2 -o train.lr=0.01 >out
cat >spirals.yaml <<'YAML'
data: {source: synthetic, generator: spirals, samples: 200, test: 0.3}
model: [{dense: {name: a, units: 8, activation: tanh}}, {dense: {name: b, units: 8}}, {add: {inputs: [a, b]}},
  {dense: {units: 2}}]
loss: cross_entropy
train: {epochs: 5, batch_size: 20}
log: {weights: true}
YAML
"$NNMPI" train -q --run spirals spirals.yaml >out
"$NNMPI" plot spirals -O drawn.html -q
"$NNMPI" plot run -O one.html -q
"$NNMPI" plot run other -O two.html -q
PYTHONPATH=$SOURCE_DIR/tests python3 "$SOURCE_DIR/tests/plot/look.py" || fail "the page is not as it should be"
