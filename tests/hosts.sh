# shellcheck shell=bash
# Hosts for test scripts, those of scripts/hosts.sh. A script that starts with
#   . "$SOURCE_DIR/tests/hosts.sh"   # instead of tests/lib.sh, which is included
#   make_hosts 2
# runs on `head`, which has the switch, and can launch programs on host1 and host2 (and on head). It is
# skipped where namespaces are not allowed.

# shellcheck source=scripts/hosts.sh
. "$SOURCE_DIR/scripts/hosts.sh"
enter_head "$@"
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

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
