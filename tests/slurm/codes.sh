#!/usr/bin/env bash
# What train.sbatch makes of how nnmpi-supervise ends, by its code, what the job was asked for and how often it was
# put back before. Without Slurm: scripts take the places of the supervisor and scontrol.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

mkdir bin
cat >bin/nnmpi-supervise <<'STUB'
#!/bin/sh
[ -n "$SIGNAL" ] || exit "$CODE"
trap 'exit "$CODE"' USR1
kill -s "$SIGNAL" "$PPID"
for _ in $(seq 100); do sleep 0.1; done
STUB
cat >bin/scontrol <<'STUB'
#!/bin/sh
echo "$*" >>calls
STUB
chmod +x bin/*
export PATH=$PWD/bin:$PATH SLURM_JOB_ID=7

# job CODE RESTARTS [SIGNAL]: it ends with that code, after it has got the signal.
job() {
    rm -f calls
    SLURM_RESTART_COUNT=$2 CODE=$1 SIGNAL=${3:-} expect_code "$1" bash "$SOURCE_DIR/slurm/train.sbatch" net.yaml run >out 2>&1
}

put_back() {
    job "$@"
    [ -e calls ] || fail "code $1, restart $2, signal ${3:-none}: not put back"
    expect_same calls - <<<'requeue 7'
}

final() {
    job "$@"
    [ ! -e calls ] || fail "code $1, restart $2, signal ${3:-none}: put back"
}

# Done, or wrong in a way that another try does not mend, the first time and later.
for code in 0 2 3 4 6 126 127; do
    final "$code" 0
    final "$code" 1
done
# Another job is training in the run folder; or, later, what is left of this one.
final 7 0
put_back 7 1
# Lost ranks, as the supervisor could not go on, and time that is up; but not for ever.
for code in 5 137; do
    put_back "$code" 0
    put_back "$code" 99
    final "$code" 100
done
put_back 75 0 USR1
put_back 75 2 USR1
# Slurm does it by itself, or the job was cancelled.
final 75 0 TERM
final 75 2 TERM
final 5 0 TERM
expect_line '^train\.sbatch: ended with code 5; run goes on from its beginning$' out
