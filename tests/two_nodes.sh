# shellcheck shell=bash
# What tests on the ranks of two nodes share, each of which trains a net for so many steps:
#   . "$SOURCE_DIR/tests/two_nodes.sh" STEPS
export NNMPI_TEST_NODES=2

# minibatches of 20, the last one of an epoch of 10
"$NNMPI" data make blobs -O blobs.h5 --samples 120 --valid 0.25 --features 300 --seed 3 --spread 3 -q
cat > net.yaml << YAML
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 700, activation: tanh}
  - batch_norm: {name: bn}
  - dense: {name: fc2, units: 500, activation: tanh}
  - dense: {name: fc3, units: 3}
loss: cross_entropy
train: {epochs: 1000, max_steps: $1, batch_size: 20, optimizer: adam, lr: 1e-3, log_every: 1000, threads: 1,
  check_replicas: 0, between_nodes: gradients}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML

# train RUN OPTION...
train() { run_ranks "$RANKS" "$NNMPI" train net.yaml -q --run "$@" > out 2> err; }
digest_of() { "$NNMPI" digest "$1/last.h5" | cut -c 1-64; }
same() { [ "$(digest_of "$1")" = "$(digest_of "$2")" ] || fail "$1 and $2 have other bits"; }
