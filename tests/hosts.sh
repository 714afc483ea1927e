# shellcheck shell=bash
# Hosts for test scripts: namespaces of this machine, each with its own network, name, processes, IPC and
# shared memory, on one switch; folders are those of the machine, as with a shared file system. A script
# that starts with
#   . "$SOURCE_DIR/tests/hosts.sh"   # instead of tests/lib.sh, which is included
#   make_hosts 2
# runs on `head`, which has the switch, and can launch programs on host1 and host2 (and on head). It is
# skipped where namespaces are not allowed. All is gone when the script has ended, however it ends: hosts
# end when the script does, and with the last process of the head its network goes, too.

no_hosts() {
    printf 'skipped: %s\n' "$*" >&2
    exit 77
}

# A chroot that is no mount point cannot change how mounts propagate; there they must be private already.
if [ -z "${NNMPI_TEST_HEAD:-}" ]; then
    [ "$(id -u)" -eq 0 ] || no_hosts "only root can make namespaces"
    for tool in ip tc unshare nsenter setpriv; do
        command -v "$tool" >/dev/null || no_hosts "there is no $tool"
    done
    own=(--net --uts --ipc --mount --propagation private)
    if ! unshare "${own[@]}" true 2>/dev/null && ! grep -q ' shared:' /proc/self/mountinfo; then
        own[-1]=unchanged
    fi
    unshare "${own[@]}" true 2>/dev/null || no_hosts "namespaces are not allowed here"
    NNMPI_TEST_HEAD=${own[-1]} exec unshare "${own[@]}" bash "$0" "$@"
fi

# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

# What launchers take for ssh: enters a host. One whose cable is cut does not answer, as long as that is so,
# and it never learns what became of a command there.
cat >agent <<AGENT
#!/bin/sh
while [ "\${1#-}" != "\$1" ]; do shift; done
host=\$1
shift
hang_if_cut() { while [ -e "$trash/\$host.cut" ] && kill -0 $$; do sleep 0.5; done; }
hang_if_cut
code=0
nsenter -t "\$(cat "$trash/\$host.pid")" -n -u -i -m -p -r -w sh -c "\$*" || code=\$?
hang_if_cut
exit \$code
AGENT
chmod +x agent

make_head() {
    ip link add switch0 type bridge 2>/dev/null || skip "this kernel has no bridges"
    ip address add 10.77.0.100/24 dev switch0
    ip link set switch0 up
    ip link set lo up
    hostname head
    mount -t tmpfs tmpfs /dev/shm
    printf '127.0.0.1 localhost\n10.77.0.100 head\n' >names
    for i in $(seq "$1"); do printf '10.77.0.%d host%d\n' "$i" "$i" >>names; done
    mount --bind names /etc/hosts
}

# make_host I: host.pid is its first process, which takes in those whose parents have died.
make_host() {
    local host=host$1 holder
    setpriv --pdeathsig KILL unshare --net --uts --ipc --mount --propagation "$NNMPI_TEST_HEAD" \
        --pid --fork --kill-child sh -c "hostname $host && mount -t proc proc /proc &&
            mount -t tmpfs tmpfs /dev/shm && ip link set lo up && : >$host.up && sleep infinity & wait" 2>"$host.log" &
    holder=$!
    disown "$holder" # lib.sh waits for jobs
    for _ in $(seq 200); do
        [ ! -e "$host.up" ] || break
        sleep 0.05
    done
    [ -e "$host.up" ] || skip "namespaces of processes are not allowed here"
    pgrep -P "$holder" >"$host.pid"
    ip link add "$host" type veth peer name eth0 netns "$(cat "$host.pid")"
    ip link set "$host" master switch0 up
    ./agent "$host" "ip address add 10.77.0.$1/24 dev eth0 && ip link set eth0 up"
}

# make_hosts N: host1 ... hostN.
make_hosts() {
    make_head "$1"
    for i in $(seq "$1"); do make_host "$i"; done
    # Open MPI 4, Open MPI 5, MPICH; what a job leaves behind is in memory of its host.
    export OMPI_MCA_plm_rsh_agent=$trash/agent PRTE_MCA_plm_ssh_agent=$trash/agent
    export HYDRA_LAUNCHER=ssh HYDRA_LAUNCHER_EXEC=$trash/agent
    export OMPI_MCA_orte_tmpdir_base=/dev/shm PRTE_MCA_prte_tmpdir_base=/dev/shm TMPDIR=/dev/shm
    # shellcheck source=scripts/env.sh
    . "$SOURCE_DIR/scripts/env.sh"
    export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
    export OMPI_MCA_mpi_yield_when_idle=1
}

# launch HOST:RANKS,HOST:RANKS... COMMAND...: a program on so many ranks of each host. With `&` behind it, $!
# is the launcher.
launch() {
    local places=$1 hosts=--host run=
    shift
    ! is_hydra || hosts=-hosts
    [ "$BASHPID" = "$$" ] || run="exec"
    $run "${MPIEXEC:-mpirun}" "$hosts" "$places" "$@"
}

# ranks_on HOST NAME: process ids, on the head, of the processes of that name.
ranks_on() { pgrep --ns "$(cat "$1.pid")" --nslist pid -x "$2"; }

# cut HOST: nothing passes its cable any more, and nobody is told. join HOST: it does again.
cut_off() { ip link set "$1" nomaster && : >"$1.cut"; }
join() { ip link set "$1" master switch0 && rm "$1.cut"; }

# power_off HOST: it is silent first, as one without power is.
power_off() { cut_off "$1" && kill -s KILL "$(cat "$1.pid")"; }

# limit_rate RATE HOST...: what each host sends, e.g. 1gbit.
limit_rate() {
    local rate=$1 host
    shift
    for host in "$@"; do
        ./agent "$host" "tc qdisc replace dev eth0 root tbf rate $rate burst 128kb latency 50ms" ||
            return 1
    done
}

# ---- a training that is the same wherever its ranks are ------------------------------------------

# make_training: net.yaml, 30 steps on 43 samples, and the run `one` of it on one rank.
make_training() {
    "$NNMPI" data make blobs -O blobs.h5 --samples 43 --features 9 --seed 3 --spread 3 -q
    cat >net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 200, activation: tanh}
  - dense: {name: fc2, units: 500, activation: tanh}
  - dense: {name: fc3, units: 3}
loss: cross_entropy
train: {epochs: 1000, max_steps: 30, batch_size: 8, optimizer: {adam: {eps: 1e-4}}, lr: 1e-3, log_every: 1}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
    "$NNMPI" train net.yaml --run one -q >out
}

# train_on PLACES WAY RUN OPTION...: with that way of adding gradients, between nodes.
train_on() {
    launch "$1" "$NNMPI" train net.yaml --run "$3" -o train.reduce="$2" "${@:4}" >out 2>err
    expect_line "ranks on [2-4] nodes, reduce: $2" err
}

# close_to RUN TOLERANCE: its losses are those of `one`.
close_to() {
    python3 - "$@" <<'PY'
import json, sys
one, run = ([json.loads(line)["loss"] for line in open(f"{name}/metrics.jsonl") if '"train"' in line]
            for name in ("one", sys.argv[1]))
assert len(one) == len(run) == 30, (len(one), len(run))
assert all(abs(x - y) <= float(sys.argv[2]) * (x + 1e-3) for x, y in zip(one, run)), (one, run)
PY
}
