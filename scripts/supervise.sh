#!/usr/bin/env bash
# Keeps a training going without the queue: when a rank or a host is lost, starts it again, from its last
# checkpoint, on the hosts that are left. As `nnmpi-supervise` it is installed beside nnmpi.
# shellcheck disable=SC2016 # `...` is text
usage='usage: nnmpi-supervise [options] LAUNCHER [its options] nnmpi train CONFIG --run RUN ...
  --hosts HOST:RANKS,...  where ranks are started; without it the hosts of the Slurm job, those of the file
                          that PBS_NODEFILE names, those in LSB_MCPU_HOSTS (LSF), or whatever the launcher takes
  --restarts N            how often it is started again at most (10)
  --probe COMMAND         `COMMAND HOST true` ends with 0 when a host is there; without it srun in a Slurm
                          job, else ssh
LAUNCHER is mpirun of Open MPI, mpiexec of MPICH, srun, or flux run. With hosts it gets no number of ranks: hosts
say how many. --resume is added.
USR1, TERM, INT, HUP and XCPU save and end the run with 75; the codes 0, 2, 3, 4, 6, 7 and 75 of nnmpi are final, but 7
after a loss. When starting again does not help any more, it ends with 5.'
set -u

probe_seconds=5   # until a host counts as lost; srun gets twice that, as it asks Slurm first
lock_seconds=2    # between two looks at a run folder that the ranks of a lost host still have
launcher_grace=${NNMPI_TEST_GRACE:-15} # seconds of a launcher that stays behind its ranks

say() { printf 'nnmpi-supervise: %s\n' "$*" >&2; }

refuse() {
    say "$*"
    exit 2
}

# ---- what is asked for ---------------------------------------------------------------------------

places='' restarts=10 probe=()
while [ $# -gt 0 ]; do
    case $1 in
    --hosts | --restarts | --probe) [ $# -gt 1 ] || refuse "$1 wants a value" ;;&
    --hosts) places=$2 ;;
    --restarts) restarts=$2 ;;
    --probe) read -ra probe <<<"$2" ;;
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    -*) refuse "unknown option '$1' (--help lists them)" ;;
    *) break ;;
    esac
    shift 2
done
[ $# -gt 1 ] || refuse "which command? (--help)"
[[ $restarts =~ ^[0-9]+$ ]] || refuse "--restarts: '$restarts' is no number"
launcher=$1
command=("${@:2}")
[[ " ${command[*]} " == *" --resume "* ]] || command+=(--resume)

# slurm_places: HOST:RANKS for each node of the job; SLURM_TASKS_PER_NODE is like 4(x2),3.
slurm_places() {
    local count=() part host i=0
    for part in ${SLURM_TASKS_PER_NODE//,/ }; do
        [[ $part =~ ^([0-9]+)(\(x([0-9]+)\))?$ ]]
        for _ in $(seq "${BASH_REMATCH[3]:-1}"); do count+=("${BASH_REMATCH[1]}"); done
    done
    for host in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
        printf '%s:%s\n' "$host" "${count[i++]}"
    done
}

known='' # to the launcher: where all hosts are there, it is told nothing; few are built for PBS or LSF
if [ -z "$places" ] && [ -n "${SLURM_JOB_NODELIST:-}" ]; then
    places=$(slurm_places) known=yes
elif [ -z "$places" ] && [ -n "${PBS_NODEFILE:-}" ]; then
    places=$(sort "$PBS_NODEFILE" | uniq -c | awk '{print $2 ":" $1}') # a line a rank
elif [ -z "$places" ] && [ -n "${LSB_MCPU_HOSTS:-}" ]; then
    places=$(xargs -n 2 printf '%s:%s\n' <<<"$LSB_MCPU_HOSTS") # HOST SLOTS HOST SLOTS ...
fi
hosts=()
declare -A ranks strikes
for place in ${places//,/ }; do
    hosts+=("${place%%:*}")
    ranks[${place%%:*}]=${place#*:}
    strikes[${place%%:*}]=0
    [[ $place =~ ^[^:]+:[1-9][0-9]*$ ]] || refuse "--hosts: '$place' is not HOST:RANKS"
done
# refuse_places: hosts and numbers of ranks in the launcher's own options would be those of the first start for ever.
refuse_places() {
    local word
    for word in "${command[@]}"; do
        case $word in
        nnmpi | */nnmpi) return ;;
        -n | -np | --np | -H | -host | --host | -hosts | -hostfile | --hostfile | -machinefile | --machinefile | -f)
            refuse "$word of $launcher: ranks and hosts are for the supervisor (--hosts)"
            ;;
        esac
    done
}
[ "${#hosts[@]}" -eq 0 ] || refuse_places
if [ "${#probe[@]}" -eq 0 ] && [ -n "${SLURM_JOB_ID:-}" ]; then
    probe_seconds=10
    probe=(srun --quiet --nodes=1 --ntasks=1 -w)
elif [ "${#probe[@]}" -eq 0 ]; then
    probe=(ssh -o BatchMode=yes -o "ConnectTimeout=$probe_seconds")
fi
case $("$launcher" --version 2>&1) in
*HYDRA*) family=mpich ;;
*"Open MPI"* | *OpenRTE*) family=openmpi ;;
slurm*) family=srun ;;
*libflux-core*) family=flux ;; # which places ranks itself
*) refuse "'$launcher' is no mpirun of Open MPI, no mpiexec of MPICH, no srun and no flux" ;;
esac

