#!/usr/bin/env bash
# Models as safetensors and .npz: what is exported is imported as the same model, parameters of other programs
# come by name and in any type of numbers, and files that are damaged or made to do harm are refused with what
# is wrong in them.
. "$SOURCE_DIR/tests/lib.sh"

/usr/bin/python3 -c 'import numpy' 2> /dev/null || skip "there is no numpy"

# same FILE...: their parameters have one digest
same() { [ "$("$NNMPI" digest "$@" | cut -c1-64 | sort -u | wc -l)" -eq 1 ] || fail "another digest: $*"; }

# ---- there and back: all that predict needs is in the file
cat > net.yaml <<'YAML'
data: {source: synthetic, generator: {blobs: {classes: 3, features: 16}}, samples: 60, test: 0.5, normalize: true}
model:
  - reshape: {shape: [1, 4, 4]}
  - conv2d: {name: features_0, filters: 3, kernel: 3, activation: relu}
  - batch_norm: {name: norm}
  - flatten
  - dense: {name: "6", units: 3}
loss: cross_entropy
train: {epochs: 1, batch_size: 10}
YAML
"$NNMPI" train net.yaml --run run -q > out
"$NNMPI" export run/last.h5 --safetensors m.safetensors --npz m.npz -q
"$NNMPI" data make blobs --classes 3 --features 16 --samples 20 -O x.h5 -q
"$NNMPI" predict run/last.h5 --data x.h5 -O y.csv -q
for format in safetensors npz; do
    "$NNMPI" import m.$format -O $format.h5 -q
    "$NNMPI" predict $format.h5 --data x.h5 -O $format.csv -q
    expect_same y.csv $format.csv
done
same run/last.h5 safetensors.h5 npz.h5

# ---- as other programs write them, with their names and more than is wanted; files that do harm
/usr/bin/python3 - <<'PY'
import io, json, struct, zipfile, numpy as np

z = np.load("m.npz")
assert z["nnmpi.yaml"].startswith(b"format: 1\n"), z["nnmpi.yaml"]
tensors = {name: z[name] for name in z.files if name != "nnmpi.yaml"}
assert tensors["features_0.weight"].shape == (3, 1, 3, 3) and tensors["6.bias"].dtype == np.float32
torch = {name.replace("_0", ".0"): t for name, t in tensors.items()}
torch["norm.num_batches_tracked"] = np.array([4])
np.savez("stored", **{name: np.asfortranarray(t) for name, t in torch.items()})
np.savez_compressed("packed", **{name: t.astype(np.float64) for name, t in torch.items()})
zipfile.ZIP64_LIMIT = 0 # sizes, offsets and the directory as in archives of 4 GiB
np.savez_compressed("wide", **torch)
zipfile.ZIP64_LIMIT = 2**31 - 1
wide = open("wide.npz", "rb").read()[:-6] + b"\xff\xff\xff\xff\0\0"
open("wide.npz", "wb").write(wide)

def safetensors(path, header, data, length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(header) if length is None else length) + header + data)

