#!/usr/bin/env bash
# ranks: 2 4
# timeout: 180
# Nodes that divide the optimiser's state (train.optimizer_state: sharded) end with the bits of nodes that each
# have all of it, whatever optimiser, norms, passes and ways of gradients there are; killed, a run goes on with
# the state whole, or in other parts; and what `nnmpi check` says of memory is less.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"
. "$SOURCE_DIR/tests/two_nodes.sh" 9
sharded=(-o train.optimizer_state=sharded)

# divides NAME OPTION...
divides() {
    train "$@"
    train "$1-sharded" "${sharded[@]}" "${@:2}"
    same "$1" "$1-sharded"
}
exact=(-o train.reproducible=true -o train.accumulate=2 -o train.clip_norm=0.5)
divides adam -o train.ema.decay=0.9 -o train.check_replicas=4 # steps are left to the next ones
divides rows -o train.optimizer='{sgd: {momentum: 0.9}}' -o train.compress=bf16 -o train.between_nodes=rows
train exact "${exact[@]}"
NNMPI_TEST_NODES=$RANKS # also each rank a node, which adds parts of its own
divides lamb -o train.optimizer=lamb -o train.clip_norm=0.5 -o train.max_norm=1
train exact-sharded "${sharded[@]}" "${exact[@]}"
same exact exact-sharded
NNMPI_TEST_NODES=2

# killed in the middle, and on from a checkpoint with the state whole on one rank, then in parts again
code=0
faulty write 8 metrics.jsonl KILL 0 train net.yaml -q --run killed "${sharded[@]}" "${exact[@]}" -o train.log_every=1 \
    -o checkpoint.every_steps=2 -o checkpoint.keep=9 -o validate.every_steps=3 > out 2> err || code=$?
is_killed "$code" || fail "exit code $code of a killed run"
"$NNMPI" train net.yaml -q --run killed --resume "${exact[@]}" -o train.max_steps=7 > out
expect_line '^trained .* \(from step [1-9]' out
train killed --resume "${sharded[@]}" "${exact[@]}"
same exact killed

# memory of the optimiser, of each rank: two vectors
optimizer_of() { run_ranks "$RANKS" "$NNMPI" check net.yaml "$@" 2> err | grep -oP 'optimizer \K[0-9.]+ .B'; }
vector=$((4 * (300 * 700 + 700 + 2 * 700 + 700 * 500 + 500 + 500 * 3 + 3)))
python3 - "$(optimizer_of "${sharded[@]}")" "$(optimizer_of)" $((2 * vector * 2 / RANKS)) << 'PY'
import sys
size = lambda text: float(text.split()[0]) * {"kB": 1e3, "MB": 1e6, "KiB": 1024, "MiB": 2**20}[text.split()[1]]
divided, whole, bytes = size(sys.argv[1]), size(sys.argv[2]), int(sys.argv[3])
assert abs(whole - bytes) < 0.05 * bytes and abs(divided - bytes / 2) < 0.05 * bytes, sys.argv
PY

# where it can be nothing
NNMPI_TEST_NODES=1 run_ranks "$RANKS" "$NNMPI" train net.yaml "${sharded[@]}" -o train.max_steps=1 > out 2> err
expect_line 'train.optimizer_state: sharded changes nothing on one node' err
expect_code 2 run_ranks "$RANKS" "$NNMPI" check net.yaml "${sharded[@]}" -o train.reduce=allreduce > out 2> err
expect_line 'optimizer_state = sharded wants reduce = node or auto' err
