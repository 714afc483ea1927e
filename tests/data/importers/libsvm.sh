#!/usr/bin/env bash
# LIBSVM's format: labels, comments, what is wrong and where, and a model that is shown fewer columns.
. "$SOURCE_DIR/tests/lib.sh"

{
    printf '+1 1:0.5 3:2 # a comment: 4:9\n\n-1 qid:7 2:1e-1\n# nothing\n'
    for i in {1..40}; do printf '%s 1:%s 3:1\r\n' $((i % 2 * 2 - 1)) $((i % 2)); done
    printf '1 1:1'
} >t.svm
"$NNMPI" data import libsvm t.svm -O t.h5 -q
"$NNMPI" data info t.h5 >out
expect_line '^x +float32 \[3\]' out
expect_line '^train +43 +x +0 +2 ' out
expect_line '^-1 +21$' out
expect_line '^1 +22$' out
cat >net.yaml <<'YAML'
data: {path: t.svm}
model: [dense: {units: 2}]
loss: cross_entropy
train: {epochs: 20, batch_size: 8, lr: 0.5}
YAML
"$NNMPI" train net.yaml --run run -q >out
printf '1 1:1\n-1\n' | gzip >new.svm.gz
"$NNMPI" predict run --data new.svm.gz -O out.csv -q
expect_line '^0,1,' out.csv
expect_line '^1,-1,' out.csv
"$NNMPI" data import libsvm t.svm --values -O t.h5 -q
"$NNMPI" data info t.h5 >out
expect_line '^y +float32 values' out

sed 's/model:.*/model: [dense: {units: 1}]/; s/cross_entropy/squared/; s/path: t.svm/path: t.svm, values: true/' net.yaml >values.yaml
"$NNMPI" train values.yaml --run values -q >out
"$NNMPI" eval values --data t.svm --split train >out
expect_line '^train loss ' out
printf '0.5 1:1\n-7.25 2:1\n' >numbers.svm
"$NNMPI" predict run --data numbers.svm -O out.csv -q
expect_line '^0,1,' out.csv

refuses() {
    printf '%b' "$2" >bad.svm
    expect_code 3 "$NNMPI" data import libsvm bad.svm -O bad.h5 2>err
    expect_line "$1" err
}
refuses "bad.svm:2: 'x' is no label" '1 1:1\nx 1:1\n'
refuses "bad.svm:1: '3' is no index:value" '1 3\n'
refuses "bad.svm:1: index 2 comes after 2" '1 2:1 2:1\n'
refuses 'bad.svm:1: index 0 comes after 0; indices rise, from 1' '1 0:1\n'
refuses "bad.svm:1: '2:nan' is no index:value" '1 2:nan\n'
refuses 'too long for a label' "$(printf '1%.0s' {1..99})\n"
refuses 'bad.svm: no rows' '# nothing\n'
refuses 'too sparse' "1 1000000:1\n$(printf '1\\n%.0s' {1..200})"
