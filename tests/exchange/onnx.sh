#!/usr/bin/env bash
# timeout: 120
# Models as ONNX: every layer that it can express is exported, and ONNX's own checker has nothing to say; the others
# are named, all at once. With NNMPI_ONNXRUNTIME, a folder where npm has installed onnxruntime-web, ONNX Runtime makes
# of the samples what predict does, to 1e-5.
. "$SOURCE_DIR/tests/lib.sh"

/usr/bin/python3 -c 'import h5py' 2> /dev/null || skip "there is no h5py"

PYTHONPATH=$SOURCE_DIR/tests/exchange PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 "$SOURCE_DIR/tests/exchange/make_onnx.py" "$NNMPI" > out 2> err

# ---- what it cannot express
cat > net.yaml <<'YAML'
data: {source: synthetic, generator: {blobs: {classes: 3, features: 16}}, samples: 60}
model:
  - reshape: {shape: [4, 4]}
  - graph_conv: {name: first, units: 5, edges: [[0, 1], [1, 2]]}
  - graph_conv: {name: second, units: 5}
  - avg_pool: {name: pool, size: 2, stride: 2, ceil_mode: true}
  - flatten
  - dense: {units: 3}
loss: cross_entropy
train: {max_steps: 0, batch_size: 10}
YAML
"$NNMPI" train net.yaml --run net -q > out
expect_code 2 "$NNMPI" export net/last.h5 --onnx net.onnx 2> err
expect_line 'ONNX has nothing for these layers: first: graph_conv; second: graph_conv; pool: ceil_mode of avg_pool' err
[ ! -e net.onnx ] || fail "half a model is written"

# ---- in ONNX Runtime
[ -n "${NNMPI_ONNXRUNTIME:-}" ] || exit 0
cp "$SOURCE_DIR/tests/exchange/run_onnx.js" .
NODE_PATH=$NNMPI_ONNXRUNTIME/node_modules node run_onnx.js ./*.onnx > out 2> err
PYTHONPATH=$SOURCE_DIR/tests/exchange PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 "$SOURCE_DIR/tests/exchange/compare_onnx.py"
