#!/usr/bin/env bash
# A GPT-2 under Hugging Face's names: its logits are PyTorch's, and what is written for others is read as the same model.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

/usr/bin/python3 -c 'import numpy' 2>/dev/null || skip "there is no numpy"
theirs=$SOURCE_DIR/tests/exchange/torch/gpt2 # make_gpt2.py

printf '%s' abcdefghijklmno abcdefghijklmno >text.txt # 15 characters and <unk>
cat >gpt2.yaml <<'YAML'
data: {source: text, path: text.txt, tokens: chars, context: 6}
model:
  - embedding: {name: wte, vocabulary: 16, units: 8}
  - positions: {name: wpe}
  - repeat:
      name: h
      times: 2
      layers:
        - residual: [layer_norm: {name: ln_1}, attention: {name: attn, heads: 2, causal: true}]
        - residual:
          - layer_norm: {name: ln_2}
          - dense: {name: mlp_c_fc, units: 32, activation: gelu_tanh}
          - dense: {name: mlp_c_proj, units: 8}
  - layer_norm: {name: ln_f}
  - dense: {name: lm_head, units: 16, bias: false, tie: wte.weight}
loss: cross_entropy
train: {batch_size: 2}
YAML
"$NNMPI" import "$theirs.safetensors" --config gpt2.yaml -O gpt2.h5 -q
/usr/bin/python3 - "$theirs.npz" <<'PY'
import sys, numpy as np
open("x.txt", "w").write("".join(chr(96 + t) for t in np.load(sys.argv[1])["x"].flatten()))
PY
"$NNMPI" predict gpt2.h5 --data x.txt -O p.csv -q
/usr/bin/python3 - "$theirs.npz" <<'PY'
import csv, sys, numpy as np
y = np.load(sys.argv[1])["y"].reshape(12, 16)
p = np.array([row[3:] for row in list(csv.reader(open("p.csv")))[1:]], dtype=float)
# p says the logits but for a summand of each row
difference = np.log(p) - y
difference -= difference.mean(axis=1, keepdims=True)
assert np.abs(difference).max() < 1e-4, np.abs(difference).max()
PY

# there and back, and as others write it: with the prefix, in another type, and as a start for training
same() { [ "$("$NNMPI" digest "$@" | cut -c1-64 | sort -u | wc -l)" -eq 1 ] || fail "another digest: $*"; }
"$NNMPI" export gpt2.h5 --safetensors ours.safetensors --npz ours.npz --names gpt2 -q
"$NNMPI" import ours.safetensors -O again.h5 -q
"$NNMPI" import ours.npz --config gpt2.yaml -O more.h5 -q
"$NNMPI" train gpt2.yaml --run begun -o init.from=ours.npz -o train.max_steps=0 -q >out
same gpt2.h5 again.h5 more.h5 begun/last.h5
/usr/bin/python3 - "$theirs.safetensors" <<'PY'
import json, struct, sys, numpy as np
b = open(sys.argv[1], "rb").read()
n, = struct.unpack("<Q", b[:8])
ours, theirs = np.load("ours.npz"), json.loads(b[8:8 + n])
names = {"transformer." + name for name in theirs if not name.endswith(".attn.bias")}
assert set(ours.files) - {"nnmpi.yaml"} == names, set(ours.files) ^ names
for name in names:
    t = theirs[name.removeprefix("transformer.")]
    begin, end = t["data_offsets"]
    assert (ours[name] == np.frombuffer(b[8 + n + begin:8 + n + end], "<f2").reshape(t["shape"])).all(), name
PY

# what does not fit
sed 's/name: mlp_c_fc/name: fc/' gpt2.yaml >other.yaml
expect_code 3 "$NNMPI" import "$theirs.safetensors" --config other.yaml -O no.h5 2>err
expect_line 'has no h_0_fc.weight; it is a GPT-2, for layers called wte, wpe, h_0_ln_1,' err
sed 's/units: 32/units: 31/' gpt2.yaml >other.yaml
expect_code 3 "$NNMPI" import "$theirs.safetensors" --config other.yaml -O no.h5 2>err
expect_line "'h.0.mlp.c_fc.weight' is \[8, 32\], but the model wants \[8, 31\]" err
"$NNMPI" train --run iris -o train.max_steps=0 -q >out
expect_code 2 "$NNMPI" export iris --npz no.npz --names gpt2 2>err
expect_line "the model is no GPT-2, which has no 'weight' of a layer 'hidden'" err
cat >conv.yaml <<'YAML'
data: {source: iris}
model:
  - reshape: {shape: [4, 1]}
  - conv1d: {name: h_0_mlp_c_fc, filters: 2, kernel: 2}
  - flatten
  - dense: {name: lm_head, units: 3, bias: false}
loss: cross_entropy
train: {batch_size: 10, max_steps: 0}
YAML
"$NNMPI" train conv.yaml --run conv -q >out
expect_code 2 "$NNMPI" export conv --npz no.npz --names gpt2 2>err
expect_line "the model is no GPT-2, which has no 'weight' of a layer 'h_0_mlp_c_fc'" err
expect_code 2 "$NNMPI" export gpt2.h5 --onnx no.onnx --names gpt2 2>err
expect_line 'names is for --safetensors and --npz' err
