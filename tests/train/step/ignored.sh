#!/usr/bin/env bash
# ranks: 1 2
# Minibatches in which every label is ignored (-1) are steps without a gradient, also the first ones
# after a start and after a resume.
. "$SOURCE_DIR/tests/lib.sh"

{
    echo "data:"
    echo "  source: inline"
    printf '  x: ['
    for i in $(seq 20); do printf '[%d, 1], ' $((i % 5)); done
    printf '[0, 1]]\n  y: ['
    for _ in $(seq 20); do printf -- '-1, '; done
    printf '0]\n'
} > data.yaml
cat data.yaml - > net.yaml <<'YAML'
model: [dense: {units: 2}]
loss: cross_entropy
train: {epochs: 4, batch_size: 2, seed: 1, log_every: 1, optimizer: {sgd: {lr: 0.1}}}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 4}
YAML

run_ranks "$RANKS" "$NNMPI" train net.yaml --run whole -q > out 2> err
expect_line '^trained 44 steps' out
run_ranks "$RANKS" "$NNMPI" train net.yaml --run cut -q -o train.max_steps=3 > out 2> err
run_ranks "$RANKS" "$NNMPI" train net.yaml --run cut --resume -q > out 2> err
expect_line '^trained 41 steps .from step 3 to 44,' out
[ "$("$NNMPI" digest whole/last.h5 | cut -c 1-64)" = "$("$NNMPI" digest cut/last.h5 | cut -c 1-64)" ] ||
    fail "the resumed run ends with other parameters"
! grep -qi 'nan' whole/metrics.jsonl || fail "a loss that is no number: $(grep -i nan whole/metrics.jsonl)"
