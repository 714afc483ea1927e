# shellcheck shell=bash
# A training of which one rank is slow, as on a core that others use too; after tests/lib.sh and tests/shim/lib.sh.

# make_slow_training: net.yaml, a run that ends only if something ends it.
make_slow_training() {
    shim slow_core
    "$NNMPI" data make blobs -O blobs.h5 --samples 4096 --features 64 --seed 3 --spread 3 -q
    cat >net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {units: 512, activation: tanh}
  - dense: {units: 512, activation: tanh}
  - dense: {units: 3}
loss: cross_entropy
train: {epochs: 100000000, batch_size: 256, lr: 0.01, threads: 1, log_every: 1}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
}

# start_slowly RUN OPTION...: begins the training on $RANKS ranks, of which the last one sleeps a third of a second
# for half of a minibatch, which it would compute in some milliseconds.
start_slowly() {
    "$SOURCE_DIR/tests/ranks.sh" "$RANKS" env LD_PRELOAD="$PWD/slow_core.so" SLOW_CORE=3 \
        SLOW_CORE_RANK=$((RANKS - 1)) NNMPI_GEMM=openblas "$NNMPI" train net.yaml --run "$@" -q >out 2>err &
    launcher=$!
}

# wait_slowly COMMAND...: until that succeeds.
wait_slowly() {
    for _ in $(seq 400); do
        ! "$@" 2>wait.log || return 0
        kill -0 "$launcher" || fail "the run ended by itself"
        sleep 0.2
    done
    fail "it does not come to pass: $*"
}

# end_slowly: it ends after the step under way, and is saved.
end_slowly() {
    kill -s USR1 "$launcher"
    expect_code 75 wait "$launcher"
}
