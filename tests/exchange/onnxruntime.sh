#!/usr/bin/env bash
# full: yes
# timeout: 600
# As tests/exchange/onnx.sh, and ONNX Runtime, which npm has for every processor (WebAssembly), runs the models.
. "$SOURCE_DIR/tests/lib.sh"

command -v npm > /dev/null || skip "there is no npm to get ONNX Runtime with"
npm install --no-audit --no-fund onnxruntime-web@1.17.1 > out 2>&1 || skip "npm cannot get ONNX Runtime"
NNMPI_ONNXRUNTIME=$PWD bash "$SOURCE_DIR/tests/exchange/onnx.sh"
