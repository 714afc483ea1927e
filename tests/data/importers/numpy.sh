#!/usr/bin/env bash
# Arrays of NumPy as data sets: what is called how, types, orders, splits, and what is refused.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import numpy' 2>/dev/null || skip "there is no numpy"

"$python" - <<'PY'
import numpy as np
x = np.arange(60).reshape(20, 3).astype("f4")
y = np.arange(20) % 2
np.savez("a.npz", x_train=x[:12], y_train=y[:12], x_val=np.asfortranarray(x[12:15]), y_val=y[12:15], x_test=x[15:].astype("f8"), y_test=y[15:], names=np.array(["a", "b"]))
np.savez_compressed("b.npz", samples=x.astype("f2"), answers=y[:, None] == 1, w=np.ones(20, ">f4".replace(">", "<")), data_train=x)
np.save("x_1.npy", np.asfortranarray(x).astype("u2"))
np.save("y_1.npy", y.astype("u4"))
np.save("X.npy", x[:4])
np.save("big.npy", x.astype(">f4"))
np.save("text.npy", np.array(["a", "b"]))
np.save("empty.npy", x[:0])
np.save("pixels.npy", np.full((4, 2, 3), 255, "u1"))
np.savez("short.npz", x=x, y=y[:5])
np.savez("no_y.npz", x_train=x[:12], y_train=y[:12], x_test=x[12:])
np.save("huge.npy", np.array([[1, 2**64 - 1]], "u8"))
np.save("levels.npy", np.arange(90).reshape(6, 3, 5).astype("i2") % 9)
np.save("gap.npy", np.where(np.arange(3) == 1, np.nan, x))
PY
info() {
    "$NNMPI" data import "$@" -O t.h5 -q
    "$NNMPI" data info t.h5 >out
    expect_same <("$NNMPI" data info "$2" | sed '1d; /^advice/,$d') <(sed '1d; /^advice/,$d' out)
}
info npz a.npz
expect_line '^y +int64 labels' out
expect_line '^train +12 +x +0 +35 +17\.5' out
expect_line '^valid +3 +x +36 +44 +40 ' out
expect_line '^test +5 +x +45 +59 +52 ' out
expect_line '^1 +6 +1 +3$' out
info npy x_1.npy
expect_line '^x +int32 \[3\]' out
expect_line '^train +20 +x +0 +59 +29\.5' out
expect_line '^1 +10$' out
info npy pixels.npy
expect_line 'read as x \* 0\.00392157' out
"$NNMPI" data import npz b.npz --x samples --y answers -O t.h5 -q
"$NNMPI" data info t.h5 >out
expect_line '^y +uint8 labels' out
expect_line '^w +float32 weights' out
expect_line '^train +20 +x +0 +59 ' out

"$NNMPI" data info levels.npy >out
expect_no_line '1/255' out # no brightness
"$NNMPI" data info gap.npy >out
expect_line '^2 +no numbers ' out
expect_line '^- 20 values of x of train are NaN or Inf' out
expect_no_line 'the same value in every row' out
"$NNMPI" data plot no_y.npz -O page.html -q # classes of the splits that have labels
grep -q '"classes"' page.html || fail "the page has no classes"

# What is read is never written over, by whatever name; nor is what stands beside.
cp a.npz mine.npz
ln -s mine.npz link.npz
expect_kept() {
    expect_code 2 "$NNMPI" data "$@" 2>err
    expect_line 'is what is read: write to another file' err
    expect_same mine.npz a.npz
}
expect_kept import npz mine.npz -O mine.npz
expect_kept import npz mine.npz -O link.npz
expect_kept split mine.npz --valid 0.2 -O ./mine.npz
expect_kept plot mine.npz -O mine.npz
expect_kept import npy x_1.npy -O y_1.npy
echo mine >p.h5.whole
"$NNMPI" data split no_y.npz --valid 0.2 -O p.h5 -q
expect_line '^mine$' p.h5.whole
[ -z "$(ls -- *.tmp 2>/dev/null)" ] || fail "the whole data set is left"

cat >net.yaml <<'YAML'
data: {path: a.npz}
model: [dense: {units: 2}]
loss: cross_entropy
train: {epochs: 2, batch_size: 4, lr: 0.001}
YAML
"$NNMPI" train net.yaml --run run -q >out
"$NNMPI" predict run --data X.npy -O p.csv -q
expect_line '^3,[01],' p.csv
"$NNMPI" eval run --data x_1.npy >out
expect_line '^x_1.npy accuracy' out
"$NNMPI" train net.yaml --run keys -q -o 'data={path: b.npz, x: samples, y: answers}' >out
"$NNMPI" eval keys --data b.npz >out
expect_line '^b.npz accuracy' out

refuses() {
    expect_code "$1" "$NNMPI" data import "${@:3}" -O bad.h5 2>err
    expect_line "$2" err
}
refuses 2 "a.npz: no array 'foo' \(x, --x\); it has x_train \[12, 3\]" npz a.npz --x foo
refuses 2 "b.npz: no array 'z' \(y, --y\)" npz b.npz --x samples --y z
refuses 3 "'y' is \[5\], but there are 20 samples" npz short.npz
refuses 3 "big.npy: 'array' holds big-endian numbers; save a.astype\('<f4'\)" npy big.npy
refuses 3 "text.npy: .* a type of numbers as '<f4'" npy text.npy
refuses 3 "empty.npy: 'array' is \[0, 3\]" npy empty.npy
head -c 90 X.npy >cut.npy
refuses 3 "cut.npy: 'array' is no array of NumPy, or is cut off" npy cut.npy
head -c 150 X.npy >cut.npy
refuses 3 "cut.npy: 'array' is \[4, 3\] of F32, but has 22 bytes" npy cut.npy
refuses 6 "cannot open 'none.npy'" npy none.npy
refuses 3 "huge.npy: 'array' holds 1844.*less than 2\^63" npy huge.npy
