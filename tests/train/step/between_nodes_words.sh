#!/usr/bin/env bash
# ranks: 2 3
# timeout: 180
# Of recurrent layers and embeddings, too, rows may travel between nodes: the losses stay what they are on one rank,
# replicas keep the same bits, what was chosen is said, and a run that goes on has the bits of one that was never
# stopped. With train.reproducible, where sums travel, the bits are those of one rank.
. "$SOURCE_DIR/tests/lib.sh"
export NNMPI_TEST_NODES=2
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PY'
import h5py, numpy as np
rng = np.random.default_rng(5)
for steps in 2, 6:
    with h5py.File(f"words{steps}.h5", "w") as f:
        x = rng.integers(2900, 3000, (96, steps))
        f["train/x"], f["train/y"] = x.astype("i4"), (x[:, 0] % 3).astype("i4")
        f["train/len"] = rng.integers(1, steps + 1, 96)
PY
for steps in 2 6; do
    cat >net$steps.yaml <<YAML
data: {path: words$steps.h5}
model:
  - embedding: {name: words, vocabulary: 3000, units: 16, padding_idx: 2999}
  - lstm: {name: down, units: 24, bidirectional: true, return: all}
  - dense: {name: each, units: 40, activation: tanh}
  - gru: {name: last, units: 20}
  - dense: {name: fc, units: 3}
loss: cross_entropy
train: {epochs: 1000, max_steps: 12, batch_size: 9, lr: 0.5, log_every: 1, threads: 1,
        check_replicas: 1}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
done

# train_by NAME OPTION...
train_by() {
    run_ranks "$RANKS" "$NNMPI" train net6.yaml --run "$@" >out 2>err
}

# close_to RUN TOLERANCE: its losses are those of `one`.
close_to() { expect_close_losses one "$@" 12; }

digest_of() {
    "$NNMPI" digest "$1/last.h5" | cut -c 1-64
}

NNMPI_TEST_NODES=1 "$NNMPI" train net6.yaml --run one -q >out
train_by auto
train_by rows -o train.between_nodes=rows
train_by bf16 -o train.between_nodes=rows -o train.compress=bf16
train_by passes -o train.between_nodes=rows -o train.accumulate=2
close_to auto 2e-4
close_to rows 2e-4
close_to passes 2e-4
close_to bf16 5e-2
! close_to bf16 1e-6 2>/dev/null || fail "nothing was rounded"
expect_line '"between_nodes":"rows of words, down, each, last, fc; sums of the other gradients"' rows/metrics.jsonl
expect_line '"between_nodes":"sums of gradients"' passes/metrics.jsonl
run_ranks "$RANKS" "$NNMPI" check net6.yaml -o train.between_nodes=rows >out
expect_line '^between nodes  rows of words, down, each, last, fc; sums of the other gradients$' out

# no step is complete before the next one begins (tests/train/step/ahead.sh)
train_by left -o train.between_nodes=rows -o train.log_every=1000 -o train.check_replicas=0
[ "$(digest_of rows)" = "$(digest_of left)" ] || fail "steps that leave rows to the next one have other bits"
train_by part -o train.between_nodes=rows -o train.max_steps=5
train_by part -o train.between_nodes=rows --resume
[ "$(digest_of rows)" = "$(digest_of part)" ] || fail "a run that went on by rows has other bits"

# of sequences of two steps W_hh has a single row a sample
NNMPI_TEST_NODES=1 "$NNMPI" train net2.yaml --run same-one -q -o train.reproducible=true >out
run_ranks "$RANKS" "$NNMPI" train net2.yaml --run same-rows -o train.between_nodes=rows -o train.reproducible=true \
    >out 2>err
expect_line '"between_nodes":"rows of fc; sums of the other gradients"' same-rows/metrics.jsonl
[ "$(digest_of same-one)" = "$(digest_of same-rows)" ] || fail "rows have other bits than one rank"
