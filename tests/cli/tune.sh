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
