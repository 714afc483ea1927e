#!/usr/bin/env bash
# timeout: 180
# Streams of tokens: what is in the file, the same run on any number of ranks, in buffers and after a kill, and what
# is wrong with files of others.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"

cat "$SOURCE_DIR/docs/explanation.md" "$SOURCE_DIR/docs/data.md" | head -c 40000 >t.txt
"$NNMPI" data import text t.txt --tokens bpe --vocabulary 400 --valid 0.1 -O t.h5 -q
"$NNMPI" data info t.h5 >out
expect_line '^x +int32 \[64\] tokens' out
expect_line '400 different tokens' out

cat >net.yaml <<'YAML'
data: {path: t.h5, context: 24}
model: [embedding: {vocabulary: 400, units: 12}, lstm: {units: 24, return: all}, dense: {units: 400}]
loss: cross_entropy
train: {epochs: 3, batch_size: 16, reproducible: true, optimizer: {adam: {lr: 0.03}}}
validate: {metrics: [accuracy, perplexity, bits_per_byte]}
checkpoint: {every_steps: 5}
YAML
digest() { "$NNMPI" digest "$1/last.h5" | cut -c1-64; }
"$NNMPI" train net.yaml --run one -q >out
for ranks in 2 3 4; do
    run_ranks "$ranks" "$NNMPI" train net.yaml --run "on$ranks" -q >out 2>err
    [ "$(digest one)" = "$(digest "on$ranks")" ] || fail "$ranks ranks have another digest"
done
code=0
faulty write 12 metrics.jsonl KILL 0 train net.yaml --run killed -o train.log_every=1 >out 2>err || code=$?
is_killed "$code" || fail "exit code $code of a killed run"
run_ranks 2 "$NNMPI" train net.yaml --run killed --resume -q >out 2>err
[ "$(digest one)" = "$(digest killed)" ] || fail "a killed run has another digest"

# The model has learned: drawn by frequency alone, tokens of this text have a perplexity of 144.
"$NNMPI" eval one --split valid --json >out
python3 - out <<'PYTHON'
import json, math, sys
out = json.load(open(sys.argv[1]))
assert 1 < out["perplexity"] < 90, out
assert abs(math.log(out["perplexity"]) - out["loss"]) < 1e-4, out
assert 1 < out["bits_per_byte"] < 3.6, out
PYTHON

# In a buffer, from a file that does not fit into the memory that is allowed.
memory=(-o data.memory=0.12 -o train.epochs=1)
"$NNMPI" train net.yaml --run buffer "${memory[@]}" -q >out 2>err
run_ranks 2 "$NNMPI" train net.yaml --run buffer2 "${memory[@]}" -q >out 2>err
[ "$(digest buffer)" = "$(digest buffer2)" ] || fail "2 ranks with a buffer have another digest"

printf 'the data of the run ' >new.txt
"$NNMPI" predict one --data new.txt -O p.csv
expect_line '^0,[0-9]+,' p.csv
"$NNMPI" data split t.h5 --test 0.2 -O cut.h5 -q
"$NNMPI" data info cut.h5 --json >out
for split in train valid test; do expect_line "\"name\":\"$split\",\"samples\":[0-9]+,\"tokens\":" out; done
"$NNMPI" eval one --data cut.h5 --split test >out
expect_line '^test accuracy' out
expect_code 2 "$NNMPI" data split t.h5 --test 0.2 --stratify -O cut.h5 2>err
expect_line 't.h5: a stream of tokens is cut; it has no classes' err
expect_code 2 "$NNMPI" data split t.h5 --test 0.2 --seed 2 -O cut.h5 2>err
expect_line 't.h5: a stream of tokens is cut, .* leave out seed' err
expect_code 2 "$NNMPI" data split t.h5 --test 0.00001 -O no.h5 2>err
expect_line 't.h5: of [0-9]+ tokens 0 are left for /test, which takes at least 2' err
expect_code 2 "$NNMPI" train net.yaml --run no -o data.first_label=1 2>err
expect_line 'data.first_label = 1 is for labels, but t.h5 holds tokens' err
"$NNMPI" data make blobs -O blobs.h5 -q
expect_code 3 "$NNMPI" train net.yaml --run no -o data.path=blobs.h5 2>err
expect_line 'blobs.h5: /train/x is \[2\] a sample, but windows of 24 tokens \(data.context, or the model' err
expect_code 3 "$NNMPI" data import text t.txt --tokens bpe --vocabulary 100000 -O no.h5 2>err
expect_line 't.txt: no pair of tokens occurs twice .* cannot be had: take at most [0-9]+' err
expect_code 3 "$NNMPI" data import text t.txt --tokens bpe --vocabulary-file no.json -O no.h5 2>err
expect_line "^nnmpi: .*'?no.json" err
expect_no_line HDF5 err
expect_code 2 "$NNMPI" data import text t.txt --tokens bpe --vocabulary 255 -O no.h5 2>err
expect_line 'it has at least 256' err
expect_code 2 "$NNMPI" train net.yaml --run no -o 'data={path: t.txt, tokens: words}' -o model.0.embedding.vocabulary=9000 \
    -o model.2.dense.units=9000 2>err
