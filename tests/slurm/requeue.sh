#!/usr/bin/env bash
# timeout: 400
# What Slurm and people do to a job, on a cluster of five nodes: it goes on with nothing lost, or ends for good, and
# the run ends with the parameters of one that nothing happened to.
# shellcheck source=tests/cluster.sh
. "$SOURCE_DIR/tests/cluster.sh"

cluster_up 5 4
prepare_jobs

# The time limit of a job with two ranks on one node and one on another. Slurm looks every 30 s, and may speak 30 s
# too early: here the second time, unless the job has ended before.
limit() {
    OMPI_MCA_odls_base_sigkill_timeout=1 submit limit train.sbatch -N 2 -n 3 --time=2 --signal=B:USR1@80
    within 100 said limit '^nnmpi: stopped by a signal after step' || fail "limit: no signal"
    rm limit/slow
    within 200 is_in limit COMPLETED || fail "limit: $(field limit JobState)"
    completes limit "$(field limit Restarts)"
    said limit '^nnmpi: 3 ranks on 2 nodes' || fail "limit: ranks are elsewhere"
    said limit '^nnmpi: going on from run/last.h5' || fail "limit: it did not go on"
}

requeue() {
    local before
    submit requeue train.sbatch -n 2
    middle requeue
    before=$(steps requeue)
    scontrol requeue "${job[requeue]}"
    rm requeue/slow
    completes requeue 1
    lost_nothing requeue "$(after_term "$before")"
}

# It stays away, until it is submitted again.
cancel() {
    local before
    submit cancel train.sbatch -n 2
    middle cancel
    before=$(steps cancel)
    scancel "${job[cancel]}"
    ends cancel CANCELLED 0
    submit cancel train.sbatch -n 2
    rm cancel/slow
    completes cancel 0
    lost_nothing cancel "$(after_term "$before")"
}

# It has the time to save a checkpoint that takes longer than the second or two which mpirun would leave.
preempt() {
    local before
    submit preempt train.sbatch -w n5 -n 2 --exclusive
    middle preempt
    before=$(steps preempt)
    touch preempt/slow-save
    mkdir high
    job[high]=$(sbatch --parsable -p high -w n5 --exclusive -o high/high.out --wrap 'sleep 1')
    ends high COMPLETED 0
    rm preempt/slow preempt/slow-save
    completes preempt 1
    lost_nothing preempt "$(after_term "$before")"
}

# Ranks started by srun; MPICH of Debian and Ubuntu has no PMIx.
by_srun() {
    local before
    ! is_hydra && srun --mpi=list 2>&1 | grep -q pmix || return 0
    NNMPI_LAUNCHER='srun --mpi=pmix --kill-on-bad-exit=1' submit by_srun train.sbatch -N 2 -n 3
    middle by_srun
    before=$(steps by_srun)
    scontrol requeue "${job[by_srun]}"
    rm by_srun/slow
    completes by_srun 1
    lost_nothing by_srun "$before"
    said by_srun '^nnmpi: 3 ranks on 2 nodes' || fail "by_srun: ranks are elsewhere"
}

# Each rank has the cores that it was promised.
cores() {
    submit cores train.sbatch -N 2 -n 2 --cpus-per-task=2
    rm cores/slow
    completes cores 0
    [ "$(cat cores/cores-* | xargs)" = '2 2' ] || fail "cores of the ranks: $(cat cores/cores-*)"
}

together limit requeue cancel preempt by_srun cores
