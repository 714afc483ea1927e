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

# Steps on rows that the program supplies, of doubles and short labels, which are converted.
cat >supplied.c <<'C'
#include <nnmpi/nnmpi.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **argument) {
    static double x[5][4];
    static int16_t y[5];
    const char *net = "data: {source: iris}\nmodel: [dense: {units: 3}]\nloss: cross_entropy\n"
                      "train: {epochs: 1000, batch_size: 10, lr: 0.1}\n";
    nn_minibatch rows = {.size = sizeof rows, .x = {NN_F64, 2, {5, 4}, x}, .y = {NN_I16, 1, {5}, y}};
    nn_train_options options = {.size = sizeof options, .run_dir = "", .in_parts = true};
    nn_comm *comm = NULL;
    nn_config *config = NULL;
    nn_training *t = NULL;
    int rc = nn_comm_init(&comm);
    if (rc == 0)
        rc = nn_config_parse("net", net, strlen(net), &config);
    if (rc == 0)
        rc = nn_training_open(comm, config, &options, &t);
    for (int i = 0; rc == 0 && i < atoi(argument[count - 1]); i++) {
        rc = nn_training_step_on(t, &rows);
        if (rc == 0)
            rc = nn_training_attend(t);
    }
    nn_training_close(t);
    nn_config_free(config);
    nn_comm_free(comm);
    return nn_error_exit_code(rc);
}
C
cc -std=c11 "-I$SOURCE_DIR/include" supplied.c -o supplied "-L$BUILD_DIR" -lnnmpi "-Wl,-rpath,$BUILD_DIR"
supplied() {
    run_ranks "$RANKS" env LD_PRELOAD="$PWD/count_alloc.so" ALLOC_COUNT_FILE="$PWD/count" ./supplied "$1"
    cat count.* | awk '{ own += $1 } END { print own }'
    rm count.*
}
few=$(supplied 0) many=$(supplied 300)
[ "$few" -gt $((20 * RANKS)) ] || fail "only $few calls were seen: the shim does not see nnmpi's"
[ "$many" -eq "$few" ] || fail "$few calls of malloc before the first step on supplied rows, $many with 300 of them"

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
  - dropconnect: {units: 12, rate: 0.2, mask: step}
  - dense: {units: 4}
YAML
same images
same images -o train.reproducible=true
same images -o train.recompute=blocks

# sequences
for layer in 'attention: {heads: 2, causal: true, dropout: 0.1, rotary_base: 100}' 'rnn: {units: 6, layers: 2}' 'lstm: {units: 6, bidirectional: true}' 'gru: {units: 6, return: all}'; do
    { printf 'data: {path: images.h5}\nmodel: [reshape: {shape: [-1, 8]}, %s, flatten, dense: {units: 4}]\n' "$layer"
      settings; } > steps.yaml
    same steps
    same steps -o train.reproducible=true
done
