# shellcheck shell=bash
# A Slurm cluster of its own for a test script, which starts with this instead of tests/lib.sh. The script
# begins anew in namespaces of its own (processes, network, names, mounts), where it is the host `head`, as
# root; cluster_up starts munged, slurmctld and nodes n1, n2 ..., each with a slurmd in namespaces of its own
# (processes, names, /dev/shm). Ports, keys and files are private, and the kernel ends all of it with the
# script, whatever ends that. Skipped with a word where this is not possible.

namespaces=(unshare --net --pid --uts --ipc --mount --mount-proc --fork --kill-child)

missing_for_cluster() {
    local program
    [ "$(id -u)" -eq 0 ] || { echo 'only root can start a Slurm cluster' && return; }
    for program in munged slurmctld slurmd sbatch srun ip; do
        command -v "$program" > /dev/null || { echo "no $program" && return; }
    done
    [ "$(nproc)" -ge 2 ] || { echo 'mpirun would not start two ranks on one core' && return; }
    [ -n "$(propagation)" ] || echo 'namespaces are not allowed here'
}

# Of mounts: none shall be seen outside. What is private already need not be made so, which would not go where the
# root folder is no mount (chroot).
propagation() {
    if "${namespaces[@]}" --propagation private true 2> /dev/null; then
        echo private
    elif ! grep -q ' shared:' /proc/self/mountinfo && "${namespaces[@]}" --propagation unchanged true 2> /dev/null; then
        echo unchanged
    fi
}

if [ -z "${IN_CLUSTER:-}" ]; then
    missing=$(missing_for_cluster)
    [ -z "$missing" ] || { printf 'skipped: %s\n' "$missing" >&2 && exit 77; }
    export IN_CLUSTER=yes
    exec "${namespaces[@]}" --propagation "$(propagation)" bash "$0"
fi
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/scripts/env.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
trap 'leave $?' EXIT

