#!/usr/bin/env bash
# Files that claim what they do not hold, lead elsewhere, or never end: refused with a message, in
# little time and memory.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

# refuse CODE REGEX COMMAND...: ends with CODE and a line, in 20 seconds and 3 GB of addresses
refuse() {
    local code=$1 line=$2
    shift 2
    local got=0
    bash -c "$limit_memory; exec timeout 20 \"\$@\"" - "$@" >out 2>err || got=$?
    [[ $got =~ ^$code$ ]] || fail "exit code $got, not $code: $*"
    expect_line "$line" err
}

"$python" - <<'PYTHON'
import zlib, h5py, numpy as np
def claim(name, shape, **how):
    with h5py.File(name, "w") as f:
        f.create_dataset("train/x", shape, "f4", **how)
        f["train/y"] = np.zeros(min(shape[0], 1000), "u1")
claim("overflow.h5", (2**20, 2**30, 2**30), chunks=(1, 1, 1))
claim("wraps.h5", (2, 2**31, 2**31), chunks=(1, 1, 1))
claim("endless.h5", (2**50,), chunks=(1024,))
claim("contiguous.h5", (2**40, 3))
claim("zipped.h5", (2**20, 2**20), chunks=(1, 1024), compression="gzip")
claim("image.h5", (1, 65535, 65535), chunks=(1, 64, 64), compression="gzip")
with h5py.File("chunk.h5", "w") as f: # of 1 GiB, for ten rows
    x = f.create_dataset("train/x", (10,), "f4", maxshape=(None,), chunks=(2**28,), compression="gzip")
    x.id.write_direct_chunk((0,), zlib.compress(bytes(40)))
    f["train/y"] = np.zeros(10, "u1")
with h5py.File("secret.h5", "w") as f:
    f["x"], f["y"] = np.ones((10, 2), "f4"), np.arange(10) % 2
    f["train/x"], f["train/y"] = np.ones((10, 2), "f4"), np.arange(10) % 2
def links(name):
    f = h5py.File(name, "w")
    return f
with links("link.h5") as f:
    f["train/x"], f["train/y"] = h5py.ExternalLink("secret.h5", "/x"), np.arange(10) % 2
with links("group.h5") as f:
    f["train"] = h5py.ExternalLink("secret.h5", "/train")
with links("soft.h5") as f:
    f["there"] = h5py.ExternalLink("secret.h5", "/")
    f["train"] = h5py.SoftLink("/there/train")
