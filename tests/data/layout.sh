#!/usr/bin/env bash
# Where the channels of images stand is known, guessed and said, or asked for; images [H, W, C] give
# what [C, H, W] give, in training, evaluation and prediction.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(2)
x = rng.integers(0, 256, (64, 3, 8, 6)).astype("u1")
y = (x[:, 0].mean((1, 2)) > x[:, 2].mean((1, 2))).astype("u1")
def put(name, x, **attrs):
    with h5py.File(name, "w") as f:
        f["train/x"], f["train/y"], f["test/x"], f["test/y"] = x[:48], y[:48], x[48:], y[48:]
        f.attrs.update(attrs)
last = x.transpose(0, 2, 3, 1)
scale = 1 / (100 + np.arange(x[0].size).reshape(x[0].shape))
put("first.h5", x, scale=scale.ravel())
put("last.h5", last, scale=scale.transpose(1, 2, 0).ravel())
put("said.h5", last, scale=scale.transpose(1, 2, 0).ravel(), layout="channels_last")
put("wrong.h5", last, layout="HWC")
put("doubt.h5", x.transpose(0, 1, 2, 3)[:, :, :, :4])
for shape in (8, 8, 5), (8, 8, 2), (8, 6, 5), (8, 8, 16), (64, 8, 8), (2, 8, 8), (5, 6, 8), (8, 8, 8):
    put("x".join(map(str, shape)) + ".h5", rng.integers(0, 256, (64, *shape)).astype("u1"))
PYTHON
cat >net.yaml <<'YAML'
data: {path: first.h5, normalize: true, augment: [shift: {pixels: 1}]}
model: [conv2d: {filters: 4, kernel: 3}, relu, flatten, dense: {units: 2}]
loss: cross_entropy
train: {epochs: 2, batch_size: 16, lr: 0.1}
YAML
"$NNMPI" train net.yaml --run first -q 2>err | tail -n 2 >first.out
expect_no_line 'taken for images' err
expect_line 'layout: channels_first' first/config.yaml
"$NNMPI" train net.yaml --run last -o data.path=last.h5 >out 2>err
expect_line 'last\.h5: rows \[8, 6, 3\] are taken for images \[H, W, C\]' err
[ "$(grep -c 'taken for images' err)" = 1 ] || fail "said more than once"
expect_line 'layout: channels_last' last/config.yaml
for data in last.h5 said.h5; do
    "$NNMPI" train net.yaml --run "$data.run" -o "data.path=$data" -q 2>"$data.err" | tail -n 2 >"$data.out"
    [ "$("$NNMPI" digest first/last.h5 | cut -c1-64)" = "$("$NNMPI" digest "$data.run/last.h5" | cut -c1-64)" ] ||
        fail "$data gives another model"
    expect_same first.out "$data.out"
    "$NNMPI" eval first/last.h5 --data "$data" >eval.out 2>err
    "$NNMPI" eval first/last.h5 >eval.first
    expect_same eval.out eval.first
    "$NNMPI" predict first/last.h5 --data "$data" -O p.csv -q 2>err
    "$NNMPI" predict last/last.h5 --data first.h5 -O q.csv -q 2>err
    expect_same p.csv q.csv
done
expect_no_line 'taken for images' said.h5.err
"$NNMPI" data info said.h5 >out
expect_line '^x +uint8 \[8, 6, 3\] images, channels last' out
"$NNMPI" data info first.h5 --json >out
expect_line '"layout":"channels_first"' out

# in doubt: an error where it matters
expect_code 3 "$NNMPI" check net.yaml -o data.path=doubt.h5 2>err
expect_line 'are the channels of images \[3, 8, 4\] the first dimension or the last' err
expect_code 0 "$NNMPI" check net.yaml -o data.path=doubt.h5 -o data.layout=channels_first >out 2>err
expect_code 0 "$NNMPI" check net.yaml -o data.path=doubt.h5 -o data.layout=channels_last >out 2>err
expect_code 0 "$NNMPI" check net.yaml -o data.path=doubt.h5 -o 'model=[flatten, dense: {units: 2}]' >out 2>err
for shape in 8x8x5 8x8x2 8x6x5 8x8x16; do
    expect_code 3 "$NNMPI" check net.yaml -o data.path=$shape.h5 2>err
    expect_line "are the channels of images \[${shape//x/, }\] the first dimension or the last.*layout: channels_last" err
    expect_code 0 "$NNMPI" check net.yaml -o data.path=$shape.h5 -o data.layout=channels_last >out 2>err
    "$NNMPI" data info $shape.h5 >out
    expect_line 'layout: channels_last' out
done
for shape in 64x8x8 2x8x8 5x6x8 8x8x8; do
    expect_code 0 "$NNMPI" check net.yaml -o data.path=$shape.h5 >out 2>err
done
expect_code 3 "$NNMPI" check net.yaml -o data.path=wrong.h5 2>err
expect_line "the attribute layout is 'HWC'" err
"$NNMPI" check net.yaml -o data.path=said.h5 -o data.layout=channels_first >out 2>err
expect_line 'its attribute layout says channels_last, which goes before data\.layout' err

# importers store what they find
"$python" - <<'PYTHON'
import numpy as np
x = np.zeros((5, 7, 6, 3), "u1")
open("i", "wb").write(bytes([0, 0, 8, 4]) + np.array(x.shape, ">i4").tobytes() + x.tobytes())
open("l", "wb").write(bytes([0, 0, 8, 1, 0, 0, 0, 5, 0, 1, 0, 1, 0]))
PYTHON
"$NNMPI" data import idx --train-images i --train-labels l -O idx.h5 2>err
expect_line 'are taken for \[H, W, C\]' err
"$NNMPI" data info idx.h5 >out 2>err
expect_line 'channels last' out
expect_no_line 'taken for' err