# Nothing stays on the disk, either, whatever ends the script.
mount -t tmpfs tmpfs "$trash"
cd "$trash"
leave() {
    [ "$1" -eq 0 ] || [ "$1" -eq 77 ] || show_cluster >&9 2>&1
    jobs -pr | xargs -r kill -s KILL # daemons and nodes: nothing that is left waits for anything
    cd / && umount -l "$trash"
    finish "$1"
}
show_cluster() {
    tail -v -n 30 ./*/*.out munged.log slurmctld.log slurmd.*.log
}

# within SECONDS COMMAND...: the command succeeds within that time.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# together CASE...: these functions at the same time, each with jobs of its own.
together() {
    local what pids=() failed=0
    for what in "$@"; do
        "$what" &
        pids+=("$!")
    done
    for what in "${pids[@]}"; do wait "$what" || failed=1; done
    [ "$failed" -eq 0 ] || exit 1
}

# ---- the cluster ---------------------------------------------------------------------------------

# Jobs are no part of a job around the tests, and have Open MPI's daemons and folders as users have them.
unset "${!SLURM_@}" OMPI_MCA_orte_tmpdir_base OMPI_MCA_ess_singleton_isolated OMPI_MCA_pml
unset OMPI_MCA_rmaps_base_oversubscribe PRTE_MCA_rmaps_default_mapping_policy # Slurm says what is where
export SLURM_CONF=$trash/slurm.conf TMPDIR=$trash/tmp
export OMPI_MCA_mpi_yield_when_idle=1 # the nodes share the few cores of this machine

declare -A node_job # the job of this shell that holds a node

write_slurm_conf() {
    cat > "$SLURM_CONF" << CONF
ClusterName=test
SlurmctldHost=head(10.77.7.1)
SlurmctldPort=6817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$trash/munge.socket,cred_expire=5
StateSaveLocation=$trash/state
SlurmctldPidFile=$trash/slurmctld.pid
SlurmctldLogFile=$trash/slurmctld.log
SlurmdSpoolDir=$trash/spool.%n
SlurmdPidFile=$trash/slurmd.%n.pid
SlurmdLogFile=$trash/slurmd.%n.log
TmpFS=$trash/tmp.%n
# neither control groups nor a database
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
# short clocks
SlurmdTimeout=10
SlurmctldTimeout=10
BatchStartTimeout=10
InactiveLimit=0
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=0,bf_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n[1-$1] NodeHostname=n[1-$1] NodeAddr=10.77.7.1 Port=[6821-$((6820 + $1))] CPUs=$2
PartitionName=low Nodes=ALL Default=YES PriorityTier=1
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF
CONF
}

start_munged() {
    (umask 077 && head -c 128 /dev/urandom > munge.key)
    munged --foreground --force --key-file="$trash/munge.key" --socket="$trash/munge.socket" --pid-file="$trash/munged.pid" \
        --seed-file="$trash/munge.seed" 2> munged.log &
    within 20 [ -S munge.socket ] || fail "no munged"
}

start_slurmctld() { slurmctld -D 2> /dev/null & }

# on NODE COMMAND...
on() {
    local node=$1
    shift
    nsenter -t "$(pgrep -P "${node_job[$node]}")" --all --root --wd=/ "$@"
}

start_slurmd() { on "$1" slurmd -N "$1"; }

# node_up NODE: switched on. Its first process has to take in the orphans of the others.
node_up() {
    mkdir -p "$trash/tmp.$1" "$trash/spool.$1"
    # shellcheck disable=SC2016 # for the shell inside
    unshare --pid --uts --ipc --mount --propagation unchanged --mount-proc --fork --kill-child bash -c '
        hostname "$1"
        mount -t tmpfs tmpfs /dev/shm
        sleep infinity &
        while :; do wait; done' node "$1" &
    node_job[$1]=$!
    until [ "$(on "$1" hostname 2> /dev/null)" = "$1" ]; do sleep 0.05; done
    start_slurmd "$1"
}

# node_down NODE: its power is cut.
node_down() { kill -s KILL "$(pgrep -P "${node_job[$1]}")"; }

# start_network NODES: one address for all, which is not that of the loopback: libraries would leave that out.
start_network() {
    ip link set lo up
    ip link add eth0 type veth peer name eth1
    ip address add 10.77.7.1/24 dev eth0
    ip link set eth0 up
    ip link set eth1 up
    { echo 127.0.0.1 localhost && printf '10.77.7.1 head' && seq -f ' n%.0f' -s '' "$1"; } > hosts
    mount --bind hosts /etc/hosts
}

# cluster_up NODES CPUS
cluster_up() {
    local i
    hostname head
    mkdir tmp state
    start_network "$1"
    write_slurm_conf "$@"
    start_munged
    start_slurmctld
    for i in $(seq "$1"); do node_up "n$i"; done
    within 20 all_idle "$1" || fail "the nodes do not come: $(sinfo 2>&1)"
}
all_idle() { [ "$(sinfo -h -N -p low -t idle -o %N 2> /dev/null | wc -l)" -eq "$1" ]; }

# ---- jobs ----------------------------------------------------------------------------------------

# What all jobs train: a run that reads its samples from a file as it goes on. As long as there is a file `slow`
# in a job's folder, reading is slow and the run has a minute left, which costs hardly any processor time. While there
# is a file `slow-save`, a checkpoint takes 4 s.
prepare_jobs() {
    shim slow
    shim yield # nodes do not know that they share the few cores of this machine
    mkdir bin
    cat > bin/nnmpi << SH
#!/bin/sh
nproc > "cores-\$(uname -n)"
export SLOW_PATH=blobs.h5 SLOW_WHILE=slow SLOW_SAVE=slow-save LD_PRELOAD="$trash/slow.so:$trash/yield.so"
exec "$NNMPI" "\$@"
SH
    chmod +x bin/nnmpi
    cp "$SOURCE_DIR/scripts/supervise.sh" bin/nnmpi-supervise
    export PATH=$trash/bin:$PATH
    "$NNMPI" data make blobs -O blobs.h5 --samples 200 --features 512 -q
    cat > net.yaml << YAML
data: {path: $trash/blobs.h5, memory: 0.25}
model: [dense: {units: 10, activation: tanh}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 100000000, max_steps: 1000, batch_size: 8, log_every: 1, reproducible: true}
validate: {every_epochs: 0}
checkpoint: {every_steps: 20}
YAML
    "$NNMPI" train net.yaml --run undisturbed -q > /dev/null
}

declare -A job # their ids

# submit NAME SCRIPT [SBATCH OPTION...]: a job in the folder NAME, slow at first.
submit() {
    mkdir -p "$1"
    touch "$1/slow"
    job[$1]=$(cd "$1" && sbatch --parsable "${@:3}" "$SOURCE_DIR/slurm/$2" ../net.yaml run)
}

# steps NAME: those that it has reported.
steps() { grep -c '"event":"train"' "$1/run/metrics.jsonl" 2> /dev/null || true; }

# middle NAME: waits until it is in the middle of training, with a checkpoint.
middle() {
    within 60 [ -s "$1/run/last.h5" ] || fail "$1 does not begin"
    within 20 is_beyond "$1" 30 || fail "$1 does not go on"
    printf '%3d s: %s trains\n' "$SECONDS" "$1"
}
is_beyond() { [ "$(steps "$1")" -gt "$2" ]; }

said() { grep -qE -- "$2" "$1"/*.out; }

# field NAME KEY: what Slurm says of the job.
field() { scontrol -o show job "${job[$1]}" | grep -o " $2=[^ ]*" | cut -d = -f 2; }
is_in() { [ "$(field "$1" JobState)" = "$2" ]; }

# ends NAME STATE RESTARTS: so it ends, within minutes on a busy machine, and started so many times again.
ends() {
    within 200 is_in "$1" "$2" || fail "$1: $(field "$1" JobState), not $2"
    printf '%3d s: %s is %s\n' "$SECONDS" "$1" "$2"
    [ "$(field "$1" Restarts)" -eq "$3" ] || fail "$1: $(field "$1" Restarts) restarts, not $3"
}

# completes NAME RESTARTS [RUN]: and its parameters are those of the undisturbed run.
completes() {
    ends "$1" COMPLETED "$2"
    [ "$("$NNMPI" digest "$1/${3:-run}/last.h5" | cut -c 1-64)" = \
        "$("$NNMPI" digest undisturbed/last.h5 | cut -c 1-64)" ] || fail "$1: another digest"
}

# lost_nothing NAME STEP: it went on from that step or one behind it.
lost_nothing() {
    local from
    from=$(sed -n 's/.*going on from run.last.h5: step \([0-9]*\),.*/\1/p' "$1"/*.out | head -n 1)
    [ "${from:-0}" -ge "$2" ] || fail "$1: went on from step ${from:-0}, had taken $2"
}

# after_term STEP: the one that is saved, at least, when a job hears TERM there: that step, or with mpirun of Open
# MPI 5, which leaves ranks half a second, that of the last checkpoint, or of the one before if that is being written.
after_term() {
    if [[ $("${MPIEXEC:-mpirun}" --version 2>&1) == *'Open MPI) '[5-9]* ]]; then
        echo $(($1 - 40))
    else
        echo "$1"
    fi
}
