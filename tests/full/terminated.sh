#!/usr/bin/env bash
# full: yes
# timeout: 1800
# How often mpirun leaves the ranks the time to save when it is ended by SIGTERM itself, instead of USR1: for parameters
# and momentum of 1, 100 and 1000 MB together, 2 ranks. What it does not leave the time for leaves nothing behind that
# is taken for a checkpoint. TERM_TIMES="20 10 5": how often each is tried.
. "$SOURCE_DIR/tests/lib.sh"
read -ra times <<< "${TERM_TIMES:-20 10 5}"
sizes=(1 100 1000)

"$NNMPI" data make blobs -O blobs.h5 --samples 64 --features 61 -q
for i in 0 1 2; do
    units=$((sizes[i] * 125000 / 65))
    cat > net.yaml << YAML
data: {path: blobs.h5}
model: [dense: {units: $units}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 100000000, batch_size: 4, log_every: 1, optimizer: {sgd: {lr: 1e-6, momentum: 0.9}}}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
    saved=0
    for _ in $(seq "${times[i]}"); do
        rm -rf run
        "$SOURCE_DIR/tests/ranks.sh" 2 "$NNMPI" train net.yaml -q --run run > out 2> err &
        launcher=$!
        until [ -s run/metrics.jsonl ]; do
            kill -0 "$launcher" || fail "the run ended by itself"
            sleep 0.05
        done
        sleep "0.$((RANDOM % 10))"
        kill -s TERM "$launcher"
        wait "$launcher" || true
        [ -e run/last.h5 ] || continue
        "$NNMPI" digest run/last.h5 > out || fail "what was saved is damaged"
        saved=$((saved + 1))
    done
    printf '%d MB: %d of %d saved\n' "${sizes[i]}" "$saved" "${times[i]}" | tee -a table >&9
done
[ "$(sed -n '1s/.*: //p' table)" != "0 of ${times[0]} saved" ] || fail "not even the smallest is saved"
