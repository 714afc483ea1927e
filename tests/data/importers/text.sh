#!/usr/bin/env bash
# Text as windows of tokens: characters, bytes, words; a model that learns the next one, and what it makes of
# new texts.
. "$SOURCE_DIR/tests/lib.sh"

for _ in {1..60}; do printf 'ab\xc3\xa9 c\n'; done >t.txt # 6 characters, 7 bytes, 3 words
expect_info() { # IMPORT... -- LINE...
    local arguments=()
    while [ "$1" != -- ]; do arguments+=("$1") && shift; done
    "$NNMPI" data import text "${arguments[@]}" -O t.h5 -q
    "$NNMPI" data info t.h5 >out
    for line in "${@:2}"; do expect_line "$line" out; done
}
# 359 characters with one that follows, in windows of 10: 0 is <unk>
expect_info t.txt --context 10 -- '^x +int32 \[10\]' '^train +36 +x +1 +6 '
expect_info t.txt --context 10 --valid 0.1 -- '^train +33 +x' '^valid +4 +x'
expect_info t.txt --context 10 --tokens bytes -- '^train +42 +x +10 +195 '
expect_info t.txt --context 10 --tokens words -- '^train +18 +x +1 +3 '
expect_info t.txt --context 10 --vocabulary 3 -- '^train +36 +x +0 +2 '
expect_info t.txt --context 500 -- "^train +1 +x +0 +6 " "^len "
for _ in {1..60}; do printf '\342\200\236so\342\200\234 %s\n' "ist's"; done >german.txt # what is not ASCII stands in words
expect_info german.txt --context 10 --tokens words -- '^train +18 +x +1 +3 '
gzip -c t.txt >t2.txt.gz
expect_info t2.txt.gz --context 10 -- '^train +36 +x +1 +6 '

cat >net.yaml <<'YAML'
data: {path: t.txt, context: 12}
model: [embedding: {vocabulary: 7, units: 8}, lstm: {units: 16, return: all}, dense: {units: 7}]
loss: cross_entropy
train: {epochs: 20, batch_size: 10, optimizer: {adam: {lr: 0.05}}}
validate: {split: train, metrics: [accuracy]}
YAML
"$NNMPI" train net.yaml --run run -q >out
"$NNMPI" eval run --split train >out
expect_line 'train accuracy (0\.9[0-9]|1\.0)' out
printf 'c\nabé ' >new.txt
"$NNMPI" predict run --data new.txt -O p.csv 2>err
expect_line '^0,5,c,' p.csv
expect_line '^0,2,b,' p.csv
printf 'data: {path: t.txt, classes: [a, b, c]}\nmodel: [dense: {units: 3}]\nloss: cross_entropy\n' >own.yaml
expect_code 3 "$NNMPI" data info own.yaml 2>err
expect_line "t.txt: 'é' is a token that the vocabulary .* as are 180 of 360; it has no <unk> \(token 0\)" err
printf "abzab" >strange.txt
"$NNMPI" predict run --data strange.txt -O p.csv 2>err
expect_line "strange.txt: 'z' is a token that the vocabulary does not have, as are 1 of 5" err
"$NNMPI" eval run --data new.txt >out
expect_line '^new.txt accuracy' out
for _ in 1 2 3; do cat strange.txt; done >strange3.txt
"$NNMPI" data import text strange3.txt --context 4 -O other.h5 -q
expect_code 3 "$NNMPI" eval run --data other.h5 2>err
expect_line 'other.h5: its tokens have other numbers' err
"$NNMPI" data import text t.txt --context 12 -O same.h5 -q
"$NNMPI" eval run --data same.h5 >out
expect_line '^same.h5 accuracy (0\.9[0-9]|1\.0)' out

"$NNMPI" train net.yaml --run changed -q -o data.path=strange3.txt -o train.batch_size=1 -o train.epochs=1 >out 2>err
printf '0123' >>strange3.txt
expect_code 3 "$NNMPI" eval changed --split train 2>err
expect_line 'strange3.txt: its tokens have other numbers .*: the text has changed since' err

