#!/usr/bin/env bash
# CSV files as people have them: any delimiter, as data.path, and to be predicted.
. "$SOURCE_DIR/tests/lib.sh"

# Iris with other delimiters
iris=$SOURCE_DIR/datasets/iris/iris.csv
"$NNMPI" data import csv "$iris" --label species -O comma.h5
for delimiter in ';' '\t' '|'; do
    tr ',' "$(printf '%b' "$delimiter")" <"$iris" >other.csv
    "$NNMPI" data import csv other.csv --label species -O other.h5
    expect_same comma.h5 other.h5
done
printf 'name;a;k\n"x, y; z";1;0\n"u, v";2;1\n' >quoted.csv
"$NNMPI" data import csv quoted.csv --label k --drop name -O quoted.h5
"$NNMPI" data info quoted.h5 >out
expect_line '^x +float32 \[1\]' out
printf '1,5;2,5;0\n3,5;4,5;1\n' >decimals.csv
expect_code 3 "$NNMPI" data import csv decimals.csv --label -1 -O x.h5 2>err
expect_line "decimals\.csv:1:1: column '1': '1,5' is no number.*decimal comma.*1\.5" err
expect_code 2 "$NNMPI" data import csv other.csv --label species --delimiter comma -O x.h5 2>err
expect_line '--delimiter' err

# as data.path
cat >net.yaml <<YAML
data: {path: $iris, label: species, normalize: true}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 20, batch_size: 10, lr: 0.1}
YAML
"$NNMPI" train net.yaml --run run -q >out
expect_line 'source: csv' run/config.yaml
sed 's/, label: species//' net.yaml >no-label.yaml
expect_code 2 "$NNMPI" check no-label.yaml 2>err
expect_line 'give label: COLUMN' err

# predicted: with the column of answers, without it, and without any answers in training
"$NNMPI" predict run/last.h5 --data "$iris" -O one.csv -q
cut -d, -f1-4 "$iris" >features.csv
"$NNMPI" predict run/last.h5 --data features.csv -O two.csv -q
expect_same one.csv two.csv
"$NNMPI" eval run/last.h5 --data "$iris" --split train >out
expect_line 'train accuracy 0\.9' out
"$NNMPI" train net.yaml --run h5 -q -o 'data={path: comma.h5, normalize: true}' >out
"$NNMPI" predict h5/last.h5 --data features.csv -O three.csv -q
expect_same one.csv three.csv
"$NNMPI" predict h5/last.h5 --data "$iris" -O four.csv -q
expect_same one.csv four.csv
expect_code 2 "$NNMPI" data split "$iris" --test 0.2 -O split.h5 2>err
expect_line 'nnmpi data import csv' err

# a header of numbers is none, unless one says so
printf '2019,2020,kind\n1,2,a\n3,4,b\n5,6,a\n' >years.csv
"$NNMPI" data import csv years.csv --label -1 -O years.h5 2>err
expect_line "years\.csv:1: .*'kind' occurs in no other row.*--header yes" err
expect_code 2 "$NNMPI" data import csv years.csv --label kind -O years.h5 2>err
expect_line "no column 'kind'; there are 3: 1, 2, 3.*first row.*--header yes" err
"$NNMPI" data import csv years.csv --label kind --header yes -O years.h5 2>err
expect_no_line 'occurs in no other row' err
printf '1,2,a\n3,4,b\n5,6,a\n' >plain.csv
"$NNMPI" data import csv plain.csv --label -1 -O years.h5 2>err
expect_no_line 'occurs in no other row' err

# real numbers are no classes
printf 'x,y\n1,0.5\n2,0.25\n3,1.5\n4,2\n' >reals.csv
"$NNMPI" data import csv reals.csv --label y -O reals.h5 2>err
expect_line "reals\.csv: .*'y'.*4 classes.*--target" err
"$NNMPI" data import csv reals.csv --target y -O reals.h5 2>err
expect_no_line 'classes' err

# the split that there is; what is no HDF5 file, and what is for CSV alone
"$NNMPI" eval run/last.h5 >out
expect_line '^train accuracy 0\.9' out
expect_code 2 "$NNMPI" eval run/last.h5 --split test 2>err
expect_line "iris\.csv: no split 'test'; it has train" err
expect_code 2 "$NNMPI" predict run/last.h5 --data "$iris" --split valid -O x.csv 2>err
expect_line "no split 'valid'; it has train" err
cp "$iris" table.dat
expect_code 3 "$NNMPI" check net.yaml -o "data={path: table.dat}" 2>err
expect_line "'table.dat' is not an HDF5 file.*source: csv.*h5py" err
expect_code 2 "$NNMPI" check net.yaml -o 'data={path: comma.h5, label: species}' 2>err
expect_line "'label' of data source 'hdf5'.*CSV.*/train/y" err