expect_line 'bits_per_byte.* but not words: take perplexity' err

python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || exit 0
# Training and encoding as their definitions say, with all pairs counted anew for each token.
head -n 50 "$SOURCE_DIR/docs/data.md" >prose.txt
printf "ba ab  ba ab \n\n été naïve été 中文 中文, it's they'll it's 12½ 12½ 🙂🙂 aaaaa aaaa dc cd dc cd" >ties.txt
"$NNMPI" data import text prose.txt --tokens bpe --vocabulary 340 --context 8 -O prose.h5 -q
"$NNMPI" data import text ties.txt --tokens bpe --vocabulary 276 --context 8 -O ties.h5 -q
"$python" - prose ties <<'PYTHON'
import collections, h5py, re, sys, unicodedata

rule = re.compile(r" ?L+| ?N+| ?O+|[ _]+(?![LNO])|[ _]+")  # GPT-2's, of the classes of the characters
def divide(text):
    kind = [" " if c == " " else "_" if c.isspace() else unicodedata.category(c)[0] for c in text]
    kind = "".join(k if k in " _LN" else "O" for k in kind)
    at = 0
    while at < len(text):
        found = re.compile("'(?:s|t|re|ve|m|ll|d)").match(text, at) or rule.match(kind, at)
        yield text[at:found.end()].encode()
        at = found.end()

def join(unit, pair, joined):
    at = 0
    while at + 1 < len(unit):
        if (unit[at], unit[at + 1]) == pair:
            unit[at:at + 2] = [joined]
        at += 1

printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
order = printable + [b for b in range(256) if b not in printable]
byte = {chr(b if b in printable else 256 + i - len(printable)): b for i, b in enumerate(order)}
for name in sys.argv[1:]:
    with h5py.File(name + ".h5") as f:
        found, tokens = [bytes(byte[c] for c in n) for n in f.attrs["classes"]], list(f["train/tokens"][:])
    pieces = list(divide(open(name + ".txt", encoding="utf-8", newline="").read()))
    units = [([order.index(b) for b in unit], n) for unit, n in collections.Counter(pieces).items()]
    names = [bytes([b]) for b in order]
    while len(names) < len(found):
        seen = collections.Counter()
        for unit, n in units:
            for pair in zip(unit, unit[1:]):
                seen[pair] += n
        pair = min(seen, key=lambda p: (-seen[p], p))
        assert seen[pair] > 1, (name, len(names))
        whole = names[pair[0]] + names[pair[1]]
        names += [] if whole in names else [whole]
        for unit, _ in units:
            join(unit, pair, names.index(whole))
    assert found == names, [(name, i, a, b) for i, (a, b) in enumerate(zip(found, names)) if a != b][:3]
    expected = []
    for piece in pieces:
        part = [piece[i:i + 1] for i in range(len(piece))]
        while any(a + b in names for a, b in zip(part, part[1:])):
            least = min(names.index(a + b) for a, b in zip(part, part[1:]) if a + b in names)
            join(part, next((a, b) for a, b in zip(part, part[1:]) if a + b == names[least]), names[least])
        expected += map(names.index, part)
    assert tokens == expected, name
PYTHON

