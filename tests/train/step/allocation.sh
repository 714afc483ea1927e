#!/usr/bin/env bash
# ranks: 1 2
# timeout: 120
# Between step 2 and the last step nothing is allocated: ten times the steps, epochs and lines of
# metrics, and not one call of malloc or its kin more.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"
! is_sanitized || skip "sanitizers bring their own allocator"
shim count_alloc

"$NNMPI" data make blobs -O blobs.h5 --samples 203 --features 7 --seed 3 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {units: 70, activation: tanh}
  - maxout: {k: 2}
  - dense: {name: a, units: 30, activation: relu}
  - dense: {name: b, units: 30}
  - add: {inputs: [a, b]}
  - prelu
  - dense: {units: 3}
loss: cross_entropy
train:
  epochs: 1000
  batch_size: 10 # of 203
  optimizer: {sgd: {lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 1e-4}}
  schedule: {step: {every: 2, gamma: 0.99}}
  log_every: 3
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML

# count CONFIG STEPS OPTIONS...: calls by nnmpi's own code in a run of that length, of all ranks together.
count() {
    local config=$1 steps=$2
    shift 2
    run_ranks "$RANKS" env LD_PRELOAD="$PWD/count_alloc.so" ALLOC_COUNT_FILE="$PWD/count" \
        "$NNMPI" train "$config.yaml" --run "$config$steps" -q -o "train.max_steps=$steps" "$@" > out 2> err
    expect_line "^trained $steps steps" out
    cat count.* | awk '{ own += $1 } END { print own }'
    rm count.*
    rm -r "${config:?}$steps"
}

# same CONFIG OPTIONS...: as many calls in 300 steps as in 30
same() {
    local few many
    few=$(count "$1" 30 "${@:2}")
    many=$(count "$1" 300 "${@:2}")
    [ "$few" -gt $((20 * RANKS)) ] || fail "only $few calls were seen: the shim does not see nnmpi's"
    [ "$many" -eq "$few" ] || fail "$*: $few calls in a run of 30 steps, $many in one of 300"
}

same net
same net -o train.reproducible=true
same net -o train.balance=speed
same net -o train.accumulate=3
same net -o train.accumulate=3 -o train.reproducible=true
same net -o train.clip_norm=1 -o 'train.ema={decay: 0.9}' -o 'train.optimizer={lamb: {lr: 0.01}}'

# convolution, pooling, batch norm, layers that copy images into the user's order
python=/usr/bin/python3
"$python" -c 'import h5py' 2> /dev/null || skip "h5py is not installed"
"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(1)
with h5py.File("images.h5", "w") as f:
    f["train/x"], f["train/y"] = rng.standard_normal((53, 2, 8, 8)).astype("f4"), rng.integers(0, 4, 53)
PYTHON
settings() {
    cat <<'YAML'
loss: cross_entropy
train: {epochs: 1000, batch_size: 10, optimizer: {sgd: {lr: 0.01, momentum: 0.9}}, log_every: 3}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
}
{ cat <<'YAML'; settings; } > images.yaml
data: {path: images.h5}
model:
  - conv2d: {filters: 6, kernel: 3, padding: same, bias: false}
  - batch_norm: {activation: relu}
  - conv2d: {filters: 6, kernel: 3, groups: 3}
  - max_pool: {size: 2, ceil_mode: true}
  - dense: {units: 5, activation: softmax}
  - layer_norm
  - avg_pool: {size: 2}
  - flatten
  - dropout: {rate: 0.2}
  - dropconnect: {units: 12, rate: 0.2, bias: false}
  - dense: {units: 4}
YAML
same images
same images -o train.reproducible=true

# recurrence
for layer in 'rnn: {units: 6, layers: 2}' 'lstm: {units: 6, bidirectional: true}' 'gru: {units: 6, return: all}'; do
    { printf 'data: {path: images.h5}\nmodel: [reshape: {shape: [-1, 8]}, %s, flatten, dense: {units: 4}]\n' "$layer"
      settings; } > steps.yaml
    same steps
    same steps -o train.reproducible=true
done