# texts are categories, missing values are filled in, and predict takes raw rows: any order, unseen categories
cat >raw.csv <<'CSV'
id,age,colour,zip,price,bought
1,20,red,10,1.5,no
2,,blue,20,2.5,yes
3,40,red,10,,no
4,50,NA,20,4.5,yes
5,60,blue,10,5.5,no
6,30,red,20,2.5,yes
CSV
raw=(raw.csv --label bought --drop id -O raw.h5)
expect_code 3 "$NNMPI" data import csv "${raw[@]}" 2>err
expect_line "raw\.csv:3:3: column 'age' is empty.*--missing" err
"$NNMPI" data import csv "${raw[@]}" --missing drop 2>err
expect_line '3 rows with missing values are left out, 3 stay' err
"$NNMPI" data import csv "${raw[@]}" --missing mean --categories zip
"$NNMPI" data info raw.h5 >out
expect_line '^x +float32 \[7\]' out
expect_line '^train +6 +x .* -1\..* +1\.' out
cat >raw.yaml <<'YAML'
data: {path: raw.h5}
model: [dense: {units: 2}]
loss: cross_entropy
train: {epochs: 30, batch_size: 2, lr: 0.1}
YAML
"$NNMPI" train raw.yaml --run raw -q >out
"$NNMPI" train raw.yaml --run direct -q >out2 \
    -o 'data={path: raw.csv, label: bought, drop: id, missing: mean, categories: zip}'
expect_same <(grep digest out) <(grep digest out2)
"$NNMPI" predict raw --data raw.h5 -O one.csv -q
"$NNMPI" predict raw --data raw.csv -O two.csv -q
expect_same one.csv two.csv
"$NNMPI" eval direct --data raw.csv --split train >out
expect_line 'train accuracy 1\.0' out
printf 'price;zip;colour;age\n4.5;20;NA;50\n2;10;purple;\n' >new.csv
"$NNMPI" predict raw --data new.csv -O new-out.csv 2>err
expect_line "column 'colour': 'purple' is a category that the model was not trained on, as in 1 rows" err
expect_same <(sed -n 5p one.csv | cut -d, -f2-) <(sed -n 2p new-out.csv | cut -d, -f2-)
# zip is 10, 20, 10, 20, 10, 20
"$NNMPI" data import csv raw.csv --label bought --drop id,age,price,colour --standardize -O raw.h5 2>err
"$NNMPI" data info raw.h5 >out
expect_line '^train +6 +x +-1 +1 ' out
printf 'a,b,a,k\n1,2,3,x\n4,5,6,y\n' >twice.csv
expect_code 3 "$NNMPI" data import csv twice.csv --label k -O x.h5 2>err
expect_line "twice\.csv: two features are called 'a'" err
"$NNMPI" data import csv twice.csv --label k --drop 3 -O x.h5
printf 'a,name\n' >names.csv
for i in {1..20}; do echo "$i,name$i" >>names.csv; done
expect_code 2 "$NNMPI" data import csv names.csv --target a -O x.h5 2>err
expect_line "column 'name' has 20 different texts in 20 rows: leave it out" err

# without the answers, or with empty ones, and in pieces, predictions are the same: the answer named
# by its number, with a header and without one
for i in {1..30}; do echo "$i,$((i * 37 % 11)),$((i % 2))"; done >plain.csv
(echo a,b,k && cat plain.csv) >headed.csv
predicts() {
    rm -rf numbered
    "$NNMPI" train raw.yaml --run numbered -q -o "data={path: $1, label: -1, standardize: $3}" >out
    "$NNMPI" predict numbered --data "$1" -O all.csv -q 2>err
    for file in "${@:4}"; do
        "$NNMPI" predict numbered --data "$file" -O some.csv -q 2>err
        expect_same <(head -n "$(wc -l <some.csv)" all.csv) some.csv
    done
    expect_code "$2" "$NNMPI" eval numbered --data "${*: -1}" --split train >out 2>err
}
cut -d, -f1,2 headed.csv >headed-x.csv
cut -d, -f1,2 plain.csv >plain-x.csv
for kind in headed plain; do
    sed 's/,[01]$/,/' $kind.csv >$kind-empty.csv
    head -n 4 $kind.csv >$kind-few.csv
