#!/usr/bin/env bash
# The verbs of `nnmpi data` from end to end, and the fetch script of MNIST.
. "$SOURCE_DIR/tests/lib.sh"

# Iris from CSV, divided, described
"$NNMPI" data import csv "$SOURCE_DIR/datasets/iris/iris.csv" --label species -O iris.h5
"$NNMPI" data split iris.h5 --valid 0.1 --test 0.2 --stratify -O split.h5
"$NNMPI" data info split.h5 >out
expect_line '^train +105  x +0\.1 +7\.' out
expect_line '^versicolor +35 +5 +10$' out
"$NNMPI" data info split.h5 --json >out
expect_line '"class_names":\["setosa","versicolor","virginica"\]' out
expect_line '"counts":\[5,5,5\]' out

# the choice depends on the seed alone
"$NNMPI" data split iris.h5 --valid 0.1 --test 0.2 --stratify -O again.h5
expect_same split.h5 again.h5
"$NNMPI" data split iris.h5 --valid 0.1 --test 0.2 --stratify --seed 2 -O other.h5
! cmp -s split.h5 other.h5 || fail "the seed changes nothing"

for kind in blobs spirals xor line; do
    "$NNMPI" data make "$kind" --samples 40 --test 0.25 -O "$kind.h5"
    "$NNMPI" data info "$kind.h5" >out
    expect_line '^test +10 ' out
done

# bad input: exit code and one line
expect_code 3 "$NNMPI" data import csv none.csv --label 1 -O x.h5 2>err
expect_line 'none\.csv' err
printf 'a,k\n1,x\ntwo,y\n' >bad.csv
expect_code 3 "$NNMPI" data import csv bad.csv --label k -O x.h5 2>err
expect_line 'bad\.csv:3:1: ' err
expect_code 2 "$NNMPI" data import csv bad.csv --label q -O x.h5 2>err
expect_line "no column 'q'" err
expect_code 2 "$NNMPI" data split iris.h5 --valid 1.5 -O x.h5 2>err
expect_line 'out of range' err
expect_code 2 "$NNMPI" data split iris.h5 --valid 0.6 --test 0.4 -O x.h5 2>err
expect_line 'leave nothing to train on' err
head -c 3000 iris.h5 >cut.h5
expect_code 3 "$NNMPI" data info cut.h5 2>err
expect_line 'cut\.h5' err
expect_code 6 "$NNMPI" data make xor -O /proc/x.h5 2>err
[ ! -e x.h5 ] || fail "a failed import left a file"

# the fetch script knows the real files from others
fetch=$SOURCE_DIR/datasets/mnist/fetch.sh
expect_code 1 "$fetch" --from . 2>err
expect_line 'holds neither train-images-idx3-ubyte' err
echo no >train-images-idx3-ubyte
expect_code 1 "$fetch" --from . 2>err
expect_line 'train-images-idx3-ubyte is not the file of MNIST' err
fetch=$SOURCE_DIR/datasets/text/fetch.sh
expect_code 1 "$fetch" --from train-images-idx3-ubyte text 2>err
expect_line 'train-images-idx3-ubyte is not the file it should be' err
SHAKESPEARE_MIRROR=file://$PWD/train-images-idx3-ubyte expect_code 1 "$fetch" text 2>err
[ -z "$(ls text)" ] || fail "a wrong file is left"
