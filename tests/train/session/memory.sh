#!/usr/bin/env bash
# ranks: 1 2
# A model that no node can hold is refused at once, with the memory that it would take: by check and
# by train, in all ways of summing gradients, also where products would be tried out.
. "$SOURCE_DIR/tests/lib.sh"

cat > net.yaml <<'YAML'
data: {source: iris}
model: [dense: {units: 1000000000}, dense: {units: 1000000000}, dense: {units: 3}]
loss: cross_entropy
train: {batch_size: 30}
YAML
for options in train.reduce=node train.reduce=allreduce train.reproducible=true; do
    code=0
    run_ranks "$RANKS" timeout 20 "$NNMPI" train net.yaml --run no -o "$options" > out 2> err || code=$?
    [ "$code" -eq 6 ] || fail "exit code $code of a model of 10^18 parameters, $options"
    expect_line 'the model does not fit: .* TB a rank to train: parameters .* TB' err
done
expect_code 6 timeout 20 "$NNMPI" check net.yaml > out 2> err
expect_line 'the model does not fit: ' err

# not the parameters but the activations of a minibatch
expect_code 6 timeout 20 "$NNMPI" check net.yaml \
    -o 'model=[dense: {units: 1000000}, reshape: {shape: [1000000, 1]}, dense: {units: 1000000}, dense: {units: 1}, flatten, dense: {units: 3}]' > out 2> err
expect_line 'the model does not fit: .*activations .* TB' err

# Each microbatch has its own gradient of a tied tensor, here of 5.12 MB.
cat > tied.yaml <<'YAML'
data: {source: inline, x: [[0, 1], [1, 2], [2, 0], [3, 1]], y: [0, 1, 0, 2]}
model:
  - embedding: {name: tokens, vocabulary: 20000, units: 64}
  - mean
  - dense: {units: 20000, bias: false, tie: tokens.weight}
loss: cross_entropy
train: {epochs: 1, batch_size: 4, microbatches: 4, reproducible: true}
YAML
"$NNMPI" check tied.yaml > out
expect_line 'activations 3[0-9.]* MB' out
"$NNMPI" inspect tied.yaml --json > out
expect_line '"activations": *3[0-9]{7}\b' out

# The scores that auc keeps, 16 bytes for each of 120 samples and 3 outputs, stand there once, however many microbatches
# have other sums of their own.
for reproducible in true false; do
    "$NNMPI" check -o 'validate.metrics=[auc]' -o train.reproducible=$reproducible --json > out
    bytes=$(grep -oE '"metrics": *[0-9]+' out | grep -oE '[0-9]+')
    [ $((bytes / 1000)) -eq 5 ] || fail "auc of 120 samples and 3 outputs takes $bytes bytes"
done
"$NNMPI" check -o 'validate.metrics=[auc]' > out
expect_line ' a rank to train: .*, metrics 5.78 kB' out

# each thread has its own scratch
attention='model=[{dense: {units: 64}}, {reshape: {shape: [8, 8]}}, attention: {heads: 8}, flatten, {dense: {units: 3}}]'
for threads in 1 2; do
    "$NNMPI" check -o "$attention" -o train.lr=0.001 -o train.threads=$threads | grep -o 'activations [^,]*' > threads$threads
done
! cmp -s threads1 threads2 || fail 'threads count for nothing'

[ "$RANKS" -eq 1 ] || exit 0

# What is computed again need not be kept, and that is true of the process: 20 times 2 MB here.
cat > deep.yaml <<'YAML'
data: {source: iris}
model: [dense: {units: 4096}, repeat: {times: 20, layers: [tanh]}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1, max_steps: 1, batch_size: 120, lr: 0.01}
validate: {every_epochs: 0}
YAML
for recompute in none blocks; do
    "$NNMPI" inspect deep.yaml --json -o train.recompute=$recompute | grep -oE '"activations": *[0-9]+' | grep -oE '[0-9]+' > planned_$recompute
    "$NNMPI" train deep.yaml --run $recompute -q -o train.recompute=$recompute > out
    grep -oE '"resident_bytes": *[0-9]+' $recompute/metrics.jsonl | grep -oE '[0-9]+' | tail -n 1 > resident_$recompute
done
planned=$(($(cat planned_none) - $(cat planned_blocks))) resident=$(($(cat resident_none) - $(cat resident_blocks)))
[ "$planned" -gt 20000000 ] || fail "only $planned bytes less are planned"
is_sanitized || [ $((100 * resident)) -gt $((95 * planned)) ] || fail "$planned bytes less are planned, and $resident less taken"