# The tokens stand for the text, byte by byte; GPT-2's files of the same vocabulary give the same tokens.
"$python" - <<'PYTHON'
import h5py, json, numpy as np
f = h5py.File("t.h5")
names, tokens = list(f.attrs["classes"]), np.concatenate([f["train/tokens"][:], f["valid/tokens"][:]])
assert tokens.dtype == np.uint16 and f.attrs["tokens"] == "bpe" and len(names) == 400
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = [b for b in range(256) if b not in printable]
byte = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
assert names[:256] == sorted(byte)
assert b"".join(bytes(byte[c] for c in names[t]) for t in tokens) == open("t.txt", "rb").read()

number = {name: i for i, name in enumerate(names)}
def parts(name):  # what it is joined of
    piece = list(name)
    while len(piece) > 2:
        pairs = [(number.get(a + b, 1 << 30), i) for i, (a, b) in enumerate(zip(piece, piece[1:]))]
        _, i = min(pairs)
        piece[i:i + 2] = [piece[i] + piece[i + 1]]
    return piece
with open("vocab.json", "w") as out:
    json.dump(number | {"<|endoftext|>": 400}, out)
with open("merges.txt", "w") as out:
    print("#version: 0.2", *(" ".join(parts(name)) for name in names[256:]), sep="\n", file=out)
number[names[300]], number[names[301]] = 301, 300
with open("turned.json", "w") as out:
    json.dump(number, out)

with h5py.File("bad.h5", "w") as out:
    out["train/tokens"] = np.where(np.arange(500) == 321, 7, 3).astype(np.uint32)
    out.attrs["classes"] = ["a", "b", "c", "d"]
with h5py.File("huge.h5", "w") as out:
    out["train/tokens"] = np.where(np.arange(500) == 321, 2**32 - 1, 3).astype(np.uint32)
with h5py.File("windows.h5", "w") as out: # 10 tokens a window, where the model has 24
    at = np.arange(10) + 10 * np.arange(30)[:, None]
    out["train/x"], out["train/y"] = tokens[at].astype(np.int32), tokens[at + 1].astype(np.int32)
    out.attrs["tokens"], out.attrs["classes"] = "bpe", names
with h5py.File("ids.h5", "w") as out:
    out["train/tokens"] = tokens[:600] % 7
with h5py.File("nameless.h5", "w") as out:
    out["train/tokens"], out.attrs["tokens"] = tokens[:600] % 7, "chars"
with h5py.File("flat.h5", "w") as out:
    out["train/tokens"] = np.zeros((5, 100), np.uint16)
PYTHON
"$NNMPI" data import text t.txt --tokens bpe --vocabulary-file vocab.json --valid 0.1 -O given.h5 -q
"$NNMPI" data import text t.txt --tokens bpe --vocabulary-file t.h5 --valid 0.1 -O like.h5 -q
expect_same like.h5 t.h5
"$python" - <<'PYTHON'
import h5py
a, b = h5py.File("t.h5"), h5py.File("given.h5")
assert (a["train/tokens"][:] == b["train/tokens"][:]).all() and len(b.attrs["classes"]) == 401
PYTHON
mkdir crlf twice alone empty
sed 's/$/\r/' merges.txt >crlf/merges.txt
sed '9s/.*/#version x/' merges.txt >twice/merges.txt
sed 's/{/{"": 401, /' vocab.json >empty/vocab.json
cp vocab.json crlf && cp vocab.json twice && cp vocab.json alone/encoder.json && cp merges.txt empty
"$NNMPI" data import text t.txt --tokens bpe --vocabulary-file crlf/vocab.json --valid 0.1 -O crlf.h5 -q
expect_same crlf.h5 given.h5
not_taken() { # FILE LINE
    expect_code 3 "$NNMPI" data import text t.txt --tokens bpe --vocabulary-file "$1" -O no.h5 2>err
    expect_line "$2" err
}
not_taken twice/vocab.json "twice/merges.txt:9: '#version' is no token"
not_taken alone/encoder.json 'there is no alone/merges.txt, which has to stand beside it'
not_taken empty/vocab.json 'empty/vocab.json: the token with the number 401 is an empty text'
expect_code 3 "$NNMPI" data import text t.txt --tokens bpe --vocabulary-file turned.json -O no.h5 2>err
expect_line 'merges.txt:4[67]: .* does not follow from the numbers of the tokens' err
expect_code 2 "$NNMPI" data import text t.txt --vocabulary-file t.h5 -O no.h5 2>err
expect_line 't.h5: its tokens are bpe, not chars: take tokens: bpe' err
expect_code 3 "$NNMPI" eval one --data windows.h5 --split train 2>err
expect_line 'windows.h5: /train/x is \[10\] a sample, but windows of 24 tokens .* or stored as samples of \[24\]' err
for kind in ids nameless; do
    sed "s/t.h5/$kind.h5/; s/400/7/; s/\[accuracy.*\]/[accuracy]/; s/epochs: 3/epochs: 1/" net.yaml >"$kind.yaml"
    "$NNMPI" train "$kind.yaml" --run "$kind" -q >out
    expect_code 3 "$NNMPI" predict "$kind" --data new.txt -O p.csv 2>err
    cat err >>refused
