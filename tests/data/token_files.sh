#!/usr/bin/env bash
# timeout: 180
# Streams of tokens in files of others: what stands beside them, what their attributes say, and how they are cut.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

# Files as others write them: without a context it is 64.
"$python" - <<'PYTHON'
import h5py, numpy as np

def make(name, count=1000, kind="u2", **beside):
    f = h5py.File(name + ".h5", "w")
    f["train/tokens"] = (np.arange(count) % 7).astype(kind)
    for key, value in beside.items():
        f["train/" + key] = value
    return f

rich = h5py.File("rich.h5", "w")
t = rich.create_group("train")
t.attrs["by"], t.attrs["tokens"], t.attrs["context"] = "me", "notes", 10
x = t.create_dataset("tokens", data=(np.arange(1000) % 7).astype("u1"), chunks=(64,), compression="gzip", shuffle=True)
x.attrs["classes"] = list("abcdefg")
t["doc"], t["meta/word"] = np.arange(1000) // 30, [f"w{i}" for i in range(1000)]
t["names"] = ["a", "b"]
rich["other"] = 5
for field, rows in ("w", 16), ("y", 15), ("len", 16), ("x", 16):
    make("with_" + field, **{field: np.ones(rows, "i4")})
make("scaled").attrs.update(scale=2.0, offset=1.0)
make("scaled_here")["train/tokens"].attrs["mean"] = 3.0
make("noted", note=np.zeros(3))
f = make("differs")
f["valid/tokens"] = f["train/tokens"][:]
f["train"].attrs["tokens"], f["valid"].attrs["tokens"] = "words", "chars"
f = make("gaps")
f["train/tokens"][:] *= 3
for order in "train", "valid":
    f = make("short_" + order)
    f.attrs["classes"] = list("abcdefg")
    f["valid/tokens"] = f["train/tokens"][:]
    del f[order + "/tokens"]
    f[order + "/tokens"] = np.array([1, 2, 3], "u1")
f = make("open_end", 20)
f["train"].attrs["unlabelled"] = 1
PYTHON

for field in w y len x; do
    expect_code 3 "$NNMPI" data info "with_$field.h5" 2>err
    expect_line "with_$field.h5: /train has tokens and $field: the samples of a stream are its windows" err
done
for name in scaled scaled_here; do
    expect_code 3 "$NNMPI" data info "$name.h5" 2>err
    expect_line "$name.h5: its x are tokens, numbers of a vocabulary, which nothing scales" err
done
expect_code 3 "$NNMPI" data info differs.h5 2>err
expect_line 'differs.h5: the tokens of /train are words and those of /valid chars' err
"$NNMPI" data info noted.h5 >out 2>err
expect_line 'noted.h5: only tokens of a split are read; note stay' err
expect_no_line 'random split' out
"$NNMPI" data info open_end.h5 >out
expect_no_line '^y ' out

# A split that is shorter than a window is one sample, whichever it is; and a model takes it, too.
cat >net.yaml <<'YAML'
data: {path: rich.h5}
model: [embedding: {vocabulary: 7, units: 4}, lstm: {units: 4, return: all}, dense: {units: 7}]
loss: cross_entropy
train: {epochs: 1, batch_size: all}
YAML
"$NNMPI" data info rich.h5 >out
expect_line '^x +int32 \[10\] tokens' out
expect_line '7 different tokens' out
"$NNMPI" train net.yaml --run run -q >out
for name in short_train short_valid; do
    "$NNMPI" data info "$name.h5" --json >out
    expect_line "\"name\":\"${name#short_}\",\"samples\":1,\"tokens\":3" out
    "$NNMPI" train net.yaml --run "$name" -o data.path="$name.h5" -q >out
    for split in train valid; do
        "$NNMPI" eval run --data "$name.h5" --split $split >out 2>err
    done
    "$NNMPI" predict run --data "$name.h5" -O p.csv -q
done
expect_code 3 "$NNMPI" train net.yaml --run no -o data.path=gaps.h5 2>err
expect_line 'gaps.h5: the tokens are 0 to 18, but only 7 different ones: .* number the tokens 0 to 6 without gaps' err

# What has a row for each token is cut with them; all keeps its type, chunks, filters and attributes.
"$NNMPI" data split rich.h5 --valid 0.2 --test 0.1 -O cut.h5 -q
"$NNMPI" data info cut.h5 >out
expect_line '^x +int32 \[10\] tokens' out
"$python" - <<'PYTHON'
import h5py, numpy as np
f, n = h5py.File("cut.h5"), np.arange(1000)
assert f["other"][()] == 5 and list(f["train/names"].asstr()) == ["a", "b"] and "names" not in f["test"]
for part, begin, end in ("train", 0, 700), ("valid", 700, 900), ("test", 900, 1000):
    g, n = f[part], np.arange(begin, end)
    t = g["tokens"]
    assert t.dtype == "u1" and (t[:] == n % 7).all() and (g["doc"][:] == n // 30).all(), part
    assert list(g["meta/word"].asstr()) == [f"w{i}" for i in n], part
    assert (t.chunks, t.compression, t.shuffle) == ((64,), "gzip", True) and len(t.attrs["classes"]) == 7, part
    assert (g.attrs["by"], g.attrs["tokens"], g.attrs["context"]) == ("me", "notes", 10), part
PYTHON
