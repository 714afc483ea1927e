#!/usr/bin/env bash
# timeout: 240
# nnmpi-supervise, with a launcher that does as told: what it starts again and where, what is final, and
# what becomes of signals. tests/cli/lost_host.sh has the real thing.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
unset SLURM_JOB_ID SLURM_JOB_NODELIST PBS_NODEFILE LSB_MCPU_HOSTS

# mpirun notes its arguments in `calls`, and does what `plan` says on the next line: CODE [MESSAGE], or
# `wait CODE N`, which means after N signals, and says then that it ends, or `stay MESSAGE` for ever
mkdir bin run
cat >bin/mpirun <<'STUB'
#!/usr/bin/env bash
[ "$1" != --version ] || { echo "mpirun (Open MPI) 4.1.4" && exit; }
for signal in USR1 USR2 INT; do trap "echo $signal >>signals" "$signal"; done
echo "$*" >>calls
read -r code message < <(sed -n "$(wc -l <calls)p" plan)
if [ "$code" = wait ]; then
    read -r code count <<<"$message"
    until [ -e signals ] && [ "$(wc -l <signals)" -eq "$count" ]; do sleep 0.1; done
    echo "mpirun ends" >&2
elif [ "$code" = stay ]; then
    echo "$message" >&2
    exec sleep 1000
elif [ -n "$message" ]; then
    echo "$message" >&2
fi
exit "$code"
STUB
# `probe HOST true`: a host is gone when there is a file gone.HOST; one that hangs when there is hangs.HOST
cat >bin/probe <<'STUB'
#!/bin/sh
[ ! -e "hangs.$1" ] || exec sleep 100
[ ! -e "gone.$1" ]
STUB
chmod +x bin/mpirun bin/probe
export PATH=$PWD/bin:$PATH

# supervise CODE OPTION...: it ends with that code when the launcher does what stands on standard input.
supervise() {
    rm -f calls signals
    cat >plan
    expect_code "$1" "$SOURCE_DIR/scripts/supervise.sh" "${@:2}" "${launcher:-mpirun}" --map-by slot nnmpi train net.yaml \
        --run run 2>err
}
# shellcheck disable=SC2054 # one word
three=(--hosts a:2,b:2,c:1 --probe probe)

# expect_calls HOSTS...: so it was started, with --resume.
expect_calls() {
    local hosts
    for hosts in "$@"; do
        echo "${hosts:+--host $hosts }--map-by slot nnmpi train net.yaml --run run --resume"
    done >expected
    expect_same expected calls
}

# What nnmpi says is final stays so.
echo '{"event":"end"}' >run/metrics.jsonl
for code in 0 2 3 4 6 7 75; do
    supervise "$code" "${three[@]}" <<<"$code"
    expect_calls a:2,b:2,c:1
done
# Nor does a program appear that was not there at the first start.
supervise 127 <<<"134 mpirun was unable to launch the specified application as it could not access"
expect_calls ''
# A lost rank: again, and the host that is blamed a second time is left out.
supervise 0 "${three[@]}" <<'PLAN'
137 mpirun noticed that process rank 2 with PID 0 on node b exited on signal 9 (Killed).
5 nnmpi: rank 2 on b has shown no sign of life for 2 s in step 7 (backward); all ranks end, because
0
PLAN
expect_calls a:2,b:2,c:1 a:2,b:2,c:1 a:2,c:1
expect_line '^nnmpi-supervise: b failed twice' err
# mpirun may stay behind ranks that it has ended.
export NNMPI_TEST_GRACE=2
supervise 0 "${three[@]}" <<'PLAN'
stay mpirun noticed that process rank 1 with PID 0 on node a exited on signal 9 (Killed).
stay nnmpi: stopped by a signal after step 7, which is saved; to go on, run again with --run run --resume
0
PLAN
expect_calls a:2,b:2,c:1 a:2,b:2,c:1 a:2,b:2,c:1
unset NNMPI_TEST_GRACE
# Who speaks of others is not to blame.
supervise 0 "${three[@]}" <<'PLAN'
205   HNP daemon   : [[1,0],0] on node a
205 nnmpi: the ranks on a have waited 3 s for those of other nodes in step 7 (backward)
0
PLAN
expect_calls a:2,b:2,c:1 a:2,b:2,c:1 a:2,b:2,c:1
# A host that is gone, or hangs, is left out at once, and has its place again when it is back.
: >gone.a
: >hangs.c
supervise 0 "${three[@]}" <<<$'205\n0'
expect_calls a:2,b:2,c:1 b:2
expect_line '^nnmpi-supervise: a does not answer' err
expect_line '^nnmpi-supervise: c does not answer' err
rm gone.a hangs.c
# No hosts to choose from: just again.
supervise 0 <<<$'5\n0'
expect_calls '' ''
# 0, but the run has not come to its end.
echo '{"event":"train"}' >run/metrics.jsonl
supervise 75 "${three[@]}" <<<$'0\n75'
expect_calls a:2,b:2,c:1 a:2,b:2,c:1
supervise 5 --restarts 0 "${three[@]}" <<<0
echo '{"event":"end"}' >run/metrics.jsonl
# Ranks on a lost host may have the run folder for a while; another run has it for good.
supervise 0 "${three[@]}" <<'PLAN'
205
7 nnmpi: another process is training in the run folder 'run'
7 nnmpi: the run folder 'run' is locked for process 7 on a
0
PLAN
expect_calls a:2,b:2,c:1 a:2,b:2,c:1 a:2,b:2,c:1 a:2,b:2,c:1
# What is wrong stays so after a loss, too.
supervise 2 "${three[@]}" <<<$'205\n2\n0'
expect_calls a:2,b:2,c:1 a:2,b:2,c:1
# The end: too often, or nowhere to go.
supervise 5 --restarts 2 "${three[@]}" <<<$'5\n205\n137\n0'
expect_line '137, and 2 restarts are used up; run it again with --resume' err
touch gone.{a,b,c}
supervise 5 "${three[@]}" <<<$'205\n0'
expect_line 'no host is left' err
rm gone.*