done
expect_line "new.txt: the tokens of the model are 'ids', numbers of somebody else's: give a stream" refused
expect_line "new.txt: the tokens of the model are 'chars' without a vocabulary \(classes\): give a stream" refused
expect_code 3 "$NNMPI" data info bad.h5 2>err
expect_line 'bad.h5: /train/tokens\[321\] is 7, but the tokens of the vocabulary are 0 to 3' err
expect_code 3 "$NNMPI" data info huge.h5 2>err
expect_line "huge.h5': a value does not fit" err
expect_code 3 "$NNMPI" data info flat.h5 2>err
expect_line 'flat.h5: /train/tokens is int32 with 2 dimensions; a stream is \[n\] of integers' err

# A mixture of two streams of one vocabulary: its shares, the same run on any number of ranks, in buffers and resumed.
head -c 15000 t.txt >u.txt
"$NNMPI" data import text u.txt --tokens bpe --vocabulary-file t.h5 --valid 0.1 -O u.h5 -q
cat >mix.yaml <<'YAML'
data: {path: [{path: t.h5, weight: 2}, {path: u.h5, weight: 6}], context: 24}
model: [embedding: {vocabulary: 400, units: 4}, dense: {units: 400}]
loss: cross_entropy
train: {epochs: 2, batch_size: 64, reproducible: true, microbatches: 4, optimizer: {adam: {lr: 0.03}}}
checkpoint: {every_steps: 3}
YAML
"$NNMPI" check mix.yaml >out
expect_line '^data +t.h5 \+ u.h5: train' out
expect_line '^mixture +25 % of t.h5, [0-9]+ samples, each [0-9.]+ times an epoch' out
expect_line '^ +75 % of u.h5, [0-9]+ samples, each [0-9.]+ times an epoch' out
"$NNMPI" data info mix.yaml --json >out
expect_line '"mixture":\[{"path":"t.h5","weight":0.25,"samples":{"train":' out
for ranks in 1 3; do run_ranks "$ranks" "$NNMPI" train mix.yaml --run "mix$ranks" -q >out 2>err; done
[ "$(digest mix1)" = "$(digest mix3)" ] || fail "a mixture on 3 ranks has another digest"
expect_line '"event":"train".*"epoch":2.*"passes":\[[0-9.]+,[0-9.]+\]' mix1/metrics.jsonl
expect_line '"event":"validate".*"split":"valid","samples":' mix1/metrics.jsonl
"$NNMPI" train mix.yaml --run gone -o train.max_steps=7 -q >out
run_ranks 2 "$NNMPI" train mix.yaml --run gone --resume -q >out 2>err
[ "$(digest mix1)" = "$(digest gone)" ] || fail "a resumed run on a mixture has another digest"
for ranks in 1 2; do
    run_ranks "$ranks" "$NNMPI" train mix.yaml --run "mem$ranks" -o data.memory=0.12 -o train.epochs=1 -q >out 2>err
done
[ "$(digest mem1)" = "$(digest mem2)" ] || fail "a mixture in buffers has another digest on 2 ranks"
"$NNMPI" eval mix1 --data u.h5 --split valid >out
expect_code 3 "$NNMPI" check mix.yaml -o 'data.path=[t.h5, given.h5]' 2>err
expect_line 't.h5 and given.h5 have different vocabularies \(400 and 40[0-9] tokens\): import one with that' err
