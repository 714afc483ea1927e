#!/usr/bin/env bash
# A wrong command line ends with code 2 and one line that says what would be right.
. "$SOURCE_DIR/tests/lib.sh"

# refuses REGEX WORDS...
refuses() {
    local regex=$1
    shift
    expect_code 2 "$NNMPI" "$@" > out 2> err
    expect_line "^nnmpi: $regex" err
    [ "$(wc -l < err)" -eq 1 ] || fail "$(wc -l < err) lines instead of one: $*"
    [ ! -s out ] || fail "something on standard output: $*"
}

touch mnist.yaml notes.txt
printf '\211HDF\r\n\032\n' > last.h5
refuses "unknown verb 'trian', did you mean 'train'" trian
refuses "'mnist.yaml' is no verb; to train it: nnmpi train mnist.yaml" mnist.yaml
refuses "'nowhere.yml' is no verb; to train it" nowhere.yml
refuses "'last.h5' is no verb.*nnmpi inspect last.h5" last.h5
refuses "'notes.txt' is no verb.*nnmpi train notes.txt" notes.txt
refuses "unknown option --resum of 'train', did you mean '--resume'" train --resum
refuses "unknown option -x of 'train'" train -x
refuses "unknown option --epochs of 'train'; to set that key: -o train.epochs=VALUE" train --epochs 5
refuses "--run needs a value" train --run
refuses "--run was given twice: 'a' and 'b'" train --run a --run b
refuses "CONFIG was given twice" train a.yaml --config b.yaml
refuses "--run needs a value" train --run=
refuses "--run needs a value" train --run ""
refuses "'train' does not know what to do with 'b.yaml'" train a.yaml b.yaml
refuses "--json = 3 must be true or false" train --json=3
refuses "--samples = x must be a whole number" data make blobs -O x.h5 --samples x
refuses "--test = 2 is out of range .0, 1." data split x.h5 --test 2
refuses ".*--train-images.*--train-labels" data import idx --train-images m -O x.h5
refuses "-o train.lr: write it as key=value" train -o train.lr
refuses "-o train.lr: write it as key=value, with a =: -o train.lr=0.1" train -o train.lr 0.1
refuses "-o lr: the key stands in a section: -o train.lr=0.1" train -o lr=0.1
refuses "unknown verb 'test', did you mean 'eval'" test run
refuses ".*train.lr.*out of range" train -o train.lr=-1
refuses ".*unknown key 'epohcs'.*did you mean 'epochs'" train -o train.epohcs=3
refuses "'eval' needs CHECKPOINT: .*; usage: nnmpi eval CHECKPOINT" eval
refuses "'digest' needs CHECKPOINT" digest
refuses "'inspect' needs FILE" inspect
refuses "'data info' needs PATH" data info
refuses "'predict' needs --out: .*; usage: nnmpi predict CHECKPOINT --data FILE -O" predict last.h5 --data x.h5
refuses "'predict' needs --data" predict last.h5 -O out.csv
refuses ".*out.txt ends neither in .h5 nor in .csv" predict last.h5 --data last.h5 -O out.txt
refuses "'data' needs to know what to do" data
refuses "unknown verb of nnmpi data 'imprt', did you mean 'import'" data imprt
refuses "'data import' needs the name of one importer first" data import
refuses "unknown generator 'blob', did you mean 'blobs'" data make blob -O x.h5
refuses "'data make' needs --out" data make blobs
mkdir folder
refuses "'folder' is a folder where .*nnmpi train --run folder --resume" train folder
refuses ".*last.h5 is an HDF5 file where a YAML configuration is wanted" train last.h5
refuses ".*missing.yaml" train missing.yaml
refuses ".*missing.yaml" check missing.yaml
refuses ".*missing.yaml" inspect missing.yaml

# words after -- are no options
expect_code 2 "$NNMPI" train -- --odd.yaml 2> err
expect_line '\-\-odd\.yaml' err

# -v adds where it came from
expect_code 2 "$NNMPI" train missing.yaml -v 2> err
expect_line '^nnmpi: trace: .* < ' err

# files that cannot be read are another matter
expect_code 3 "$NNMPI" digest last.h5 2> err
expect_line 'last.h5' err
[ "$(wc -l < err)" -eq 1 ] || fail "more than one line for a damaged checkpoint"

# what a checkpoint was trained on is not there: the option is named, no line of its configuration
"$NNMPI" data make blobs -O blobs.h5 --samples 60 --test 0.5 -q
cat > blobs.yaml <<'YAML'
data: {path: blobs.h5}
model: [dense: {units: 3}]
loss: cross_entropy
train: {batch_size: 10, epochs: 1}
YAML
"$NNMPI" train blobs.yaml --run run -q > out
mv blobs.h5 moved.h5
expect_code 3 "$NNMPI" eval run/last.h5 2> err
expect_line "^nnmpi: run/last.h5 was trained on 'blobs.h5', which is not there; .*--data" err
"$NNMPI" eval run/last.h5 --data moved.h5 > out