# Bytes are 256 classes, whichever occur.
sed 's/{path: t.txt, /{path: t.txt, tokens: bytes, /; s/: 7/: 256/g; s/epochs: 20/epochs: 1/' net.yaml >bytes.yaml
"$NNMPI" train bytes.yaml --run bytes -q >out 2>err
expect_no_line 'classes' err
"$NNMPI" predict bytes --data t.txt -O p.csv -q
expect_line '^34,11,[0-9]+,' p.csv
"$NNMPI" data info bytes.yaml >out
expect_no_line 'first_label' out

# Words of a letter each stay words, also where they were imported beforehand.
for _ in {1..60}; do printf 'a b c d b a\n'; done >letters.txt # 7 words a line, 12 characters
"$NNMPI" data import text letters.txt --tokens words --context 12 -O letters.h5 -q
"$NNMPI" train net.yaml --run words -q -o 'data={path: letters.h5}' -o train.epochs=1 >out
"$NNMPI" predict words --data letters.txt -O p.csv 2>err
expect_no_line 'does not have' err

refuses() {
    expect_code 3 "$NNMPI" data import text bad.txt -O bad.h5 "${@:2}" 2>err
    expect_line "$1" err
}
printf 'a\nb\xff\n' >bad.txt
refuses 'bad.txt:2: byte 0xff begins no character of UTF-8: .*tokens: bytes'
refuses 'bad.txt:2: byte 0xff' --tokens words
"$NNMPI" data import text bad.txt --tokens bytes --context 2 -O bytes.h5 -q
printf 'a\0b' >bad.txt
refuses 'bad.txt:1: a byte 0.*tokens: bytes or bpe'
: >bad.txt
refuses 'bad.txt has 0 tokens; a text has at least 2'
printf a >bad.txt
refuses 'bad.txt has 1 tokens; a text has at least 2' --context 1 --valid 0.1
printf ' \t ' >bad.txt
refuses 'bad.txt has 0 tokens; a text has at least 2' --tokens words
printf 'abcdefghij' >bad.txt
refuses 'bad.txt: 1 tokens are for /valid, but a window has 4' --context 4 --valid 0.1

misuses() {
    expect_code 2 "$NNMPI" data import text t.txt -O bad.h5 "${@:2}" 2>err
    expect_line "$1" err
}
"$NNMPI" data import text t.txt -O t.h5 -q
echo '{"a": 0}' >vocab.json
misuses 'vocabulary .* is 1, but <unk> alone is no text: it has at least 2' --vocabulary 1
misuses 'bytes have no vocabulary, they are 256: leave out vocabulary \(' --tokens bytes --vocabulary 300
misuses 'bytes have no vocabulary, they are 256: leave out vocabulary_file' --tokens bytes --vocabulary-file t.h5
misuses 'vocab.json: a vocabulary of this form is for tokens: bpe' --vocabulary-file vocab.json
refuses 'new.txt is no vocabulary: that is a file of tokens \(.h5\)' --vocabulary-file new.txt
refuses 'new.txt is no vocabulary: that is a file of tokens \(.h5\)' --vocabulary-file new.txt --tokens bpe
misuses 'vocabulary_file .* says which tokens there are: leave out vocabulary \(' --vocabulary-file t.h5 --vocabulary 9
printf 'data: {path: t.txt, most: 5}\nmodel: [dense: {units: 3}]\nloss: cross_entropy\n' >most.yaml
expect_code 2 "$NNMPI" data info most.yaml 2>err
expect_line "most.*did you mean 'vocabulary'" err
for key in 'vocabulary: 9' 'vocabulary_file: t.h5'; do
    printf 'data: {path: t.txt, classes: [<unk>, a, b], %s}\nmodel: [dense: {units: 3}]\nloss: cross_entropy\n' \
        "$key" >both.yaml
    expect_code 2 "$NNMPI" data info both.yaml 2>err
    expect_line "classes says which tokens there are: leave out ${key%%:*}" err
done