# In a Slurm job the step of the last start has its processors for as long as a node of it does not answer: the next
# one has them, too (srun --overlap, also the srun by which mpirun starts its daemons).
export SLURM_OVERLAP=1
# A host whose cable is cut says nothing: mpirun of Open MPI asks for signs of life, as in env.sh.
for setting in time=3 intvl=1 probes=4; do
    for kind in OMPI PRTE; do
        name=${kind}_MCA_oob_tcp_keepalive_${setting%=*}
        export "$name=${!name:-${setting#*=}}"
    done
done

# ---- hosts ---------------------------------------------------------------------------------------

# look_for_hosts: there=(those that answer and have not failed twice).
look_for_hosts() {
    local host looks=()
    there=()
    for host in "${hosts[@]}"; do
        timeout -k 1 "$probe_seconds" "${probe[@]}" "$host" true </dev/null >/dev/null 2>&1 &
        looks+=($!)
    done
    for host in "${hosts[@]}"; do
        if ! wait "${looks[0]}" 2>/dev/null; then
            say "$host does not answer"
        elif [ "${strikes[$host]}" -ge 2 ]; then
            say "$host failed twice and is left out"
        else
            there+=("$host")
        fi
        looks=("${looks[@]:1}")
    done
}

# named_hosts: those that the messages of the last start blame, the launcher's or the watchdog's.
named_hosts() {
    local by='Remote daemon:.* on node|process rank [0-9]+ .*on node|RUNNING AT|rank [0-9]+ on|^srun: error:'
    sed -nE "s/.*($by) ([^] ,:]+)( has (shown|not)| exited|: task|\)|\$).*/\2/p" "$messages" | sort -u
}

blame() {
    local host
    for host in $(named_hosts); do
        [ -z "${strikes[$host]:-}" ] || strikes[$host]=$((strikes[$host] + 1))
    done
}

# ---- one start -----------------------------------------------------------------------------------

asked='' # the signals so far that want an end
mpirun='' early=()
hand_on() {
    local signal=USR1 # which mpirun gives the ranks without ending them
    [ "$1" != INT ] || [[ $asked != *INT* ]] || signal=INT
    asked+=" $1"
    if [ -n "$mpirun" ]; then kill -s "$signal" "$mpirun" 2>/dev/null; else early+=("$signal"); fi
}
for signal in USR1 TERM INT HUP XCPU; do
    # shellcheck disable=SC2064 # now
    trap "hand_on $signal" "$signal"
done
trap '[ -z "$mpirun" ] || kill -s USR2 "$mpirun" 2>/dev/null' USR2

messages=$(mktemp "${TMPDIR:-/tmp}/nnmpi-supervise.XXXXXX")
trap 'rm -f "$messages"' EXIT

# end_launcher PID: when the watchdog of nnmpi has ended the ranks, a launcher may still wait for a host that is
# gone; and mpirun of Open MPI 4, which ends the others when one has died, now and then does not end itself, nor does
# it always say why: but those that were still there have saved.
end_launcher() {
    until grep -qE 'all ranks end|noticed that process rank|stopped by a signal' "$messages"; do sleep 1; done
    sleep "$launcher_grace"
    kill -s KILL "$1"
}

