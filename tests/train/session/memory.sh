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