def write(path, tensors, convert):
    header, data = {}, b""
    for name, t in tensors.items():
        kind, numbers = convert(t)
        header[name] = {"dtype": kind, "shape": t.shape, "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    safetensors(path, header, data)

write("f64.safetensors", torch, lambda t: ("F64", t.astype("<f8").tobytes()))
write("f16.safetensors", torch, lambda t: ("F16", t.astype("<f2").tobytes()))
write("bf16.safetensors", torch, lambda t: ("BF16", (t.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()))
# exactly what these hold, as float32
np.savez("f16", **{name: t.astype("<f2").astype("<f4") for name, t in torch.items()})
np.savez("bf16", **{name: (t.astype("<f4").view("<u4") >> 16 << 16).view("<f4") for name, t in torch.items()})

# ---- what is refused: name, file, what is said
bad = open("bad.txt", "w")
def refuse(what, header, data=b"", **more):
    path = f"bad{refuse.count}.safetensors"
    refuse.count += 1
    safetensors(path, header, data, **more)
    print(path, what, sep="\t", file=bad)
refuse.count = 0
one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
refuse("the first 8 say that a header of 18446744073709551615 bytes", b"{}", length=2**64 - 1)
refuse("a header of 99999999 bytes follows", b"{}", length=99999999)
refuse("byte 8: JSON should go on with '{' here", b"[]")
refuse("byte 10: more than one value", b"{}{}")
refuse("byte 9: JSON should go on with '\"' here", b"{a: 1}")
refuse("byte 39: JSON should go on with ',' here", b'{"a":{"dtype":"F32","shape":[1]"data_offsets":[0,4]}}')
refuse("a string that does not end", b'{"a')
refuse("no escape sequence", b'{"\\ud800": 1}')
refuse("a character that may not stand", b'{"\xff": 1}')
refuse("'a' has no shape", {"a": {"dtype": "F32", "data_offsets": [0, 4]}}, b"1234")
refuse("second or unknown key 'dtype'", b'{"a":{"dtype":"F32","dtype":"F64"}}')
refuse("'a' has the dtype 'F33', which nnmpi cannot read", {"a": dict(one, dtype="F33")}, b"1234")
refuse("data_offsets of 'a' are a beginning and an end within the 4 bytes", {"a": dict(one, data_offsets=[0, 5])}, b"1234")
refuse("data_offsets of 'a' are a beginning and an end", {"a": dict(one, data_offsets=[4, 0])}, b"1234")
refuse("a whole number from 0", {"a": dict(one, data_offsets=[-4, 0])}, b"1234")
refuse("a whole number from 0", {"a": dict(one, shape=[2**63])}, b"1234")
refuse("'a' is \\[4611686018427387904, 4\\] of F32, but has 4 bytes", {"a": dict(one, shape=[2**62, 4])}, b"1234")
refuse("a list of more than 8", {"a": dict(one, shape=[1] * 9)}, b"1234")
refuse("'b' overlaps the tensor before it", {"a": one, "b": one}, b"1234")
refuse("'b' leaves a gap behind", {"a": one, "b": dict(one, data_offsets=[5, 9])}, b"123456789")
refuse("bytes behind the last tensor", {"a": one}, b"12345")
refuse("two tensors of the name 'a'", b'{"a":%s,"a":%s}' % (json.dumps(one).encode(), json.dumps(dict(one, data_offsets=[4, 8])).encode()), b"12345678")
first, shape = "features_0.weight", [3, 1, 3, 3]
refuse(f"element 0 of '{first}' is nan", {first: {"dtype": "F32", "shape": shape, "data_offsets": [0, 108]}},
       np.full(27, np.nan, "<f4").tobytes())
refuse(f"'{first}' holds BOOL, which cannot be parameters",
       {first: {"dtype": "BOOL", "shape": shape, "data_offsets": [0, 27]}}, bytes(27))
refuse(f"'{first}' is \\[1\\], but the model wants \\[3, 1, 3, 3\\]", {first: one}, b"1234")
refuse("has no features_0.weight", {"other": one}, b"1234")

whole = open("stored.npz", "rb").read()
def refuse_npz(what, data):
    path = f"bad{refuse.count}.npz"
    refuse.count += 1
    open(path, "wb").write(data)
    print(path, what, sep="\t", file=bad)
at = whole.index(b"norm.weight.npy") + len("norm.weight.npy")
refuse_npz("has no directory at its end", whole[:-1])
refuse_npz("is damaged: its CRC-32 is another one", whole[:at + 60] + b"x" + whole[at + 61:])
refuse_npz("has no directory", b"")
refuse_npz("lacks its sizes of ZIP64", wide[:wide.index(b"PK\1\2")] + wide[wide.index(b"PK\1\2"):].replace(b"\1\0\x10\0", b"\2\0\x10\0", 1))
refuse_npz("its directory of ZIP64 is not there", wide.replace(b"PK\6\7", b"PK\6\6"))
big = open("packed.npz", "rb").read()
entry = big.index(b"PK\1\2")
refuse_npz("cannot have 4000000000 bytes", big[:entry + 24] + struct.pack("<I", 4000000000) + big[entry + 28:])
refuse_npz("is not where the directory says", big[:entry + 42] + struct.pack("<I", 4000000000) + big[entry + 46:])
for descr, what in (("'|O'", "a type of numbers as '<f4'"), ("'>f4'", "big-endian numbers"), ("[('a', '<f4')]", "no structured ones")):
    array = b"\x93NUMPY\1\0\x76\0" + (b"{'descr': %s, 'fortran_order': False, 'shape': (1,), }" % descr.encode()).ljust(0x76) + b"1234"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as f:
        f.writestr("norm.bias.npy", array)
    refuse_npz(what, archive.getvalue())
PY
for file in stored.npz packed.npz wide.npz f64.safetensors; do
    "$NNMPI" import $file --config net.yaml -O other.h5 -q
    same run/last.h5 other.h5
    "$NNMPI" predict other.h5 --data x.h5 -O other.csv -q
    expect_same y.csv other.csv
done
for type in f16 bf16; do
    "$NNMPI" import $type.safetensors --config net.yaml -O a.h5 -q
    "$NNMPI" import $type.npz --config net.yaml -O b.h5 -q
    same a.h5 b.h5
done
eval "$limit_memory" # no file of a few hundred bytes wants more
while IFS=$'\t' read -r file what; do
    "$NNMPI" import "$file" --config net.yaml -O no.h5 2> err && fail "$file is read, but: $what"
    grep -qE "$what" err || { cat err >&9 && fail "$file: no word of: $what"; }
    [ ! -e no.h5 ] || fail "a refused $file leaves a checkpoint"
done < bad.txt

# ---- safetensors' own library, where it is there
if /usr/bin/python3 -c 'import safetensors.numpy' 2> /dev/null; then
    /usr/bin/python3 - << 'PY'
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
with safe_open("m.safetensors", "np") as f:
    save_file(load_file("m.safetensors"), "theirs.safetensors", metadata=f.metadata())
PY
    "$NNMPI" import theirs.safetensors -O theirs.h5 -q
    same run/last.h5 theirs.h5
fi

# ---- as initial parameters of a training; what is said where the file or the command is wrong
"$NNMPI" train net.yaml --run again -o init.from=f64.safetensors -o train.max_steps=0 -q > out
same run/last.h5 again/last.h5
refuses() { # REGEX ARGUMENT...
    expect_code 2 "$NNMPI" "${@:2}" 2> err
    expect_line "$1" err
}
refuses 'f64.safetensors does not say which model its parameters are of: give .*--config' import f64.safetensors -O no.h5
refuses 'ends in .onnx, .safetensors or .npz' import run/last.h5 -O no.h5
refuses 'say what to write: --safetensors FILE, --npz FILE or --onnx FILE' export run/last.h5
refuses '--npz a.safetensors: the name of the file should end in .npz' export run/last.h5 --npz a.safetensors

# ---- what is read is not written over, by whatever name; links stay, and so do modes
cp m.safetensors in.safetensors
cp net.yaml cfg.yaml
ln -s in.safetensors link.h5
refuses "'in.safetensors' would be written over" import in.safetensors -O in.safetensors
refuses "'link.h5' would be written over 'in.safetensors'" import in.safetensors -O link.h5
refuses "'in.safetensors' would be written over" import in.safetensors -O a.h5 --yaml in.safetensors
refuses "'cfg.yaml' would be written over" import f64.safetensors --config cfg.yaml -O cfg.yaml
refuses "would be written over" import in.safetensors -O new.h5 --yaml ./new.h5
cmp m.safetensors in.safetensors || fail "an input is written over"
cmp net.yaml cfg.yaml || fail "an input is written over"
cp run/last.h5 model.npz
refuses "'model.npz' would be written over" export model.npz --npz model.npz
mkfifo pipe
expect_code 6 "$NNMPI" import in.safetensors -O pipe 2> err
expect_line "'pipe' is a pipe, but a regular file is wanted" err
[ -p pipe ] || fail "a pipe is written over"
touch private.h5
chmod 600 private.h5
ln -s private.h5 to_private.h5
"$NNMPI" import in.safetensors -O to_private.h5 -q
[ -L to_private.h5 ] || fail "a link is lost"
[ "$(stat -c %a private.h5)" = 600 ] || fail "a mode is lost"
same run/last.h5 private.h5

# ---- what a model file says of itself does not fit, or has a file read
sed 's/target_width: 1/target_width: 2/' m.safetensors > a.safetensors
expect_code 3 "$NNMPI" import a.safetensors -O no.h5 2> err
expect_line 'its data have 2 labels a sample, which the 3 outputs of its model cannot be shared out among' err
echo '0 1' > edges.txt
/usr/bin/python3 - << 'PY'
import json, re, struct
b = open("m.safetensors", "rb").read()
n, = struct.unpack("<Q", b[:8])
h = json.loads(b[8:8 + n])
key = [k for k, v in h["__metadata__"].items() if "conv2d" in v][0]
said = h["__metadata__"][key]
for path, edges in ("a", "edges.txt"), ("b", "[[0, 1]]"):
    model = "  model: [graph_conv: {units: 2, edges: %s}]\n" % edges
    h["__metadata__"][key], times = re.subn(r"(?m)^  model:\n(?:  [ -].*\n)+", model, said)
    assert times == 1, h
    if path == "b":
        h["__metadata__"][key] = re.sub(r"(?m)^  shape:\n(  - .*\n)+", "  shape: [300000000, 16]\n", h["__metadata__"][key])
    head = json.dumps(h).encode()
    open(path + ".safetensors", "wb").write(struct.pack("<Q", len(head)) + head + b[8 + n:])
PY
"$NNMPI" import a.safetensors -O no.h5 2> err && fail "a model file has another file read"
expect_line 'edges should be a list of pairs here' err
"$NNMPI" import b.safetensors -O no.h5 2> err && fail "a model file wants memory for 300 million nodes"
expect_line 'has 300000000 nodes, and 1 edges' err
