#!/usr/bin/env bash
# What examples/queues/train.sh makes of its queue and of how nnmpi-supervise ends. Without a queue: scripts take the
# places of its commands and of the supervisor, and write down how they were called.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
unset PBS_JOBID LSB_JOBID FLUX_URI NNMPI_LAUNCHER OPTIONS

mkdir bin run
# Each start ends with the next code of `codes`: where a SIGNAL is to come, after it; with PROGRESS, with a new checkpoint.
cat >bin/nnmpi-supervise <<'STUB'
#!/bin/bash
echo "supervise $*" >>calls
if [ -n "$SIGNAL" ]; then
    trap 'ended=yes' USR1
    : >ready
    [ "$SIGNAL" = timer ] || kill -s "$SIGNAL" "$PPID"
    for ((i = 0; i < 100; i++)); do [ -n "${ended:-}" ] || /bin/sleep 0.1; done
    [ -n "${ended:-}" ] || exit 99
fi
[ -z "$PROGRESS" ] || ln -sf checkpoint-2.h5 run/last.h5
exit "$(sed -n "$(grep -c ^supervise calls)p" codes)"
STUB
cat >bin/qsub <<'STUB'
#!/bin/sh
echo "${0##*/} $*" >>calls
STUB
cat >bin/qstat <<'STUB'
#!/bin/sh
[ "$*" = "-f 7" ] && printf 'Job Id: 7\n    Job_Name = nnmpi\n    Resource_List.walltime = 01:02:03\n'
STUB
cat >bin/flux <<'STUB'
#!/bin/sh
case "$*" in
"job timeleft") echo 3723 ;;
"resource list -n -s up -o {ncores}") echo 8 ;;
*) echo "flux $*" >>calls ;;
esac
STUB
# The time limit, less the seconds that this has taken, comes at once where it is to come; a short sleep is over.
cat >bin/sleep <<'STUB'
#!/bin/sh
case $1 in
36??) if [ "$SIGNAL" = timer ]; then until [ -e ready ]; do /bin/sleep 0.1; done; else exec /bin/sleep 60; fi ;;
infinity) exec /bin/sleep 60 ;;
*) echo "sleep $1" >>calls ;;
esac
STUB
chmod +x bin/*
export PATH=$PWD/bin:$PATH CONFIG=net.yaml RUN=run SIGNAL='' PROGRESS=''
script=$SOURCE_DIR/examples/queues/train.sh

# job EXIT CODE...: the supervisor ends with these codes, the script with that one; what was called is on standard input.
job() {
    local exit=$1
    shift
    rm -f calls ready
    ln -sf checkpoint-1.h5 run/last.h5
    printf '%s\n' "$@" >codes
    expect_code "$exit" env "${queue[@]}" bash "$script" >out 2>&1
    sed "s|$script|SCRIPT|" calls >called
    expect_same called -
}

# behaves LAUNCHER AGAIN EXIT: what is alike in all; AGAIN puts a job back, which has ended with EXIT when told to save.
behaves() {
    local start="supervise $1 nnmpi train net.yaml --run run" again=${2:+$'\n'}$2 exit=$3 code
    for code in 0 2 3 4 6 126 127; do PROGRESS=yes job $code $code <<<"$start"; done
    # A supervisor that gives up; time that is up. Not without a checkpoint, as that would be for ever.
    PROGRESS=yes job "${exit/143/5}" 5 <<<"$start$again"
    job 5 5 <<<"$start"
    expect_line 'no checkpoint was written' out
    SIGNAL=USR1 PROGRESS=yes job "$exit" 75 <<<"$start$again"
    SIGNAL=USR1 job 143 75 <<<"$start"
    # Cancelled.
    SIGNAL=TERM PROGRESS=yes job 143 75 <<<"$start"
    # Somebody has the run folder; not for ever.
    job 0 7 7 0 <<<"$start"$'\nsleep 20\n'"$start"$'\nsleep 20\n'"$start"
}

queue=(PBS_JOBID=7 "PBS_O_WORKDIR=$PWD")
behaves mpirun 'qsub SCRIPT' 143
SIGNAL=timer PROGRESS=yes job 143 75 <<<$'supervise mpirun nnmpi train net.yaml --run run\nqsub SCRIPT'
OPTIONS='-o train.lr=0.1' NNMPI_LAUNCHER='mpiexec -v' job 0 0 \
    <<<'supervise mpiexec -v nnmpi train net.yaml --run run -o train.lr=0.1'

queue=(LSB_JOBID=7)
behaves mpirun '' 75
SIGNAL=USR2 PROGRESS=yes job 75 75 <<<'supervise mpirun nnmpi train net.yaml --run run'

queue=(FLUX_URI=local:///run/flux)
behaves 'flux run -n 8' 'flux --parent batch SCRIPT' 143
SIGNAL=timer PROGRESS=yes job 143 75 <<<$'supervise flux run -n 8 nnmpi train net.yaml --run run\nflux --parent batch SCRIPT'

expect_code 2 bash "$script" >out 2>&1
expect_line 'no job of PBS, LSF or Flux' out
