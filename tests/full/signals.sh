#!/usr/bin/env bash
# full: yes
# timeout: 1800
# 200 times a run is asked to save and to go on, and then to stop, in the middle of its steps: each time it is
# saved and ends with 75, and after all of them it has the parameters of one that was never stopped.
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" data make blobs -O blobs.h5 --samples 640 --features 784 --classes 10 -q
declare -A model
model[dense]='[dense: {units: 128, activation: relu}, dense: {units: 10}]'
model[lenet]='[reshape: {shape: [1, 28, 28]}, conv2d: {filters: 20, kernel: 5, activation: relu},
  max_pool: {size: 2}, conv2d: {filters: 50, kernel: 5, activation: relu}, max_pool: {size: 2}, flatten,
  dense: {units: 100, activation: relu}, dense: {units: 10}]'
model[lstm]='[reshape: {shape: [28, 28]}, lstm: {units: 64}, dense: {units: 10}]'
for name in "${!model[@]}"; do
    cat > "$name.yaml" << YAML
data: {path: blobs.h5}
model: ${model[$name]}
loss: cross_entropy
train: {epochs: 1000000, batch_size: 32, log_every: 1, optimizer: {sgd: {lr: 0.0001, momentum: 0.9}}}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0, keep: 1}
YAML
done

lines() { if [ -f "$1/metrics.jsonl" ]; then wc -l < "$1/metrics.jsonl"; else echo 0; fi; }

# stop NAME RANKS SIGNAL: goes on with the run, has it save with USR2, and stops it after some steps. USR1 goes to
# mpirun, which passes it on; the others to the ranks themselves, which mpirun would kill soon after its own.
stop() {
    local run=$1-$2 code=0 before pid receivers
    before=$(lines "$run")
    "$SOURCE_DIR/tests/ranks.sh" "$2" "$NNMPI" train "$1.yaml" --run "$run" --resume -q > out 2> err &
    pid=$!
    while [ "$(lines "$run")" -le "$before" ]; do
        kill -0 "$pid" || fail "$run ended by itself"
        sleep 0.01
    done
    sleep "0.0$((RANDOM % 100))"
    receivers=$(rank_pids "$pid" "train $1.yaml")
    # shellcheck disable=SC2086
    kill -s USR2 $receivers
    sleep "0.0$((RANDOM % 100))"
    [ "$3" != USR1 ] || receivers=$pid
    # shellcheck disable=SC2086
    kill -s "$3" $receivers
    wait "$pid" || code=$?
    [ "$code" -eq 75 ] || fail "$run, SIG$3: exit code $code, not 75"
    expect_line '^nnmpi: stopped by a signal after step [0-9]+, which is saved' err
}

signals=(USR1 TERM XCPU HUP)
names=(dense lenet lstm)
for i in $(seq 0 199); do
    stop "${names[i % 3]}" $((i / 3 % 3 + 1)) "${signals[i % 4]}"
done

for name in "${names[@]}"; do
    for ranks in 1 2 3; do
        run=$name-$ranks
        last=$("$NNMPI" inspect "$run/last.h5" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["state"]["step"])')
        for folder in "$run" "straight-$run"; do
            run_ranks "$ranks" "$NNMPI" train "$name.yaml" --run "$folder" --resume -q \
                -o train.max_steps=$((last + 3)) > out
            "$NNMPI" digest "$folder/last.h5" | cut -d ' ' -f 1 > "$folder.digest"
        done
        expect_same "$run.digest" "straight-$run.digest"
        printf '%s on %d ranks: %d steps, digest %s\n' "$name" "$ranks" "$last" "$(cat "$run.digest")"
    done
done
