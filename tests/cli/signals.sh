#!/usr/bin/env bash
# timeout: 180
# A signal saves and ends with 75, or saves and lets the run go on. A second SIGINT kills. Before the
# first step a signal ends the run at once.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
unset OMPI_MCA_pml OMPI_MCA_ess_singleton_isolated # with Open MPI's daemon beside it, as users have it

# start RUN [LAUNCHER...]: a run that would take for ever, in the background; waits until it trains.
start() {
    "${@:2}" "$NNMPI" train --run "$1" -o train.epochs=100000000 -o train.log_every=1000 \
        -o checkpoint.keep=1000000 > out 2> err &
    pid=$!
    for _ in $(seq 200); do
        [ ! -s "$1/metrics.jsonl" ] || return 0
        kill -0 "$pid" || fail "the run ended by itself"
        sleep 0.05
    done
    fail "the run does not begin"
}

# stops SIGNAL RUN [LAUNCHER...]: it saves.
stops() {
    local signal=$1 code=0
    shift
    start "$@"
    kill -s "$signal" "$pid"
    wait "$pid" || code=$?
    [ "$code" -eq 75 ] || fail "SIG$signal: exit code $code, not 75"
    expect_line "^nnmpi: stopped by a signal after step [0-9]+, which is saved; to go on: .*nnmpi train --run $1 --resume$" err
    [ -f "$1/last.h5" ] || fail "SIG$signal: nothing was saved"
}
for signal in TERM USR1 XCPU HUP; do stops "$signal" "run-$signal"; done
tail -n 1 err | grep -q '^nnmpi: stopped' || fail "something is said after the last word"

# what the launcher passes on
handed_on=(USR1 XCPU)
! is_hydra || handed_on=(USR1 TERM INT)
for signal in "${handed_on[@]}"; do
    stops "$signal" "mpirun-$signal" "$SOURCE_DIR/tests/ranks.sh" 2
done

# saves_and_goes_on RUN RECEIVER: SIGUSR2 saves, which is said, and the run goes on.
saves_and_goes_on() {
    local line="^nnmpi: step [0-9]+ is saved as $1/checkpoint-[0-9]+.h5, and the run goes on$" before said
    for _ in 1 2; do
        before=$(grep -cE "$line" err) || true
        kill -s USR2 "$2"
        for _ in $(seq 800); do # a step and a checkpoint, on a busy machine
            [ "$(grep -cE "$line" err)" -le "$before" ] || break
            sleep 0.05
        done
        [ "$(grep -cE "$line" err)" -gt "$before" ] || fail "SIGUSR2: nothing is said"
        said=$(sed -nE 's/^nnmpi: step ([0-9]+) is saved as .*/\1/p' err | tail -n 1)
        [ -f "$1/checkpoint-$said.h5" ] || fail "SIGUSR2: checkpoint $said is not there"
        sleep 0.2 # the ranks need not get it in the same step
    done
    kill -0 "$pid" || fail "the run ended"
}

# ends_by SIGNAL: the run in the background is asked to stop.
ends_by() {
    local code=0
    kill -s "$1" "$pid"
    wait "$pid" || code=$?
    [ "$code" -eq 75 ] || fail "exit code $code, not 75"
}
start goes-on
saves_and_goes_on goes-on "$pid"
ends_by TERM
start goes-on-2 "$SOURCE_DIR/tests/ranks.sh" 2
receiver=$pid # mpiexec of MPICH ends by SIGUSR2: one rank gets it
! is_hydra || receiver=$(rank_pids "$pid" 'train --run goes-on-2' | tail -n 1)
saves_and_goes_on goes-on-2 "$receiver"
ends_by USR1

# what could not be saved is not said to be, even where a step learns of it late: the failure is
shim fault
FAULT=write FAULT_AT=1+ FAULT_PATH=metrics.jsonl FAULT_ERRNO=SLOW FAULT_SECONDS=0.2 LD_PRELOAD=$PWD/fault.so \
    "$NNMPI" train --run lost -o train.epochs=100000000 -o train.log_every=1 > out 2> err &
pid=$!
until [ -s lost/metrics.jsonl ]; do sleep 0.05; done
mv lost away
kill -s USR2 "$pid"
expect_code 6 wait "$pid"
! grep 'is saved' err || fail "SIGUSR2: nothing was saved"

# What ends mpirun of Open MPI ends the ranks soon after; it tells them so a second before, so that they save.
# That of Open MPI 4 shows their last word; on a busy machine its library for events warns behind it of
# connections to ranks that are gone.
if ! is_hydra; then
    for signal in INT TERM HUP; do
        start "killed-$signal" setsid "$SOURCE_DIR/tests/ranks.sh" 2
        kill -s "$signal" "$pid"
        wait "$pid" || true
        [ -f "killed-$signal/last.h5" ] || fail "SIG$signal: nothing was saved"
        ! is_prrte || continue
        expect_line '^nnmpi: stopped by a signal after step [0-9]+, which is saved' err
        grep -v '^\[warn\] Epoll ' err | tail -n 1 | grep -q '^nnmpi: stopped' || fail "something is said after the last word"
    done
fi

