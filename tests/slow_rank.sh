# shellcheck shell=bash
# A training of which one rank is slow, as on a core that others use too; after tests/lib.sh.

# make_slow_training: net.yaml, whose steps take some milliseconds, and which ends only if something ends it.
make_slow_training() {
    "$NNMPI" data make blobs -O blobs.h5 --samples 4096 --features 64 --seed 3 --spread 3 -q
    cat >net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {units: 512, activation: tanh}
  - dense: {units: 512, activation: tanh}
  - dense: {units: 3}
loss: cross_entropy
train: {epochs: 100000000, batch_size: 256, lr: 0.01, threads: 1, log_every: 8}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
}

# slow_down PID: from now on that process runs for a third of the time only.
slow_down() {
    python3 - "$1" <<'PY' &
import os, signal, sys, time
pid = int(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    while True:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.02)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
except ProcessLookupError:
    sys.exit()
finally:
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass
PY
    slowing=$!
}

# start_slowly RUN OPTION...: begins the training on $RANKS ranks, of which the last one is slow.
start_slowly() {
    local pids
    "$SOURCE_DIR/tests/ranks.sh" "$RANKS" "$NNMPI" train net.yaml --run "$@" -q >out 2>err &
    launcher=$!
    for _ in $(seq 400); do
        [ ! -s "$1/metrics.jsonl" ] || break
        kill -0 "$launcher" || fail "the run ended by itself"
        sleep 0.05
    done
    mapfile -t pids < <(rank_pids "$launcher" 'train net.yaml')
    [ "${#pids[@]}" -eq "$RANKS" ] || fail "ranks are: ${pids[*]}"
    slow_down "${pids[-1]}"
}

# end_slowly: it ends after the step under way, and is saved.
end_slowly() {
    kill "$slowing"
    wait "$slowing" || true
    kill -s USR1 "$launcher"
    expect_code 75 wait "$launcher"
}
