#!/usr/bin/env bash
# timeout: 400
# kill -9 of each of Slurm's daemons, and of a rank while there is no controller.
# shellcheck source=tests/cluster.sh
. "$SOURCE_DIR/tests/cluster.sh"

cluster_up 4 2
prepare_jobs

# The daemon of the batch script: the run saves, ends and makes room for the job that starts again.
stepd() {
    local before
    submit stepd train.sbatch -w n1 -n 2
    middle stepd
    before=$(steps stepd)
    on n1 pkill -KILL -x slurmstepd
    within 60 said stepd '^nnmpi: stopped by a signal after step' || fail "stepd: the run does not end"
    rm stepd/slow
    completes stepd 1
    lost_nothing stepd "$before"
}

# That of a node: it is started again, as systemd does it, and nothing has happened to the job.
slurmd() {
    submit slurmd train.sbatch -w n2 -n 2
    middle slurmd
    on n2 pkill -KILL -x slurmd
    sleep 2
    start_slurmd n2
    sleep 2
    rm slurmd/slow
    completes slurmd 0
}

# The daemon of the ranks on another node: they and mpirun do without it. That of MPICH waits for it in the end.
other_stepd() {
    ! is_hydra || return 0
    submit other_stepd train.sbatch -w n3,n4 -N 2 -n 3
    middle other_stepd
    on n4 pkill -KILL -x slurmstepd
    sleep 2
    rm other_stepd/slow
    completes other_stepd 0
}
together stepd slurmd other_stepd

# The controller: a job goes on without it, and one that loses a rank meanwhile asks for another try until it is back.
submit calm train.sbatch -w n3 -n 2
submit loses train.sbatch -w n4 -n 2
middle calm
middle loses
# What it knows of jobs it saves a while after each change, however busy the machine.
touch changed
for name in calm loses; do scontrol update JobId="${job[$name]}" Comment=trains; done
saved() { [ "$trash/state/job_state" -nt changed ]; }
within 60 saved || fail "slurmctld does not save what it knows"
kill -KILL "$(cat slurmctld.pid)"
on n4 pkill -KILL -o -x nnmpi
no_ranks() { ! on "$1" pgrep -x nnmpi > /dev/null; }
within 60 no_ranks n4 || fail "loses: ranks are left"
sleep 2 # a first try in vain
start_slurmctld
rm calm/slow loses/slow
within 60 scontrol ping > /dev/null || fail "no slurmctld"
completes calm 0
completes loses 1
said loses '^nnmpi: going on from run/last.h5' || fail "loses: it did not go on"