# Where libraries compute, their stack pointer may be one that a handler must not use: signals are for
# a thread of their own.
start masks
python3 - "$pid" <<'PY'
import os, signal, sys
folder = f"/proc/{sys.argv[1]}/task"
wanted = sum(1 << (s - 1) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
                                    signal.SIGXCPU))
free = 0
for task in os.listdir(folder):
    status = dict(line.split(":\t", 1) for line in open(f"{folder}/{task}/status") if ":\t" in line)
    free += int(status["SigBlk"], 16) & wanted != wanted
assert free == 1, free # the one that waits for them
PY
kill -s TERM "$pid"
code=0
wait "$pid" || code=$?
[ "$code" -eq 75 ] || fail "exit code $code, not 75"

# expect_unsaved RUN PID: that process ends with 75, soon and with nothing saved.
expect_unsaved() {
    local code=0 since=$SECONDS
    wait "$2" || code=$?
    [ "$code" -eq 75 ] || fail "$1: exit code $code, not 75"
    [ $((SECONDS - since)) -le 10 ] || fail "$1: it took $((SECONDS - since)) s" # 1 if we have a core
    expect_line '^nnmpi: stopped by a signal before the first step' err
    [ ! -e "$1/last.h5" ] || fail "$1: something was saved"
}

# before the first step there is nothing to save, so the answer comes at once: before MPI starts,
shim start
START=term LD_PRELOAD=$PWD/start.so timeout 60 "$NNMPI" train --run early -o train.epochs=100000000 > out 2> err &
expect_unsaved early "$!"
# while libraries are loaded, unless sanitizers are among them; other verbs end by the signal as ever
if ! is_sanitized; then
    START=load LD_PRELOAD=$PWD/start.so "$NNMPI" train --run loading -o train.epochs=100000000 > out 2> err &
    expect_unsaved loading "$!"
    START=load LD_PRELOAD=$PWD/start.so "$NNMPI" check > out 2> err && code=0 || code=$?
    [ "$code" -eq 138 ] || fail "check: exit code $code, not 138"
    START=load LD_PRELOAD=$PWD/start.so "$NNMPI" help > out 2> err && code=0 || code=$?
    [ "$code" -eq 138 ] || fail "help: exit code $code, not 138"
fi
# and while the data do not come
"$NNMPI" data make blobs -O blobs.h5 --samples 8000 -q
cat > slow.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {units: 1000, activation: tanh}
  - dense: {units: 1000, activation: tanh}
  - dense: {units: 3}
loss: cross_entropy
train: {epochs: 1000000, batch_size: all}
YAML
FAULT=pread FAULT_AT=1 FAULT_PATH=blobs.h5 FAULT_ERRNO=HANG LD_PRELOAD=$PWD/fault.so \
    "$NNMPI" train slow.yaml --run data > out 2> err &
pid=$!
for _ in $(seq 400); do
    # shellcheck disable=SC2010,SC2012 # links, not names
    ! ls -l "/proc/$pid/fd" 2> /dev/null | grep -q blobs.h5 || break
    sleep 0.05
done
kill -s TERM "$pid"
expect_unsaved data "$pid"

before=$("$NNMPI" inspect run-TERM/last.h5 --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["state"]["step"])')
"$NNMPI" train --run run-TERM --resume -o train.max_steps=$((before + 5)) -o train.epochs=100000000 --json -q > out
python3 -c "import json; r = json.load(open('out')); assert r['steps'] == $before + 5, r"

# nohup: a hang-up that was ignored stays ignored
(trap '' HUP && start nohup && kill -s HUP "$pid" && sleep 0.3 && kill -0 "$pid" && kill -s TERM "$pid" && wait "$pid") || code=$?
[ "$code" -eq 75 ] || fail "nohup: exit code $code"

# the first SIGINT saves, the second kills; steps long enough that it comes in time
python3 - <<'PY'
import os, signal, subprocess, time
def lines():
    try:
        return sum(1 for line in open("slow/metrics.jsonl"))
    except FileNotFoundError:
        return 0
def run(signals):
    before = lines()
    p = subprocess.Popen([os.environ["NNMPI"], "train", "slow.yaml", "--run", "slow", "-q", "--resume"],
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
                         stderr=open("err", "w"))
    while lines() <= before and p.poll() is None:
        time.sleep(0.02)
    for _ in range(signals):
        p.send_signal(signal.SIGINT)
        time.sleep(0.02)
    return p.wait()
assert run(1) == 75
codes = []
while -signal.SIGINT not in codes and len(codes) < 5:
    codes.append(run(2))
assert codes[-1] == -signal.SIGINT and set(codes) <= {75, -signal.SIGINT}, codes
assert open("err").read().startswith("nnmpi: ended at once by a second Ctrl-C"), open("err").read()
PY

# a reader that goes away does not end the run, and is no failure, whether it is noticed at the end or before
"$NNMPI" train --run pipe -o train.epochs=3 2>&1 | true
"$NNMPI" digest pipe/last.h5 > out
stdbuf -o 0 "$NNMPI" train --run unbuffered -o train.epochs=3 2>&1 | true
"$NNMPI" digest unbuffered/last.h5 > out
