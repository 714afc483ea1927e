#!/usr/bin/env bash
# timeout: 400
# Models as ONNX: every layer that it can express is exported, ONNX's own checker has nothing to say, and what is
# imported again predicts the same; the others are named, all at once. Models that PyTorch's exporter has written predict
# what PyTorch does. Where python3 has ONNX Runtime, or with NNMPI_ONNXRUNTIME, a folder where npm has installed
# onnxruntime-web, that makes of the samples what predict does, to 1e-5.
. "$SOURCE_DIR/tests/lib.sh"

/usr/bin/python3 -c 'import h5py' 2> /dev/null || skip "there is no h5py"

! is_sanitized || export EVERY=3 # of the models, as sanitized programs are slow
PYTHONPATH=$SOURCE_DIR/tests/exchange PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 "$SOURCE_DIR/tests/exchange/make_onnx.py" "$NNMPI" > out 2> err

# ---- and back, and there once more
cases=(*.onnx)
mkdir again
for model in "${cases[@]}"; do
    name=${model%.onnx}
    "$NNMPI" import "$model" -O again/last.h5 -q 2> err
    "$NNMPI" predict again/last.h5 --data "$name.h5" -O again.csv -q 2> err
    expect_same "$name.csv" again.csv
    "$NNMPI" export again/last.h5 --onnx again/last.onnx -q
    expect_same "$model" again/last.onnx
done

# ---- from PyTorch (torch/make.py)
mkdir torch
for model in "$SOURCE_DIR"/tests/exchange/torch/*.onnx; do
    name=torch/$(basename "$model" .onnx)
    "$NNMPI" import "$model" -O "$name.h5" --yaml "$name.yaml" -q
    /usr/bin/python3 - "${model%.onnx}.npz" x.h5 <<'PY'
import sys, h5py, numpy as np
with h5py.File(sys.argv[2], "w") as f:
    f["test/x"] = np.load(sys.argv[1])["x"]
    f.attrs["layout"] = "channels_first"
PY
    "$NNMPI" predict "$name.h5" --data x.h5 -O y.h5 -q
    /usr/bin/python3 - "${model%.onnx}.npz" y.h5 <<'PY'
import sys, h5py, numpy as np
want, got = np.load(sys.argv[1])["y"], h5py.File(sys.argv[2])["y"][:]
assert np.abs(got.reshape(want.shape) - want).max() <= 1e-6, (got, want)
PY
done
expect_line '^ *return: last' torch/lstm.yaml
expect_line '^loss:' torch/mlp.yaml

# ---- operators that are read have their place in the documentation
sed -n 's/^ *{"\([A-Za-z]*\)", .*/\1/p' "$SOURCE_DIR"/src/exchange/onnx/operators.c > operators
while read -r operator; do
    expect_line "^\|.*\<$operator\>.*\|" "$SOURCE_DIR/docs/exchange.md"
done < operators
[ "$(wc -l < operators)" -gt 30 ] || fail "the table of operators is not found"

# ---- what is refused
refuses() { # CODE REGEX FILE
    expect_code "$1" "$NNMPI" import "$3" -O no.h5 2> err
    expect_line "$2" err
    [ ! -e no.h5 ] || fail "a refused $3 leaves a checkpoint"
}
mlp=$SOURCE_DIR/tests/exchange/torch/mlp.onnx
sed 's/Relu/Rela/g' "$mlp" > a.onnx
refuses 2 "these nodes stand for no layer of nnmpi: Rela '/1/Rela' \(nnmpi has no layer for it\)" a.onnx
head -c 500 "$mlp" > a.onnx
refuses 3 'a.onnx: byte [0-9]+: a field is longer than the message it stands in' a.onnx
: > a.onnx
refuses 3 'a.onnx is no model of ONNX: it has no operator set' a.onnx

if /usr/bin/python3 -c 'import onnx' 2> /dev/null; then
    /usr/bin/python3 "$SOURCE_DIR/tests/exchange/strange_onnx.py"
    while IFS=$'\t' read -r code file what; do
        refuses "$code" "$what" "$file"
    done < strange.txt
    PYTHONPATH=$SOURCE_DIR/tests/exchange PYTHONDONTWRITEBYTECODE=1 \
        /usr/bin/python3 "$SOURCE_DIR/tests/exchange/edited_onnx.py" "$NNMPI"
fi

# ---- what it cannot express
cat > net.yaml <<'YAML'
data: {source: synthetic, generator: {blobs: {classes: 3, features: 4100}}, samples: 60}
model:
  - reshape: {shape: [4100, 1]}
  - graph_conv: {name: first, units: 1, edges: [[0, 1], [1, 2]]}
  - reshape: {shape: [82, 50]}
  - avg_pool: {name: pool, size: 4, stride: 4, ceil_mode: true}
  - flatten
  - dense: {units: 3}
loss: cross_entropy
train: {max_steps: 0, batch_size: 10}
YAML
"$NNMPI" train net.yaml --run net -q > out
expect_code 2 "$NNMPI" export net/last.h5 --onnx net.onnx 2> err
expect_line 'ONNX has nothing for these layers: first: graph_conv of more than 4096 nodes.*; pool: ceil_mode of avg_pool.*' err
[ ! -e net.onnx ] || fail "half a model is written"

# ---- in ONNX Runtime, whichever there is
runtime=()
if [ -n "${NNMPI_ONNXRUNTIME:-}" ]; then
    runtime=(JS)
    cp "$SOURCE_DIR/tests/exchange/run_onnx.js" .
    NODE_PATH=$NNMPI_ONNXRUNTIME/node_modules node run_onnx.js "${cases[@]}" > out 2> err
elif /usr/bin/python3 -c 'import onnxruntime' 2> /dev/null; then
    /usr/bin/python3 "$SOURCE_DIR/tests/exchange/run_onnx.py" "${cases[@]}" > out 2> err
else
    exit 0
fi
PYTHONPATH=$SOURCE_DIR/tests/exchange PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 "$SOURCE_DIR/tests/exchange/compare_onnx.py" "${runtime[@]}"