# placed: the hosts that are there, as options of the launcher, one a line.
placed() {
    local host list='' sum=0
    [ "${#there[@]}" -gt 0 ] || return
    [ -z "$known" ] || [ "${#there[@]}" -lt "${#hosts[@]}" ] || return
    for host in "${there[@]}"; do
        [ "$family" = srun ] || host+=:${ranks[$host]}
        list+=${list:+,}$host
        sum=$((sum + ranks[${host%:*}]))
    done
    case $family in
    openmpi) printf '%s\n' --host "$list" ;;
    mpich) printf '%s\n' -hosts "$list" ;;
    srun) printf '%s\n' "--nodelist=$list" "--nodes=${#there[@]}" "--ntasks=$sum" ;;
    esac
}

# start: code=what the launcher returned; its messages are shown and kept. A process group of its own keeps
# Ctrl-C from it, as it would not let the ranks save; what copies its messages stays until they end.
start() {
    local options errors copy guard signal
    mapfile -t options < <(placed)
    : >"$messages"
    exec {errors}> >(trap '' TERM INT HUP USR1 USR2 XCPU && exec tee -a "$messages" >&2)
    copy=$!
    set -m
    "$launcher" "${options[@]}" "${command[@]}" </dev/null 2>&"$errors" {errors}>&- &
    mpirun=$!
    for signal in "${early[@]}"; do kill -s "$signal" "$mpirun"; done # while it was started
    end_launcher "$mpirun" </dev/null >/dev/null 2>&1 {errors}>&- &
    guard=$!
    set +m
    exec {errors}>&-
    wait "$mpirun"
    while kill -0 "$mpirun" 2>/dev/null; do wait "$mpirun"; done # a signal had ended the wait
    wait "$mpirun"
    code=$?
    mpirun=''
    kill -- "-$guard" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do # what has the pipe open after that is of a lost host
        kill -0 "$copy" 2>/dev/null || return
        sleep 0.1
    done
    kill -s KILL "$copy"
}

# ---- until it is done ----------------------------------------------------------------------------

# is_unfinished: a lost host makes mpirun of Open MPI 5 end with 0, a killed rank now and then mpiexec of MPICH
# 4.2.1; but a run that came to its end says so in its log.
is_unfinished() {
    local i log=
    for ((i = 0; i < ${#command[@]} - 1; i++)); do
        [ "${command[i]}" != --run ] || log=${command[i + 1]}/metrics.jsonl
    done
    [ -n "$log" ] && ! tail -n 1 "$log" 2>/dev/null | grep -q '"event":"end"'
}

give_up() {
    say "$*; run it again with --resume"
    exit 5
}

used=0 waits=60 there=("${hosts[@]}")
while :; do
    [ "$used" -eq 0 ] || look_for_hosts
    [ -z "$asked" ] || exit 75
    [ "${#hosts[@]}" -eq 0 ] || [ "${#there[@]}" -gt 0 ] ||
        give_up "no host is left (asked with '${probe[*]} HOST true')"
    [ "$used" -eq 0 ] || say "restart $used of $restarts: ${there[*]:-here}"
    start
    # a program that is not there will not be there the next time either
    [ "$used" -gt 0 ] || ! grep -qE 'unable to (find|launch) the specified|execvp error on file' "$messages" || exit 127
    case $code in
    0)
        is_unfinished || exit 0
        code=5
        ;;
    # Ranks on a lost host have not noticed yet that they are alone.
    7) [ "$used" -gt 0 ] && [ "$waits" -gt 0 ] || exit 7 ;;
    2 | 3 | 4 | 6 | 75 | 126 | 127) exit "$code" ;;
    esac
    [ -z "$asked" ] || [ "$code" -ne 138 ] || exit 75 # by USR1, which the launcher got before it was ready
    [ -z "$asked" ] || ! grep -q 'stopped by a signal' "$messages" || exit 75 # and the launcher had stayed behind
    [ -z "$asked" ] || exit "$code"
    if [ "$code" -eq 7 ]; then
        waits=$((waits - 1))
        sleep "$lock_seconds"
        continue
    fi
    [ "$used" -lt "$restarts" ] || give_up "ended with $code, and $restarts restarts are used up"
    used=$((used + 1))
    say "ended with $code: a rank or a host was lost"
    blame
done
