#!/usr/bin/env bash
# ranks: 2 3
# timeout: 180
# A rank that is stopped, or hangs, ends all with code 5 and is named; without that they would wait
# for ever.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"

endless_net 2
host=$(uname -n)

# ended CODE: the last run ended by the watchdog, in time.
ended() {
    local took=$((SECONDS - since))
    [ "$1" -eq 5 ] || fail "exit code $1, not 5"
    [ "$took" -le 20 ] || fail "it took $took s" # about 3, if others leave the processor to us
    [ "$(grep -c stall_timeout err)" -eq 1 ] || fail "not said once"
}

# stop VICTIM ARGUMENTS...: stops one rank in the middle of a training.
stop() {
    local victim=$1 code=0 pids
    shift
    "$SOURCE_DIR/tests/ranks.sh" "$RANKS" "$NNMPI" train net.yaml --run "run$runs" -q "$@" > out 2> err &
    launcher=$!
    for _ in $(seq 400); do
        [ ! -s "run$runs/metrics.jsonl" ] || break
        kill -0 "$launcher" || fail "the run ended by itself"
        sleep 0.05
    done
    mapfile -t pids < <(rank_pids "$launcher" 'train net.yaml')
    [ "${#pids[@]}" -eq "$RANKS" ] || fail "ranks are: ${pids[*]}"
    kill -s STOP "${pids[victim]}"
    since=$SECONDS
    wait "$launcher" || code=$?
    ended "$code"
    expect_line "rank $victim on $host has shown no sign of life for 2 s in step [0-9]+ \([a-z]" err
    runs=$((runs + 1))
}
runs=0
stop $((RANKS - 1))
if [ "$RANKS" -eq 3 ]; then
    stop 0 -o train.reduce=allreduce
    stop 1 -o validate.every_steps=1 # most of the time in MPI
    exit 0
fi

# One that hangs in a system call is alive, but does not go on.
since=$SECONDS
code=0
faulty write 5 metrics.jsonl HANG 0 train net.yaml --run hang -q > out 2> err || code=$?
ended "$code"
expect_line "rank 0 on $host has not moved for 2 s in step [0-9]+ \(reporting\)" err

# While setting up: the data do not come, or the process is stopped.
since=$SECONDS
code=0
faulty pread 3 blobs.h5 HANG 1 train net.yaml --run planning -q > out 2> err || code=$?
ended "$code"
expect_line "rank 1 on $host has not moved for 2 s before the first step \(planning\)" err
since=$SECONDS
code=0
FAULT_OWN=1 faulty open 3 /fd/ STOP 1 train net.yaml --run sharing -q > out 2> err || code=$?
ended "$code"
expect_line "rank 1 on $host has shown no sign of life for 2 s before the first step \(reading the data set\)" err

# A disk that is slow, but goes on, is no stall: neither for the rank that writes, which waits at the end and for the
# checkpoint before, nor for those of its node or of another one, whose next one has to wait.
for nodes in 1 2; do
    FAULT_SECONDS=0.3 NNMPI_TEST_NODES=$nodes faulty pwrite 1+ checkpoint- SLOW 0 train net.yaml --run "disk$nodes" -q \
        -o train.max_steps=20 -o checkpoint.every_steps=10 -o train.stall_timeout=4 > out 2> err ||
        fail "a slow disk: $(cat err)"
    python3 - "disk$nodes/metrics.jsonl" <<'PY'
import json, sys
saved = [e for e in map(json.loads, open(sys.argv[1])) if e["event"] == "checkpoint"]
assert [e["step"] for e in saved] == [10, 20] and all(e["write_s"] > 4 for e in saved), saved
PY
done

# At the end: what is written last hangs, and a rank is stopped when the others end MPI.
short=(net.yaml -q -o train.epochs=1 -o train.log_every=1000)
since=$SECONDS
code=0
faulty write 3 metrics.jsonl HANG 0 train "${short[@]}" --run written > out 2> err || code=$?
ended "$code"
expect_line "rank 0 on $host has not moved for 2 s in step 11 \(the end\)" err
shim start
since=$SECONDS
code=0
START=endstop START_RANK=1 run_ranks "$RANKS" env LD_PRELOAD="$PWD/start.so" \
    "$NNMPI" train "${short[@]}" --run parting > out 2> err || code=$?
ended "$code"
expect_line '^trained 11 steps' out
expect_line "rank 1 on $host has shown no sign of life for 2 s in step 11 \(the end\)" err

# Nothing is a stall when nobody watches: the rank goes on later, and so do all.
"$SOURCE_DIR/tests/ranks.sh" "$RANKS" "$NNMPI" train net.yaml --run off -q -o train.stall_timeout=0 > out 2> err &
launcher=$!
while [ ! -s off/metrics.jsonl ]; do sleep 0.05; done
pid=$(rank_pids "$launcher" 'train net.yaml' | tail -n 1)
kill -s STOP "$pid"
sleep 2.5
kill -0 "$launcher" || fail "ended although nobody watches"
kill -s CONT "$pid"
kill -s USR1 "$launcher"
code=0
wait "$launcher" || code=$?
[ "$code" -eq 75 ] || fail "exit code $code, not 75"
