#!/usr/bin/env bash
# Attributes count wherever they stand: at the root, at a split, or at its x and y; the nearest wins,
# and splits that disagree are an error.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(2)
x = rng.integers(0, 256, (60, 8, 6, 3)).astype("u1")
y = (x[..., 0].mean((1, 2)) > x[..., 2].mean((1, 2))).astype("u1")
def put(name, attrs):
    with h5py.File(f"{name}.h5", "w") as f:
        f["train/x"], f["train/y"], f["test/x"], f["test/y"] = x[:40], y[:40], x[40:], y[40:]
        for place, name, value in attrs:
            f[place].attrs[name] = value
both = lambda array, name, value: [(f"{split}{array}", name, value) for split in ("train", "test")]
scale, layout, classes = 1 / 255, "channels_last", ["dark", "bright"]
put("root", [("/", "scale", scale), ("/", "layout", layout), ("/", "classes", classes)])
put("group", both("", "scale", scale) + both("", "layout", layout) + both("", "classes", classes))
put("array", both("/x", "scale", scale) + both("/x", "layout", layout) + both("/y", "classes", classes))
put("nearest", both("/x", "scale", scale) + both("", "mean", 3.) + both("", "layout", layout) +
    [("/", "offset", 9.), ("/", "layout", "channels_first"), ("/", "classes", ["a", "b"])] + both("/y", "classes", classes))
put("layouts", [("train/x", "layout", layout), ("test/x", "layout", "channels_first")])
put("scales", [("train/x", "scale", scale), ("test/x", "scale", 1.)])
put("one", [("train/x", "scale", scale)])
put("classes", [("train/y", "classes", classes), ("test/y", "classes", classes[::-1])])
PYTHON
cat >net.yaml <<'YAML'
data: {path: root.h5}
model: [conv2d: {filters: 2, kernel: 3}, relu, flatten, dense: {units: 2}]
loss: cross_entropy
train: {epochs: 2, batch_size: 20, lr: 0.1}
YAML
for name in root group array nearest; do
    "$NNMPI" train net.yaml --run $name -o data.path=$name.h5 -q 2>err | tail -n 2 >$name.out
    expect_no_line 'taken for images' err
    expect_same root.out $name.out
    "$NNMPI" data info $name.h5 >out
    expect_line '^bright ' out
    expect_line 'x \* 0\.00392157 \+ 0' out
    expect_line 'channels last' out
done
for name in layouts scales one classes; do
    expect_code 3 "$NNMPI" check net.yaml -o data.path=$name.h5 2>err
done
expect_line 'classes\.h5: /train/y and /test/y have different attributes classes' err
expect_code 3 "$NNMPI" check net.yaml -o data.path=layouts.h5 2>err
expect_line 'layouts\.h5: the attributes layout differ' err
expect_code 3 "$NNMPI" check net.yaml -o data.path=one.h5 2>err
expect_line '/test and /train are scaled differently' err
# numbers of categories, whose names have to be as many as is said
for wrong in '[3, 0]' '[2, 1]' '[2]' '[1.5, 0.5]' '[-1, 3]'; do
    "$python" - "$wrong" <<'PYTHON'
import h5py, json, numpy as np, sys
with h5py.File("counts.h5", "w") as f:
    f["train/x"], f["train/y"] = np.ones((4, 2), "f4"), np.arange(4) % 2
    f.attrs["categories"], f.attrs["category_counts"] = ["a", "b"], np.array(json.loads(sys.argv[1]), "f8")
PYTHON
    expect_code 3 "$NNMPI" data info counts.h5 2>err
    expect_line 'counts\.h5: the attributes category_counts and categories of / do not go together' err
done
# a file that is divided keeps them
"$python" - <<'PYTHON'
import h5py
with h5py.File("array.h5", "a") as f:
    del f["test"]
PYTHON
"$NNMPI" data split array.h5 --test 0.25 -q
"$NNMPI" check net.yaml -o data.path=array.h5 >out
"$NNMPI" data info array.h5 >out
expect_line '^bright ' out
