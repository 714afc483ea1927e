#!/usr/bin/env bash
# Trains one run folder to its end in a job of PBS Pro, LSF or Flux, whatever happens to it on the way:
#   CONFIG=FILE RUN=FOLDER qsub train.sh
#   CONFIG=FILE RUN=FOLDER bsub <train.sh
#   CONFIG=FILE RUN=FOLDER flux batch train.sh
# OPTIONS are further options of `nnmpi train`; NNMPI_LAUNCHER starts the ranks (mpirun; in Flux `flux run`). Each
# queue reads its own lines of those below. A job that submits itself again does so with this file: put size, time,
# account and queue here, in a copy.
#PBS -N nnmpi
#PBS -l select=2:ncpus=4:mpiprocs=4
#PBS -l walltime=4:00:00
#PBS -V
#PBS -r y
#PBS -j oe
#BSUB -J nnmpi
#BSUB -n 8
#BSUB -W 4:00
#BSUB -wa USR1 -wt 2
#BSUB -r
#BSUB -Q 75
#BSUB -o nnmpi-%J.out
#flux: --job-name=nnmpi
#flux: --nslots=8
#flux: --time-limit=4h
#flux: --output=nnmpi-{{id}}.out
set -u
config=${CONFIG:?which configuration} run=${RUN:?which run folder}
read -ra options <<<"${OPTIONS:-}"

# left: seconds until the time limit, where no signal of the queue comes ahead of it. again: back into the queue.
launcher=mpirun
if [ -n "${PBS_JOBID:-}" ]; then
    cd "$PBS_O_WORKDIR" || exit 2
    left() {
        qstat -f "$PBS_JOBID" | awk -v used=$SECONDS -F'[=:]' '/Resource_List.walltime/ {print ($2 * 60 + $3) * 60 + $4 - used}'
    }
    again() { qsub "$0"; }
elif [ -n "${LSB_JOBID:-}" ]; then
    left() { :; }                # -wa, -wt
    again() { code=$putting_back; } # -Q
elif [ -n "${FLUX_URI:-}" ]; then
    left() { flux job timeleft; }
    again() { flux --parent batch "$0"; }
    launcher="flux run -n $(flux resource list -n -s up -o '{ncores}')"
else
    printf 'train.sh: this is no job of PBS, LSF or Flux; submit it\n' >&2
    exit 2
fi
putting_back=75 # also the code of nnmpi and its supervisor for a run that was told to save and end
read -ra launcher <<<"${NNMPI_LAUNCHER:-$launcher}"

# As in slurm/train.sbatch: mpirun of Open MPI 4 hears TERM like all processes of a job, and would leave its ranks 2 s.
export OMPI_MCA_odls_base_sigkill_timeout=${OMPI_MCA_odls_base_sigkill_timeout:-5}

asked='' ranks=''
hand_on() {
    asked=$1
    [ -z "$ranks" ] || kill -USR1 "$ranks" 2>/dev/null
}
trap 'hand_on USR1' USR1 USR2 # USR2: LSF's word that the time is up
trap 'hand_on TERM' TERM INT HUP

# train: code=what it ended with. The supervisor starts the ranks again, here and at once, when one is lost, or a host.
train() {
    local limit timer
    limit=$(left)
    if [[ $limit =~ ^[0-9]+$ ]]; then limit=$((limit > 130 ? limit - 120 : 10)); else limit=infinity; fi
    nnmpi-supervise "${launcher[@]}" nnmpi train "$config" --run "$run" "${options[@]}" &
    ranks=$!
    [ -z "$asked" ] || hand_on "$asked" # it came before
    sleep "$limit" &
    timer=$!
    wait -n "$ranks" "$timer"
    kill "$timer" 2>/dev/null || hand_on USR1
    while kill -0 "$ranks" 2>/dev/null; do wait "$ranks"; done # a signal, or the timer, had ended the wait
    wait "$ranks"
    code=$?
}

checkpoint() { readlink "$run/last.h5" || echo its beginning; }

before=$(checkpoint)
for _ in 1 2 3 4 5 6; do
    train
    # 7: another job is training there; or, where the queue has started this one again, the ranks of a host that it lost
    if [ "$code" -ne 7 ] || [ -n "$asked" ]; then break; fi
    sleep 20
done
trap - USR1 TERM

# behind what the launcher has to say
[ "$code" -eq 0 ] || printf 'train.sh: ended with code %s; %s goes on from %s\n' "$code" "$run" "$(checkpoint)"
ended=$code
[ "$code" -ne "$putting_back" ] || code=143 # what LSF lets be
case $ended,$asked in
*,TERM) ;;                         # cancelled: it is to stay away; preempted: the queue puts it back by itself
[023467],* | 126,* | 127,*) ;;     # done, or wrong in a way that another try does not mend
*) # out of time, or the supervisor knows no way to go on
    if [ "$(checkpoint)" = "$before" ]; then
        printf 'train.sh: no checkpoint was written in this job, so it is not put back\n'
    else
        again
    fi
    ;;
esac
exit "$code"
