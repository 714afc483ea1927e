#!/usr/bin/env bash
# timeout: 120
# processors: 2
# A sweep: each trial is the run that `train` makes of the same configuration on as many ranks, to the bit; failures
# are rows; one that was stopped or killed goes on to the same results; halving drops the worse.
. "$SOURCE_DIR/tests/lib.sh"
base=(-o train.batch_size=30 -o train.epochs=20 -o checkpoint.every_epochs=5)

# digest_of DIR TRIAL; state_of DIR TRIAL
digest_of() { sed -nE "s/^\\{\"trial\":$2,.*\"digest\":\"([0-9a-f]+)\".*/\\1/p" "$1/tune.jsonl"; }
state_of() { sed -nE "s/^\\{\"trial\":$2,\"state\":\"([a-z]+)\".*/\\1/p" "$1/tune.jsonl"; }

# Two groups of one rank, and one of two.
grid=(-g 'train.lr=0.05,1e38' -g 'model.0.dense.units=6,9')
run_ranks 2 "$NNMPI" tune "${base[@]}" "${grid[@]}" --run one -v >out 2>err
expect_line '^nnmpi: the trials have one copy of the samples on each node$' err
[ "$(wc -l <one/tune.csv)" -eq 5 ] || fail 'not a row for each trial'
expect_line '^nnmpi: trial 2 of 4: train.lr=0.05 model.0.dense.units=9: loss ' err
expect_line '^best: trial [12], run folder one/trial-00' out
expect_line '^3,1e38,6,failed,.*diverged' one/tune.csv # with code 4, and the others went on
expect_line '^ +3  1e38 .*exit code 4: training diverged' out
expect_line '<html' one/tune.html
[ ! -e one/claims ] || fail 'claims are left'
"$NNMPI" train "${base[@]}" -o train.lr=0.05 -o model.0.dense.units=9 --run alone >out 2>err
expect_line "^digest $(digest_of one 2)$" out
run_ranks 2 "$NNMPI" tune "${base[@]}" -g train.lr=0.05,0.02 --ranks-per-trial 2 --run two -q >out 2>err
run_ranks 2 "$NNMPI" train "${base[@]}" -o train.lr=0.02 --run pair -q >out 2>err
expect_line "^digest $(digest_of two 2)$" out

# Stopped, killed, and gone on with.
long=(-o train.batch_size=10 -o train.epochs=3000 -o checkpoint.every_steps=500 -g 'train.lr=0.01,0.02')
"$NNMPI" tune "${long[@]}" --run whole -q >out 2>err
# ends SIGNAL TRIAL ARGUMENTS...: by a signal, once the trial has a checkpoint; sets code.
ends() {
    "$NNMPI" tune "${@:3}" --run parts >out 2>err &
    local pid=$!
    for _ in $(seq 1000); do
        [ ! -e "parts/trial-00$2/last.h5" ] || break
        sleep 0.02
    done
    kill -s "$1" $pid || fail 'the sweep ended by itself'
    code=0
    wait $pid || code=$?
}
ends TERM 1 "${long[@]}"
[ "$code" -eq 75 ] || fail "exit code $code"
expect_line 'stopped by a signal; 0 of 2 trials are finished; to go on: nnmpi tune --run parts --resume$' err
ends KILL 2 --resume
"$NNMPI" tune --run parts --resume -q >out 2>err
for trial in 1 2; do
    [ "$(digest_of parts $trial)" = "$(digest_of whole $trial)" ] || fail "trial $trial has other bits"
done
"$NNMPI" tune --run parts --resume >out 2>err # nothing is left to do
expect_no_line 'trial' err

# Random values of ranges, the same for the same seed; the best third goes on.
half=("${base[@]}" -g train.lr=0.001..0.1 -g 'model.0.dense.units=4..16' --random 9 --seed 3 --halving -q)
"$NNMPI" tune "${half[@]}" --run half >out 2>err
run_ranks 2 "$NNMPI" tune "${half[@]}" --run again >out 2>err
for trial in $(seq 9); do
    [ "$(digest_of half "$trial")" = "$(digest_of again "$trial")" ] || fail "trial $trial has other bits"
done
[ "$(for i in $(seq 9); do state_of half "$i"; done | sort | uniq -c | xargs)" = '1 done 8 dropped' ] || fail 'states'
[ "$(grep -c ',1,3,' half/tune.csv)" -eq 6 ] || fail 'six trials have three epochs'

# The share that is shown goes through all rungs: of 9 * 3 + 3 * 4 + 1 * 13 epochs, the first has 51 %, the second 75.
"$NNMPI" tune "${half[@]:0:${#half[@]}-1}" --run shown --progress always >out 2>err
tr '\r' '\n' <err | sed -nE 's/.*trial .*rung ([123])\/3[^%]* ([0-9]+) %.*/\1 \2/p' >shares
awk 'BEGIN { least[1] = 0; least[2] = 51; least[3] = 75; least[4] = 100 }
    $2 < last || $2 < least[$1] || $2 > least[$1 + 1] + 1 { bad = 1 }
    { last = $2 }
    END { exit bad || NR == 0 }' shares || fail "shares: $(xargs <shares)"

