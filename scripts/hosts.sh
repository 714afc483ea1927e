#!/usr/bin/env bash
# Several hosts on one machine, to try what a cluster would do. They are namespaces, each with its own network,
# name, processes, IPC and shared memory, on one switch; folders are those of the machine, as with a shared file
# system. All is gone when the command has ended, however it ends.
usage='usage: hosts.sh [--rate RATE] N COMMAND [ARGUMENT...]
  runs COMMAND, mostly mpirun, beside N hosts host1 ... hostN (10.77.0.1 ...), where mpirun puts one rank on each:
    hosts.sh --rate 1gbit 2 mpirun -n 2 nnmpi train net.yaml
  --rate RATE   what each host can send, as tc(8) writes it (100mbit, 1gbit); without it there is no limit
Ends as COMMAND does; with 77 where there can be no such hosts: only root may make them, e.g. in a container
that is allowed to.'
# A script of bash has the functions:
#   . scripts/hosts.sh
#   enter_head "$@"   # begins the script anew on `head`, a host that has the switch
#   make_hosts 2      # host1 and host2, whose files are in the folder that it is in
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

no_hosts() {
    printf '%s: no hosts here: %s\n' "${0##*/}" "$*" >&2
    exit 77
}

# The parent of all the hosts, which end when the script does, or what it became by exec; with the last process of
# the head its network goes, too. A chroot that is no mount point cannot change how mounts propagate; there they
# must be private already.
enter_head() {
    local own=(--net --uts --ipc --mount --propagation private) tool
    if [ -z "${NNMPI_HEAD:-}" ]; then
        [ "$(id -u)" -eq 0 ] || no_hosts "only root can make namespaces"
        for tool in ip tc unshare nsenter setpriv; do
            command -v "$tool" >/dev/null || no_hosts "there is no $tool"
        done
        if ! unshare "${own[@]}" true 2>/dev/null && ! grep -q ' shared:' /proc/self/mountinfo; then
            own[-1]=unchanged
        fi
        unshare "${own[@]}" true 2>/dev/null || no_hosts "namespaces are not allowed"
        NNMPI_HEAD=${own[-1]} exec unshare "${own[@]}" bash "$0" "$@"
    fi
    hostname head
    mount -t tmpfs tmpfs /dev/shm
}

make_switch() {
    ip link add switch0 type bridge 2>/dev/null || no_hosts "this kernel has no bridges"
    ip address add 10.77.0.100/24 dev switch0
    ip link set switch0 up
    ip link set lo up
    printf '127.0.0.1 localhost\n10.77.0.100 head\n' >etc-hosts
    for i in $(seq "$1"); do printf '10.77.0.%d host%d\n' "$i" "$i" >>etc-hosts; done
    mount --bind etc-hosts /etc/hosts
}

# What launchers take for ssh: enters a host. One whose cable is cut does not answer, as long as that is so,
# and it never learns what became of a command there.
make_agent() {
    cat >agent <<AGENT
#!/bin/sh
while [ "\${1#-}" != "\$1" ]; do shift; done
host=\$1
shift
hang_if_cut() { while [ -e "$PWD/\$host.cut" ] && kill -0 $$; do sleep 0.5; done; }
hang_if_cut
code=0
nsenter -t "\$(cat "$PWD/\$host.pid")" -n -u -i -m -p -r -w sh -c "\$*" || code=\$?
hang_if_cut
exit \$code
AGENT
    chmod +x agent
}

# make_host I: host.pid is its first process, which takes in those whose parents have died.
make_host() {
    local host=host$1 holder
    setpriv --pdeathsig KILL unshare --net --uts --ipc --mount --propagation "$NNMPI_HEAD" \
        --pid --fork --kill-child sh -c "hostname $host && mount -t proc proc /proc &&
            mount -t tmpfs tmpfs /dev/shm && ip link set lo up && echo up && sleep infinity & wait" \
        >"$host.up" 2>"$host.log" </dev/null &
    holder=$!
    disown "$holder" # who waits for jobs does not wait for hosts
    for _ in $(seq 200); do
        [ ! -s "$host.up" ] || break
        sleep 0.05
    done
    [ -s "$host.up" ] || no_hosts "namespaces of processes are not allowed"
    pgrep -P "$holder" >"$host.pid"
    ip link add "$host" type veth peer name eth0 netns "$(cat "$host.pid")"
    ip link set "$host" master switch0 up
    ./agent "$host" "ip address add 10.77.0.$1/24 dev eth0 && ip link set eth0 up"
}

# make_hosts N: host1 ... hostN, and the settings with which launchers can start ranks there. Hosts share their
# cores without knowing it: mpirun would bind the first rank of each to core 0.
make_hosts() {
    make_switch "$1"
    make_agent
    for i in $(seq "$1"); do make_host "$i"; done
    # Open MPI 4, Open MPI 5, MPICH; what a job leaves behind is in memory of its host.
    export OMPI_MCA_plm_rsh_agent=$PWD/agent PRTE_MCA_plm_ssh_agent=$PWD/agent
    export HYDRA_LAUNCHER=ssh HYDRA_LAUNCHER_EXEC=$PWD/agent
    export OMPI_MCA_orte_tmpdir_base=/dev/shm PRTE_MCA_prte_tmpdir_base=/dev/shm TMPDIR=/dev/shm
    # shellcheck source=scripts/env.sh
    . "$scripts/env.sh"
    export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
    export OMPI_MCA_mpi_yield_when_idle=1
}

# limit_rate RATE HOST...: what each host sends, e.g. 1gbit.
limit_rate() {
    local rate=$1 host
    shift
    for host in "$@"; do
        ./agent "$host" "tc qdisc replace dev eth0 root tbf rate $rate burst 128kb latency 50ms" ||
            return 1
    done
}

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

# ---- the command ---------------------------------------------------------------------------------

set -euo pipefail

refuse() {
    printf 'hosts.sh: %s\n%s\n' "$*" "$usage" >&2
    exit 2
}

# one_rank_each N: on the hosts, for launchers that are not told where to put ranks.
one_rank_each() {
    for i in $(seq "$1"); do echo "host$i slots=1"; done >openmpi.hosts
    for i in $(seq "$1"); do echo "host$i:1"; done >mpich.hosts
    export OMPI_MCA_orte_default_hostfile=$PWD/openmpi.hosts PRTE_MCA_prte_default_hostfile=$PWD/openmpi.hosts
    export HYDRA_HOST_FILE=$PWD/mpich.hosts
}

command=("$@")
rate=
case ${1:-} in
-h | --help) printf '%s\n' "$usage" && exit 0 ;;
--rate)
    rate=${2:-} command=("${@:3}")
    [[ $rate =~ ^[0-9.]+[a-z]+$ ]] || refuse "--rate wants a rate, not '$rate'"
    ;;
esac
count=${command[0]:-}
[[ $count =~ ^[1-9][0-9]?$ ]] || refuse "'$count' is no number of hosts from 1 to 99"
[ "${#command[@]}" -gt 1 ] || refuse "which command?"

enter_head "$@"
here=$PWD
# Files for the head and its hosts, which the command leaves nothing of; the empty folder stays.
mkdir -p /run/nnmpi-hosts
mount -t tmpfs tmpfs /run/nnmpi-hosts
cd /run/nnmpi-hosts
make_hosts "$count"
one_rank_each "$count"
if [ -n "$rate" ]; then
    for i in $(seq "$count"); do
        limit_rate "$rate" "host$i" || no_hosts "tc does not limit the rate to $rate"
    done
fi
cd "$here"
unset NNMPI_HEAD # of this script alone
exec "${command[@]:1}"
