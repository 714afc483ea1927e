#!/usr/bin/env bash
# full: yes
# timeout: 300
# Several hosts: namespaces of this machine with their own network, names and shared memory. Gradients
# are added within a node and then between the nodes, also where these have different numbers of ranks;
# a host that stops ends the run.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/scripts/env.sh"
python=/usr/bin/python3

[ "$(id -u)" -eq 0 ] || skip "only root can make namespaces"
for tool in ip unshare nsenter; do
    command -v "$tool" > /dev/null || skip "no $tool"
done
unshare --net --uts --ipc --mount true 2> /dev/null || skip "namespaces are not allowed here"

# ---- hosts 10.77.0.1, 10.77.0.2 ... on a bridge that has a namespace of its own
holders=()
trap 'code=$?; kill -s KILL "${holders[@]}" 2> /dev/null; finish "$code"' EXIT

unshare --net sleep 1000 &
bridge=$!
holders+=("$bridge")
sleep 0.2
nsenter -t "$bridge" -n ip link add switch0 type bridge 2> /dev/null || skip "no bridges in this kernel"
nsenter -t "$bridge" -n ip link set switch0 up

# add_host I: a process in it is named in 10.77.0.I.pid
add_host() {
    unshare --net --uts --ipc --mount \
        sh -c "hostname host$1; mount -t tmpfs tmpfs /dev/shm; exec sleep 1000" &
    local child=$!
    holders+=("$child")
    for _ in $(seq 50); do
        [ "$(cat "/proc/$child/comm")" != sleep ] || break
        sleep 0.1
    done
    echo "$child" > "10.77.0.$1.pid"
    nsenter -t "$bridge" -n ip link add "port$1" type veth peer name eth0 netns "$child"
    nsenter -t "$bridge" -n ip link set "port$1" master switch0 up
    nsenter -t "$child" -n ip address add "10.77.0.$1/24" dev eth0
    nsenter -t "$child" -n ip link set eth0 up
    nsenter -t "$child" -n ip link set lo up
}
add_host 1
add_host 2

# What mpirun takes for ssh: enters a host instead.
cat > agent <<AGENT
#!/bin/sh
host=\$1
shift
exec nsenter -t "\$(cat "$PWD/\$host.pid")" -n -u -i -m sh -c "cd '$PWD' && \$*"
AGENT
chmod +x agent

# on_hosts RANKS1 RANKS2 COMMAND...: so many ranks on each host.
on_hosts() {
    local first=$1 second=$2
    shift 2
    nsenter -t "$(cat 10.77.0.1.pid)" -n -u -i -m \
        mpirun --wdir "$PWD" --mca plm_rsh_agent "$PWD/agent" --mca btl_tcp_if_include 10.77.0.0/24 \
        --mca oob_tcp_if_include 10.77.0.0/24 --mca btl self,vader,tcp \
        --mca hwloc_base_binding_policy none --mca mpi_yield_when_idle 1 \
        --host "10.77.0.1:$first,10.77.0.2:$second" -n $((first + second)) "$@"
}
on_hosts 1 1 hostname > out 2> err || skip "mpirun does not get from host to host: $(head -n 30 err)"
expect_line '^host2$' out

# ---- the same training, whatever is where
"$NNMPI" data make blobs -O blobs.h5 --samples 43 --features 9 --seed 3 --spread 3 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 300, activation: tanh}
  - dense: {name: fc2, units: 1000, activation: tanh}
  - dense: {name: fc3, units: 3}
loss: cross_entropy
train: {epochs: 1000, max_steps: 30, batch_size: 8, optimizer: {adam: {eps: 1e-4}}, lr: 1e-3, log_every: 1}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
set -- train net.yaml

# close RUN RUN TOLERANCE
close() {
    "$python" - "$@" <<'PY'
import json, sys
a, b = ([json.loads(line)["loss"] for line in open(f"{run}/metrics.jsonl") if '"train"' in line]
        for run in sys.argv[1:3])
assert len(a) == len(b) == 30, (len(a), len(b))
for x, y in zip(a, b):
    assert abs(x - y) <= float(sys.argv[3]) * (x + 1e-3), (a, b)
PY
}

"$NNMPI" "$@" --run one -q > out
for where in "2 2" "1 1" "2 3" "3 1"; do
    # shellcheck disable=SC2086
    for way in node allreduce; do
        on_hosts $where "$NNMPI" "$@" --run "r-$way-${where// /}" -o train.reduce=$way \
            -o train.clip_norm=1e3 > out 2> err
        expect_line "ranks on 2 nodes, reduce: $way" err
        close one "r-$way-${where// /}" 1e-4
    done
done
for where in "2 2" "1 1"; do # rounded, but not lost: bfloat16 has 8 bits
    # shellcheck disable=SC2086
    on_hosts $where "$NNMPI" "$@" --run "bf16-${where// /}" -o train.compress=bf16 > out 2> err
    expect_line "ranks on 2 nodes, reduce: node" err
    close one "bf16-${where// /}" 3e-2
    ! close one "bf16-${where// /}" 1e-5 2> /dev/null || fail "nothing was rounded"
done
on_hosts 2 2 "$NNMPI" "$@" --run auto -o train.max_steps=7 > out 2> err
expect_line "4 ranks on 2 nodes, reduce: node" err
on_hosts 1 2 "$NNMPI" "$@" --run auto --resume > out 2> err
expect_line "3 ranks on 2 nodes, reduce: allreduce" err
close one auto 1e-4

# ---- a rank, then a whole host stops
# stall HOST WORDS WHO...: stops processes of a host in the middle of a training.
stall() {
    local code=0 words=$1 launcher
    shift
    rm -rf endless
    on_hosts 2 2 "$NNMPI" train net.yaml --run endless -q -o train.max_steps=100000000 \
        -o train.epochs=100000000 -o train.log_every=100 -o train.stall_timeout=2 > out 2> err &
    launcher=$!
    holders+=("$launcher")
    for _ in $(seq 200); do
        [ ! -s endless/metrics.jsonl ] || break
        kill -0 "$launcher" || fail "the run ended by itself"
        sleep 0.05
    done
    "$@"
    wait "$launcher" || code=$?
    expect_line "$words" err
    [ "$code" -eq 5 ] || fail "exit code $code, not 5"
}
# ranks_there: ids of the ranks on host 2.
ranks_there() {
    local pid
    for pid in $(pgrep -f "train net.yaml --run endless"); do
        if [ "$(readlink "/proc/$pid/ns/uts")" = "$(readlink "/proc/$(cat 10.77.0.2.pid)/ns/uts")" ] &&
            [ "$(cat "/proc/$pid/comm")" = nnmpi ]; then
            echo "$pid"
        fi
    done
}
stop_one() { kill -s STOP "$(ranks_there | tail -n 1)"; }
stop_all() { ranks_there | xargs kill -s STOP; }
stall 'rank [23] on host2 has shown no sign of life for 2 s in step' stop_one
stall 'the ranks on host1 have waited .* for those of other nodes in step' stop_all