# The best one has had the learning rates of its whole run, though it paused after 3 epochs.
cosine=("${base[@]}" -o train.epochs=9 -o train.schedule=cosine)
"$NNMPI" tune "${cosine[@]}" -g train.lr=0.05,0.0001,0.0002 --halving --run cosine -q >out 2>err
expect_line '^best: trial 1,' out
"$NNMPI" train "${cosine[@]}" -o train.lr=0.05 --run planned -q >out 2>err
expect_line "^digest $(digest_of cosine 1)$" out

# A pause adds no validation to those of the run, which would decide when it stops and which parameters are the best.
rare=("${base[@]}" -o train.epochs=9 -o validate.every_epochs=2
    -o 'validate.early_stopping={patience: 3, restore_best: true}')
"$NNMPI" tune "${rare[@]}" -g train.lr=0.3,0.0001,0.0002 --halving --run rare --json -q >out 2>err
expect_line '^\{"trial":1,"state":"done",.*"digest"' out
expect_line '^\{"sweep":"rare","page":"rare/tune.html","run":"rare/trial-001","best":1\}$' out
"$NNMPI" train "${rare[@]}" -o train.lr=0.3 --run whole-rare -q >out 2>err
expect_line "^digest $(digest_of rare 1)$" out
expect_same <(grep '"validate"' rare/trial-001/metrics.jsonl) <(grep '"validate"' whole-rare/metrics.jsonl)

expect_code 4 "$NNMPI" tune "${base[@]}" -g train.lr=1e38 --run none --json -q >out 2>err
expect_line '^\{"sweep":"none","page":null,"run":null,"best":null\}$' out

# Each is drawn once. What failed for want of a file, and a result that is broken, is done on --resume; divergence stays.
"$NNMPI" tune "${base[@]}" -g train.lr=0.1,0.2 --random 9 --run drawn -q >out 2>err
expect_line 'only 2 different trials' err
expect_line 'ranks_per_trial: 1' drawn/tune.yaml
"$NNMPI" data import csv "$SOURCE_DIR/datasets/iris/iris.csv" --label species -O here.h5 -q >out 2>err
mkdir below && cd below
late=(-o train.epochs=1 -o 'data={path: ../here.h5}' -g data.path=../late.h5) # which is no range
expect_code 3 "$NNMPI" tune "${late[@]}" --run late -q >../out 2>../err
cp ../here.h5 ../late.h5
"$NNMPI" tune --run late --resume -q >../out 2>../err
cd ..
expect_line '^best: trial 1,' out
echo '{"trial":1' >one/trial-001/result-1.json
run_ranks 2 "$NNMPI" tune --run one --resume -q >out 2>err
expect_line 'trial 1 is taken for unfinished' err
expect_line '^3,1e38,6,failed,.*diverged' one/tune.csv

# The files of others stay.
mkdir half/claims && touch half/claims/2026-11 half/claims/1-1 half/claims/notes.txt half/claims/1-1.txt
"$NNMPI" tune --run half --resume -q >out 2>err
[ "$(cd half/claims && echo *)" = '1-1.txt notes.txt' ] || fail "claims: $(ls half/claims)"

# refused WHAT ARGUMENTS...
refused() {
    expect_code 2 "$NNMPI" tune "${@:2}" >out 2>err
    expect_line "$1" err
}
refused 'nothing to try' --run x
refused 'write it as key=value' -g train.lr --run x
refused 'drawn with --random' -g train.lr=0.1..1 --run x
refused "unknown key 'lrr'" -g train.lrr=1,2 --run x
refused 'cannot be divided' -g train.lr=1 --ranks-per-trial 2 --run y
refused "'half' is in use already" -g train.lr=1 --run half
refused 'as it was begun' --run half --resume -g train.lr=1
refused 'holds no sweep' --run alone --resume
refused 'as it was begun' --run half --resume --halving
refused '--ranks-per-trial 1, and another' --run half --resume --ranks-per-trial 2
refused '--seed is that of --random' -g train.lr=1 --seed 2 --run z
refused 'value 0.10 is there twice' -g train.lr=0.1,0.10 --run z
refused 'trial 2 of 2: train.lr=a: .*must be a number' -g train.lr=1,a --run z
refused 'ranked by .accuracy. and the first trial by .loss' --run z -o validate.early_stopping.patience=9 \
    -g validate.early_stopping.metric=loss,accuracy
refused 'its loss is another function' --run z -g 'loss=cross_entropy,{cross_entropy: {label_smoothing: 0.1}}'
[ "$(echo [xyz])" = '[xyz]' ] || fail 'what was refused has made a folder'
mkdir -p z/trial-002 w/claims v
refused "'z/trial-002' is there" -g train.lr=1,2 --run z
refused "'w/claims' is there" -g train.lr=1,2 --run w
for name in tune.csv tune.jsonl tune.html; do
    mkdir "u-$name" && touch "u-$name/$name"
    refused "'u-$name/$name' is there" -g train.lr=1,2 --run "u-$name"
done
mkdir 'a b' && cp half/tune.yaml 'a b'
refused "nnmpi tune --run 'a b' --resume, or" -g train.lr=1 --run 'a b'
refused "'alone/metrics.jsonl' is there" -g train.lr=1,2 --run alone
cp drawn/config.yaml v # of a sweep that was killed as it began
"$NNMPI" tune "${base[@]}" -g train.lr=0.1 --run v -q >out 2>err
