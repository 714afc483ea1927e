#!/usr/bin/env bash
# ranks: 2 4
# timeout: 120
# Between nodes rows take the place of gradients where that is shorter: the losses stay what they are on one
# rank, what was chosen is said, and a run that goes on has the same bits as one that was never stopped, as
# it keeps what it has measured.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
export NNMPI_TEST_NODES=2

"$NNMPI" data make blobs -O blobs.h5 --samples 96 --features 20 --seed 3 --spread 3 -q
cat >net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 300, activation: tanh}
  - dense: {name: fc2, units: 200, activation: tanh}
  - dense: {name: fc3, units: 3}
loss: cross_entropy
train: {epochs: 1000, max_steps: 24, batch_size: 9, optimizer: adam, lr: 1e-3, log_every: 1, threads: 1}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
NNMPI_TEST_NODES=1 "$NNMPI" train net.yaml --run one -q >out

# train_by NAME OPTION...
train_by() {
    run_ranks "$RANKS" "$NNMPI" train net.yaml --run "$@" >out 2>err
}

# close_to RUN TOLERANCE: its losses are those of `one`.
close_to() { expect_close_losses one "$@" 24; }

for way in auto gradients rows; do
    train_by "$way" -o train.between_nodes=$way
    close_to "$way" 1e-4
    train_by "$way-bf16" -o train.between_nodes=$way -o train.compress=bf16
    close_to "$way-bf16" 5e-2
    ! close_to "$way-bf16" 1e-6 2>/dev/null || fail "nothing was rounded"
done
expect_line '"between_nodes":"rows of fc1, fc2, fc3; sums of the other gradients"' rows/metrics.jsonl
expect_line '"between_nodes":"sums of gradients"' gradients/metrics.jsonl
expect_no_line 'travel instead of rows' err

# where rows cannot, that is said
train_by none -o train.between_nodes=rows -o train.max_steps=1 -o train.accumulate=2
expect_line 'sums of gradients travel instead of rows: no layer has' err
train_by exact -o train.between_nodes=rows -o train.max_steps=1 -o train.reproducible=true -o train.microbatches=128
expect_line 'sums of gradients travel instead of rows: with train.reproducible .* 64 microbatches' err
run_ranks "$RANKS" "$NNMPI" check net.yaml -o train.between_nodes=rows >out
expect_line '^between nodes  rows of fc1, fc2, fc3; sums of the other gradients$' out
run_ranks "$RANKS" "$NNMPI" check net.yaml >out
expect_line '^ +a message takes [0-9.]+ us, of which [0-9.]+ us of its sender, \+ bytes / [0-9.]+ GB/s; a rank multiplies at [0-9.]+ GFLOP/s$' out
expect_no_line 'MPI_THREAD_MULTIPLE' out

# with an MPI that lets no thread look after messages; what is put before a sanitizer's library would not come first
! is_sanitized || exit 0
shim funneled
run_ranks "$RANKS" env LD_PRELOAD="$PWD/funneled.so" "$NNMPI" check net.yaml >out
expect_line '^ +messages move on between layers only: MPI was started without MPI_THREAD_MULTIPLE$' out
run_ranks "$RANKS" env LD_PRELOAD="$PWD/funneled.so" "$NNMPI" train net.yaml --run funneled \
    -o train.between_nodes=rows -o train.log_every=24 -q >out
train_by threads -o train.between_nodes=rows -o train.log_every=24 -q
"$NNMPI" digest funneled/last.h5 threads/last.h5 | cut -c 1-64 | uniq >digests
[ "$(wc -l <digests)" -eq 1 ] || fail "the bits depend on who looks after messages"

# stopped and gone on, the same bits; measurements travel with the checkpoint
link_of() { grep -ao '0x1[.0-9a-f]*p[-+0-9]* 0x1[.0-9a-f]*p[-+0-9]* 0x1[.0-9a-f]*p[-+0-9]*' "$1/last.h5"; }
for way in auto rows; do
    train_by "part-$way" -o train.between_nodes=$way -o train.max_steps=11
    link_of "part-$way" >before
    train_by "part-$way" -o train.between_nodes=$way --resume
    link_of "part-$way" >after
    cmp before after || fail "the network was measured again"
done
train_by part-auto -o train.between_nodes=remeasure -o train.max_steps=25 --resume
link_of part-auto >after
! cmp -s before after || fail "the network was not measured again"
[ "$("$NNMPI" digest rows/last.h5 | cut -c 1-64)" = "$("$NNMPI" digest part-rows/last.h5 | cut -c 1-64)" ] ||
    fail "a run that went on by rows has other bits"

expect_code 2 run_ranks "$RANKS" "$NNMPI" check net.yaml -o train.between_nodes=rows -o train.reduce=allreduce >out 2>err
expect_line 'between_nodes = rows wants reduce = node or auto' err
