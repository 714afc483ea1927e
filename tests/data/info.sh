#!/usr/bin/env bash
# What `nnmpi data info` says of a table: columns as they are, missing values, repeated rows, advice; of a
# configuration's data; and the page of `nnmpi data plot`.
. "$SOURCE_DIR/tests/lib.sh"

{
    printf 'a,b,c,zip,kind\n'
    for i in {1..40}; do printf '%s,%s,7,%s,%s\n' $((i % 20 * 1000)) "$([ "$i" = 9 ] || echo 0.$((i % 20)))" $((i % 3 + 9)) "$([ "$i" -gt 2 ] && echo x || echo y)"; done
} >t.csv
"$NNMPI" data info t.csv >out
expect_line '^a +whole numbers +0 +19000 +9500' out
expect_line '^b +numbers +0 +0\.9 .* 1 were missing$' out
expect_line '^c +constant +7 +7 +7 +0$' out
expect_line '^kind=x +0 or 1 ' out
expect_line '^- 1 columns have the same value in every row .* \(c\)' out
expect_line '^- each run reads the csv anew' out
"$NNMPI" data import csv t.csv --label kind --missing mean --categories zip -O t.h5 -q
"$NNMPI" data info t.h5 --json >out
expect_line '"name": ?"b".*"missing": ?1[,}]' out
"$NNMPI" data info t.h5 >out
expect_line '^- the rarest class has 2 samples and the most frequent one 38' out
expect_line '^zip=9 .*$' out
expect_same <(grep -o '^zip=[0-9]*' out) <(printf 'zip=9\nzip=10\nzip=11\n')

# an empty cell does not change the order of the other categories, and is the last one
sed '3s/,1[01],/,,/' t.csv >hole.csv
"$NNMPI" data import csv hole.csv --label kind --missing mean --categories zip -O hole.h5 -q
"$NNMPI" data info hole.h5 >out
expect_same <(grep -o '^zip=[0-9]*' out) <(printf 'zip=9\nzip=10\nzip=11\nzip=\n')

"$NNMPI" data make spirals -O two.h5 --samples 200 --test 0.5 -q
"$NNMPI" data info two.h5 >out
expect_no_line 'are also in' out
cat >c.yaml <<'YAML'
data: {path: t.csv, label: kind, missing: mean}
model: [dense: {units: 2}]
loss: cross_entropy
train: {batch_size: 4}
YAML
"$NNMPI" data info c.yaml >out
expect_line '^x +float32 \[4\]' out
expect_line '^x +38$' out
"$NNMPI" data split c.yaml --valid 0.25 --stratify -O s.h5 -q
"$NNMPI" data info s.h5 >out
expect_line '^valid +1[01] +x' out
[ ! -e s.h5.whole ] || fail "the whole data set is left"
expect_code 2 "$NNMPI" data split c.yaml --valid 0.25 2>err
expect_line 'c.yaml is no HDF5 file: give -O FILE.h5' err
# A section data alone is enough, and its split is taken unless options say another.
echo 'data: {path: t.csv, label: kind, missing: mean, split: {valid: 0.25}}' >data.yaml
"$NNMPI" data split data.yaml -O s.h5 -q
"$NNMPI" data info s.h5 >out
expect_line '^valid +10 +x' out
"$NNMPI" data split data.yaml --test 0.5 -O s.h5 2>err
expect_line 'data.split is not' err
"$NNMPI" data info s.h5 >out
expect_line '^test +20 +x' out
expect_no_line '^valid ' out
expect_code 2 "$NNMPI" data split data.yaml -O data.yaml 2>err
expect_line "'data.yaml' is what is read" err
echo 'model: [flatten]' >model.yaml
expect_code 2 "$NNMPI" data info model.yaml 2>err
expect_line "model.yaml:1:1: .* no section 'data'" err
printf 'a,kind\n1000,x\n2000,y\n3000,x\n' >thin.csv
"$NNMPI" data import csv thin.csv --label kind --standardize -O thin.h5 -q
"$NNMPI" data info thin.h5 >out
expect_no_line 'normalize: true' out

"$NNMPI" data plot c.yaml -O page.html -q
for word in 'What to change' '"column-1"' '"classes"' 'were missing\|"missing"'; do
    grep -q -- "$word" page.html || fail "the page has no $word"
done
"$NNMPI" data make digits -O d.h5 --samples 50 -q
"$NNMPI" data plot d.h5 -O page.html -q
[ "$(grep -o 'data:image/png;base64' page.html | wc -l)" -ge 40 ] || fail "the page has no pictures"
! grep -oE 'src="https?:' page.html || fail "the page wants the network"