# Hosts of a Slurm job: the launcher knows them, and is told when one is missing. Those of PBS and LSF it is always told.
cat >bin/scontrol <<<$'#!/bin/sh\nprintf "a\\nb\\nc\\n"'
chmod +x bin/scontrol
printf 'a\na\nb\nb\nc\n' >nodes
job() { SLURM_JOB_NODELIST=x SLURM_TASKS_PER_NODE='2(x2),1' supervise "$@"; }
: >gone.b
job 0 --probe probe <<<$'205\n0'
expect_calls '' a:2,c:1
PBS_NODEFILE=nodes supervise 0 --probe probe <<<$'205\n0'
expect_calls a:2,b:2,c:1 a:2,c:1
LSB_MCPU_HOSTS='a 2 b 2 c 1' supervise 0 --probe probe <<<$'205\n0'
expect_calls a:2,b:2,c:1 a:2,c:1
sed 's/mpirun (Open MPI) 4.1.4/slurm 22.05.8/' bin/mpirun >bin/srun
chmod +x bin/srun
launcher=srun job 0 --probe probe <<<$'205\n0'
expect_line '^--nodelist=a,c --nodes=2 --ntasks=3 --map-by slot nnmpi train' calls
sed 's/mpirun (Open MPI) 4.1.4/libflux-core: 0.48.0/' bin/mpirun >bin/flux
chmod +x bin/flux
launcher=flux supervise 0 <<<$'205\n0'
expect_calls '' ''
rm gone.b

# await CONDITION: a minute at most; a signal that is lost is none that the test waits for.
await() {
    local i
    for ((i = 0; i < 1200; i++)); do
        ! eval "$1" || return 0
        sleep 0.05
    done
    fail "waited in vain for: $1"
}
has_signals() { [ -e signals ] && [ "$(wc -l <signals)" -eq "$1" ]; }

# signalled CODE SIGNAL...: these come while it runs, and when the launcher then ends with that code, so does
# the supervisor: nothing is started again. `terminal=-` has them come from a terminal, to all processes of the group.
signalled() {
    local pid code=0 expected=$1 sent=0 terminal=${terminal:-}
    shift
    rm -f calls signals
    echo "wait $expected $#" >plan
    setsid env --default-signal=INT "$SOURCE_DIR/scripts/supervise.sh" "${three[@]}" mpirun --map-by slot nnmpi train \
        net.yaml --run run 2>err &
    pid=$!
    await '[ -e calls ]'
    sleep 0.3 # the supervisor knows its launcher now: USR2 before that has nothing to save
    for signal in "$@"; do
        kill -s "$signal" -- "$terminal$pid"
        sent=$((sent + 1))
        await "has_signals $sent"
    done
    wait "$pid" || code=$?
    [ "$code" -eq "$expected" ] || fail "$*: exit code $code, not $expected"
    expect_calls a:2,b:2,c:1
    expect_line '^mpirun ends$' err
}
for signal in USR1 TERM HUP INT XCPU; do
    signalled 75 "$signal"
    expect_same signals - <<<USR1
done
signalled 75 USR2 USR1
expect_same signals - <<<$'USR2\nUSR1'
# The second INT, whatever came before, ends the ranks; Ctrl-C is no more than that.
signalled 1 INT INT
expect_same signals - <<<$'USR1\nINT'
signalled 1 TERM INT INT
expect_same signals - <<<$'USR1\nUSR1\nINT'
terminal=- signalled 1 INT INT
expect_same signals - <<<$'USR1\nINT'

# What cannot be meant.
for options in "--hosts a" "--hosts a:0" "--restarts many" "--color" "--hosts"; do
    # shellcheck disable=SC2086
    expect_code 2 "$SOURCE_DIR/scripts/supervise.sh" $options mpirun nnmpi train 2>err
done
expect_code 2 "$SOURCE_DIR/scripts/supervise.sh" "${three[@]}" mpirun -n 2 nnmpi train 2>err
expect_line 'for the supervisor' err
expect_code 2 "$SOURCE_DIR/scripts/supervise.sh" "${three[@]}" true nnmpi train 2>err
expect_line 'is no mpirun' err
