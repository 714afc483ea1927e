#!/usr/bin/env bash
# full: yes
# timeout: 900
# Every optimiser, with every kind of layer that has parameters, gives the same bits on 1, 2, 3, 4, 5
# and 8 ranks.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/reproducible.sh
. "$SOURCE_DIR/tests/reproducible.sh"
make_images

optimizers=$("$NNMPI" help optimizer | sed -n 's/^  \([a-z]*\) .*/\1/p')
[ -n "$optimizers" ] || fail "no optimisers"
for optimizer in $optimizers; do
    net images "{$optimizer: {lr: 0.003}}" >net.yaml <<'YAML'
  - conv2d: {filters: 8, kernel: 3, padding: same, activation: relu}
  - batch_norm
  - prelu
  - global_avg_pool
  - dropconnect: {units: 24, rate: 0.2, activation: tanh}
  - maxout: {k: 2}
  - layer_norm
  - dense: {units: 4}
YAML
    digest 1 net.yaml >want
    for ranks in 2 3 4 5 8; do
        digest "$ranks" net.yaml >got
        expect_same want got
    done
done
for cell in rnn gru lstm; do
    net images '{nesterov: {lr: 0.003}}' >net.yaml <<YAML
  - $cell: {units: 16, layers: 2, bidirectional: true}
  - dense: {units: 4}
YAML
    digest 1 net.yaml >want
    for ranks in 2 5; do
        digest "$ranks" net.yaml >got
        expect_same want got
    done
done