done
predicts headed.csv 2 false headed-few.csv headed-empty.csv headed-x.csv
expect_line "headed-x\.csv: column 'b' is a feature of the model and cannot be the answer" err
predicts plain.csv 2 true plain-few.csv plain-empty.csv plain-x.csv
expect_line "plain-x\.csv: column '2' is a feature of the model and cannot be the answer" err
predicts plain.csv 0 false plain-empty.csv plain-few.csv
sed 's/^2,[0-9]*,/2,,/' headed-few.csv >hole.csv
rm -rf numbered
"$NNMPI" train raw.yaml --run numbered -q -o 'data={path: headed.csv, label: k}' >out
expect_code 3 "$NNMPI" predict numbered --data hole.csv -O some.csv 2>err
expect_line "hole\.csv:3:3: column 'b' is empty; .*: the model was trained without missing values" err

# header and delimiter hold for a file without answers, too
printf '2019|2020,5|k\n1|2|0\n3|4|1\n5|1|0\n' >years.csv
"$NNMPI" train raw.yaml --run years -q -o 'data={path: years.csv, label: k, header: yes, delimiter: bar}' >out
"$NNMPI" predict years --data years.csv -O all.csv -q
cut -d'|' -f1,2 years.csv >years-x.csv
"$NNMPI" predict years --data years-x.csv -O some.csv -q
expect_same all.csv some.csv

# Numbers of categories in one column, for an embedding: their names go into the file, checkpoints and other formats.
{ echo city,size,price && for i in {1..120}; do echo "c$((i * 7 % 40)),$((i % 9)),$((i * 7 % 40)).5"; done; } >cities.csv
{ head -n 1 cities.csv && tail -n +2 cities.csv | tac; } >turned.csv
for name in cities turned; do
    "$NNMPI" data import csv $name.csv --target price --embedding city --standardize -O $name.h5 -q
done
"$NNMPI" data info cities.h5 >out
expect_line '^city +categories +1 +40 ' out
expect_no_line 'different size' out
"$NNMPI" init cities.h5 -O cities.yaml >out
expect_line 'slice: \{name: categories1, inputs: input, begin: 0, end: 1\}' cities.yaml
expect_line 'embedding: \{vocabulary: 41, units: 7, padding_idx: 0\}' cities.yaml
"$NNMPI" train cities.yaml --run cities -q -o train.epochs=40 -o data.normalize=true >out
"$NNMPI" eval cities --split train >out
expect_line 'r2 0\.9' out
printf 'price,size,city\n1,3,c9\n1,3,atlantis\n1,3,c8\n1,3,utopia\n' >new.csv
for file in cities.csv cities.h5; do "$NNMPI" predict cities --data $file -O ${file#cities.}.csv -q; done
expect_same csv.csv h5.csv
"$NNMPI" predict cities --data new.csv -O new-y.csv -q 2>err
expect_line "column 'city': 'atlantis' is a category that the model was not trained on, as in 2 rows" err
[ "$(sed -n '3s/.*,//p' new-y.csv)" = "$(sed -n '5s/.*,//p' new-y.csv)" ] || fail 'unseen categories differ'
[ "$(sed -n '3s/.*,//p' new-y.csv)" != "$(sed -n '2s/.*,//p' new-y.csv)" ] || fail 'all categories are alike'
expect_code 3 "$NNMPI" predict cities --data turned.h5 -O no.csv 2>err
expect_line "turned.h5: the numbers in column 'city' stand for other categories than those" err
"$NNMPI" export cities --safetensors net.safetensors -q
"$NNMPI" import net.safetensors -O back.h5 -q
"$NNMPI" predict back.h5 --data new.csv -O back-y.csv -q 2>err
expect_same new-y.csv back-y.csv
cp cities.csv now.csv
train_now() { run_ranks "$1" "$NNMPI" train cities.yaml --run now -q -o 'data={path: now.csv, target: price, embedding: city}' "${@:2}"; }
train_now 1 -o train.epochs=1 >out 2>err
train_now 2 --resume -o train.epochs=2 >out 2>err
cp turned.csv now.csv
expect_code 3 train_now 2 --resume -o train.epochs=3 >out 2>err
expect_line "now.csv: the numbers in column 'city' stand for other categories" err
expect_code 2 "$NNMPI" train cities.yaml --run no -q -o data.normalize=all 2>err
expect_line 'normalize: all would change the numbers of categories' err
expect_code 2 "$NNMPI" data import csv cities.csv --target price --embedding city,price -O no.h5 2>err
expect_line "cities.csv: embedding: column 'price' is the answer" err
