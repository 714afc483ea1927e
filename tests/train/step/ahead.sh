#!/usr/bin/env bash
# ranks: 4
# timeout: 120
# Between nodes a step may end with sums on their way, which the next one waits for layer by layer: the bits are
# those of steps that are complete before the next one begins (as a line of metrics.jsonl wants them), whatever
# looks at the parameters in between, and whoever goes on from there. Divergence is found in the step that it is of.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"
. "$SOURCE_DIR/tests/two_nodes.sh" 30

# leaves NAME OPTION...: with them, steps that leave something end as those that do not.
leaves() {
    train "$@"
    train "$1-complete" "${@:2}" -o train.log_every=1
    same "$1" "$1-complete"
}
leaves gradients
leaves rows -o train.between_nodes=rows
leaves bf16 -o train.compress=bf16
leaves reproducible -o train.reproducible=true -o train.ema.decay=0.9

# who looks at the parameters, or has the ranks compare them, changes nothing; killed, it goes on
looks=(-o train.between_nodes=rows -o validate.every_steps=4 -o checkpoint.every_steps=7 -o train.check_replicas=5)
train looks "${looks[@]}"
same rows looks
shim mpi
# fails HOW RUN: a message fails (EIO), or the rank that would send it dies (KILL), while sums are on their way
fails() {
    since=$SECONDS code=0
    FAULT=mpi FAULT_AT=400+ FAULT_RANK=3 FAULT_ERRNO=$1 run_ranks "$RANKS" env LD_PRELOAD="$PWD/mpi.so" \
        "$NNMPI" train net.yaml -q --run "$2" "${looks[@]}" > out 2> err || code=$?
    [ $((SECONDS - since)) -le 30 ] || fail "it took $((SECONDS - since)) s"
}
fails KILL killed
is_killed "$code" || fail "exit code $code of a killed run"
train killed "${looks[@]}" --resume
same rows killed
fails EIO failed
[ "$code" -eq 5 ] || fail "exit code $code, not 5, where a message failed"
expect_line "^nnmpi: rank 3 on .*: MPI_.* failed" err

# a parameter that becomes infinite where nobody looks at it
diverges() {
    code=0
    train "$@" -o train.optimizer='{sgd: {momentum: 0}}' -o train.lr=3e38 -o train.l2=100 || code=$?
    [ "$code" -eq 4 ] || fail "exit code $code, not 4: $*"
    grep -o 'training diverged: [^;]*;' err > "$1.why" || fail "no word of divergence: $(cat err)"
    [ ! -e "$1/last.h5" ] || fail "a bad checkpoint was written"
}
diverges soon -o train.log_every=1
diverges late
cmp soon.why late.why
expect_line 'in step 1 the (gradient|parameter)' late.why
