#!/usr/bin/env bash
# ranks: 4
# timeout: 240
# A rank on another host stops, or all of them do, or the cable of a host is cut: the run ends within
# seconds, and says where it was.
# shellcheck source=tests/hosts.sh
. "$SOURCE_DIR/tests/hosts.sh"
make_hosts 2
"$NNMPI" data make blobs -O blobs.h5 --samples 103 -q
cat >net.yaml <<'YAML'
data: {path: blobs.h5}
model: [dense: {units: 12}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 100000000, batch_size: 10, log_every: 100}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
is_open_mpi_5() { "$MPIEXEC" --version | grep -q 'Open MPI) 5'; }

# lose WAY STALL_TIMEOUT COMMAND...: that is done in the middle of a training; code=its exit code, took=seconds
lose() {
    rm -rf run
    launch host1:2,host2:2 "$NNMPI" train net.yaml --run run -q -o train.reduce="$1" -o train.stall_timeout="$2" \
        >out 2>err &
    local launcher=$! since
    for _ in $(seq 400); do
        [ ! -s run/metrics.jsonl ] || break
        kill -0 "$launcher" || fail "the run ended by itself"
        sleep 0.05
    done
    "${@:3}"
    since=$SECONDS code=0
    wait "$launcher" || code=$?
    took=$((SECONDS - since))
    printf '%s, %s: %d after %d s\n' "$1" "${*:3}" "$code" "$took"
}

# A rank of Open MPI 5 whose peer is gone ends the job by itself, with 14, where it is the first.
ended_by_us() {
    [ "$code" -eq 5 ] || { is_open_mpi_5 && [ "$code" -eq 14 ]; } || fail "exit code $code, not 5"
}

stop_one() { kill -s STOP "$(ranks_on host2 nnmpi | tail -n 1)"; }
stop_all() { ranks_on host2 nnmpi | xargs kill -s STOP; }
lose node 2 stop_one
expect_line 'rank [23] on host2 has shown no sign of life for 2 s in step' err
ended_by_us
lose allreduce 2 stop_all
expect_line 'the ranks on host1 have waited .* for those of other nodes in step' err
ended_by_us

# Nobody but the launcher can know that a cable is cut, and that of MPICH does not look.
! is_hydra || exit 0
for way in node allreduce; do
    lose "$way" 600 cut_off host2
    [ "$took" -lt 15 ] || fail "it took $took s"
    expect_line 'Remote daemon: .* on node host2' err
    is_open_mpi_5 || [ "$code" -eq 205 ] || fail "exit code $code, not 205"
    for host in host1 host2; do # on either side of the cut
        for _ in $(seq 100); do
            [ -n "$(ranks_on "$host" nnmpi)" ] || break
            sleep 0.1
        done
        [ -z "$(ranks_on "$host" nnmpi)" ] || fail "ranks are left on $host"
    done
    join host2
done