with links("virtual.h5") as f:
    layout = h5py.VirtualLayout((10, 2), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", (10, 2))
    f.create_virtual_dataset("train/x", layout)
    f["train/y"] = np.arange(10) % 2
open("raw", "wb").write(np.ones((10, 2), "f4").tobytes())
with links("stored.h5") as f:
    f.create_dataset("train/x", (10, 2), "f4", external=[("raw", 0, 80)])
    f["train/y"] = np.arange(10) % 2
with h5py.File("many.h5", "w", libver="latest") as f:
    f["train/x"], f["train/y"] = np.ones((10, 2), "f4"), np.arange(10) % 2
    for i in range(20000):
        f["train"][f"n{i}"] = h5py.SoftLink("/nowhere")
with links("escape.h5") as f:
    f["train/x"], f["train/y"] = np.ones((10, 2), "f4"), np.zeros(10, "u1")
    f.attrs["classes"] = ["\x1b\x9b[2Jape"]
with links("beside.h5") as f: # a link that nobody uses
    f["train/x"], f["train/y"] = np.ones((10, 2), "f4"), np.arange(10) % 2
    f["other"] = h5py.ExternalLink("secret.h5", "/x")
def patch(name, find, put): # every occurrence, in a file of the oldest format, which has no checksums
    data = open(name, "rb").read()
    assert find in data
    open(name, "wb").write(data.replace(find, put))
from struct import pack
with links("nameless.h5") as f: # a link whose name is empty
    f["train/x"], f["train/y"], f["train/zzzz"] = np.ones((10, 2), "f4"), np.arange(10) % 2, 1
patch("nameless.h5", b"zzzz\0", bytes(5))
with links("compact.h5") as f: # longer than what is stored of it
    f["train/y"] = np.zeros(999, "u1")
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(f["train"].id, b"x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((11, 2)), compact)
patch("compact.h5", pack("<QQ", 11, 2), pack("<QQ", 999, 2))
with links("label.h5") as f: # a table of so many classes would take 16 GB
    f["train/x"], f["train/y"] = np.ones((10, 2), "f4"), np.full(10, 2**31 - 9)
def classes(name, values, find, put): # the attribute with other bytes behind its name
    with h5py.File(name, "w") as f:
        f["train/x"], f["train/y"] = np.ones((10, 2), "f4"), np.arange(10) % 3
        f.attrs["classes"] = values
    data = bytearray(open(name, "rb").read())
    at = data.find(find, data.find(b"classes\0") + 8)
    data[at:at + len(put)] = put
    open(name, "wb").write(data)
fixed, varying = np.array([b"a", b"bb", b"ccccccc"]), np.array(["a", "b", "c"], h5py.string_dtype())
classes("texts.h5", fixed, pack("<QQ", 3, 3), pack("<QQ", 2**31, 2**31))
classes("text.h5", fixed, pack("<I", 7), pack("<I", 2**31 - 8))
classes("pointers.h5", varying, pack("<QQ", 3, 3), pack("<QQ", 2**31, 2**31))
def idx(name, dims, data=b"abc", kind=8):
    open(name, "wb").write(bytes([0, 0, kind, len(dims)]) + np.array(dims, ">u4").tobytes() + data)
idx("huge", (1, 65535, 65535))
idx("wrap", (4, 65536, 65536, 65536, 65536))
idx("one", (1,), b"0")
idx("four", (4,), b"0000")
import gzip
gzip.open("huge.gz", "wb").write(open("huge", "rb").read())
with open("keys.yaml", "w") as f:
    f.writelines(f"k{i}: 1\n" for i in range(100000))
PYTHON

refuse 3 "claims more bytes than there can be" "$NNMPI" data info overflow.h5
refuse 3 "claims" "$NNMPI" data info wraps.h5
refuse 3 "claims [0-9]+ bytes, but only 0 were ever written" "$NNMPI" data info endless.h5
for file in contiguous zipped image chunk; do
    refuse 3 "claims [0-9]+ bytes, but only [0-9]+ were ever written" "$NNMPI" data info $file.h5
    refuse 3 "claims" "$NNMPI" data split $file.h5 --test 0.5 -O x.h5
done

# texts of an attribute: more of them than the file has bytes, or longer ones
for file in texts text pointers; do
    refuse 3 "$file\.h5' (is damaged|.* more than the file has)" "$NNMPI" data info $file.h5
done

# HDF5 1.14 finds this one by itself
refuse 3 "compact.h5'( claims 7992 bytes, but only 88 were ever written|: bad value from dataset header)" \
    "$NNMPI" data info compact.h5
refuse 3 "label.h5: /train/y row 0 holds 2147483639; labels are .*, and at most [0-9]+$" "$NNMPI" data info label.h5
"$NNMPI" data info nameless.h5 >out 2>err || [ $? -eq 3 ] || fail "a link without a name"

# names that would command a terminal are shown without their control characters
"$NNMPI" data info escape.h5 >out
expect_line '^  \[2Jape +10$' out
expect_no_line $'\033|\302\233' out
cat >escape.yaml <<'YAML'
data: {source: iris}
model: [dense: {name: "a\e[2J", units: 3}]
loss: cross_entropy
train: {batch_size: 5}
YAML
refuse 2 "layer name 'a \[2J' may not" "$NNMPI" check escape.yaml

# what leads to other files, unless it is asked for
cat >net.yaml <<'YAML'
data: {path: link.h5}
model: [dense: {units: 2}]
loss: cross_entropy
train: {max_steps: 1, batch_size: 5}
YAML
for file in link group soft virtual stored; do
    refuse 3 'data\.other_files' "$NNMPI" data info $file.h5
    refuse 3 'data\.other_files' "$NNMPI" check net.yaml -o data.path=$file.h5
    expect_code 0 "$NNMPI" check net.yaml -o data.path=$file.h5 -o data.other_files=true >out 2>err
done

# the verbs that read a file alone have a switch for that; the message names it, and says nothing of damage
"$NNMPI" data info link.h5 2>err || true
expect_line "'link.h5' cannot be read: it leads to another file.*--other-files" err
"$NNMPI" train net.yaml -o data.path=secret.h5 --run run -q >out 2>err
for file in link group soft virtual stored; do
    refuse 3 '--other-files' "$NNMPI" data split $file.h5 --test 0.5 -O x.h5
    refuse 3 '--other-files' "$NNMPI" predict run --data $file.h5 -O x.csv
    refuse 3 '--other-files' "$NNMPI" eval run --data $file.h5 --split train
    "$NNMPI" data info $file.h5 --other-files >out
    expect_line '^train +10 ' out
    "$NNMPI" predict run --data $file.h5 --other-files -O x.csv -q
    "$NNMPI" eval run --data $file.h5 --other-files --split train >out
    rm -f x.csv
done
cp secret.h5 secret-before.h5
cp raw raw-before
for file in link virtual stored; do # what is divided moves into the new file, and only there
    "$NNMPI" data split $file.h5 --test 0.5 --other-files -O x.h5 -q
    "$NNMPI" data info x.h5 >out
    expect_line '^test +5 ' out
    "$NNMPI" data split $file.h5 --test 0.5 --other-files -q
    "$NNMPI" data info $file.h5 >out
    rm -f x.h5
done
for file in group soft; do
    refuse 3 "$file.h5: /train stands in another file" "$NNMPI" data split $file.h5 --test 0.5 --other-files -O x.h5
done
expect_same secret.h5 secret-before.h5
expect_same raw raw-before
"$NNMPI" data info beside.h5 >out
expect_line '^train +10 ' out

# IDX headers are checked against the file's length first
refuse 3 'huge: truncated: its header says more bytes' "$NNMPI" data import idx --train-images huge --train-labels one -O x.h5
refuse 3 'huge\.gz: truncated: its header says more bytes' "$NNMPI" data import idx --train-images huge.gz --train-labels one -O x.h5
refuse 3 'wrap: truncated: its header says more bytes' "$NNMPI" data import idx --train-images wrap --train-labels four -O x.h5
[ ! -e x.h5 ] || fail "a refused import left a file"

# what never ends is no file
mkfifo pipe
for path in /dev/zero pipe .; do
    refuse 2 "'$path' is a (device|pipe|folder)" "$NNMPI" check "$path"
    refuse 3 "'$path' is a (device|pipe|folder), but a regular file is wanted" "$NNMPI" data import csv "$path" --label 1 -O x.h5
    refuse 3 "'$path' is a (device|pipe|folder), but a regular file is wanted" "$NNMPI" data import idx --train-images "$path" --train-labels one -O x.h5
    holds="'$path' is a (device|pipe), but a regular file is wanted"
    [ "$path" != . ] || holds='holds no pictures' # a folder of them would do
    refuse 3 "$holds" "$NNMPI" data info "$path"
done
for path in /dev/zero pipe; do
    wrong="'$path' is a (device|pipe), but a regular file is wanted"
    for verb in eval digest inspect; do
        refuse '[23]' "$wrong" "$NNMPI" "$verb" "$path"
    done
    refuse 3 "$wrong" "$NNMPI" predict "$path" --data beside.h5 -O x.csv
    refuse 3 "$wrong" "$NNMPI" train --run x -o "init.from=$path"
    refuse 3 "$wrong" "$NNMPI" train --run x -o "data={path: $path}"
    refuse 3 "$wrong" "$NNMPI" train --run x -o "data={path: $path, source: csv, label: 1}"
    refuse '[236]' "$wrong" "$NNMPI" train --run x -o "model=[graph_conv: {units: 3, edges: $path}]"
    rm -rf x
    mkdir resumed
    ln -s "../$path" resumed/last.h5
    [ "$path" != /dev/zero ] || ln -sf "$path" resumed/last.h5
    refuse 3 "'resumed/last.h5' is a (device|pipe), but a regular file is wanted" \
        "$NNMPI" train "$SOURCE_DIR/datasets/iris/iris.yaml" --run resumed --resume
    rm -r resumed
done
truncate -s 100M long.yaml
refuse 2 'long\.yaml.* has 104857600 bytes, more than' "$NNMPI" check long.yaml

# a hundred thousand keys, or twenty thousand links, in seconds of the processor
(ulimit -t 5 && "$NNMPI" data info many.h5 >out)
expect_line '^train +10 ' out
(ulimit -t 5 && refuse 2 "unknown key 'k0'" "$NNMPI" check keys.yaml)
