#!/usr/bin/env bash
# ranks: 4
# timeout: 240
# Four hosts train under nnmpi-supervise; one that rank 0 is on loses its power. The others go on without
# it, and end with the parameters of a run that nothing happened to.
# shellcheck source=tests/hosts.sh
. "$SOURCE_DIR/tests/hosts.sh"
! is_hydra || skip "mpiexec of MPICH does not notice that a host is lost"
make_hosts 4

"$NNMPI" data make blobs -O blobs.h5 --samples 103 -q
cat >net.yaml <<'YAML'
data: {path: blobs.h5}
model: [dense: {units: 12, activation: tanh}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1000, max_steps: 400, batch_size: 12, reproducible: true, microbatches: 12}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0, every_steps: 50}
YAML
"$NNMPI" train net.yaml --run one -q >out

"$SOURCE_DIR/scripts/supervise.sh" --hosts host1:1,host2:1,host3:1,host4:1 --probe ./agent \
    "${MPIEXEC:-mpirun}" "$NNMPI" train net.yaml --run run >out 2>err &
supervisor=$!
while [ ! -e run/last.h5 ]; do
    kill -0 "$supervisor" || fail "the run ended by itself"
    sleep 0.05
done
power_off host1
lost=$SECONDS
until grep -q '^nnmpi: 3 ranks on 3 nodes' err; do
    kill -0 "$supervisor" || fail "nothing went on"
    sleep 0.1
done
printf 'went on after %d s\n' $((SECONDS - lost))
expect_line '^nnmpi-supervise: host1 does not answer' err
expect_line '^nnmpi-supervise: restart 1 of 10: host2 host3 host4' err
code=0
wait "$supervisor" || code=$?
[ "$code" -eq 0 ] || fail "exit code $code, not 0"
expect_line '^nnmpi: going on from run/last.h5' err
"$NNMPI" digest one/last.h5 run/last.h5 | cut -c 1-64 | uniq >digests
[ "$(wc -l <digests)" -eq 1 ] || fail "other parameters than those of the undisturbed run"
