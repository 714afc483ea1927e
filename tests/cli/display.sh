#!/usr/bin/env bash
# timeout: 120
# processors: 2
# Progress: a display on a terminal, which is redrawn, fits it and follows its size, also under mpirun; lines where
# there is none; JSON.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
unset NO_COLOR COLUMNS
export LC_ALL=C.UTF-8 TERM=tmux-256color
escape=$'\e'

"$NNMPI" data make blobs -O blobs.h5 --classes 4 --samples 6000 --test 0.2 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {units: 64, activation: relu}
  - dense: {units: 4}
loss: cross_entropy
train: {epochs: 2, batch_size: 20, optimizer: {sgd: {lr: 0.01}}}
YAML

# ---- without a terminal: whole lines
"$NNMPI" train net.yaml --run lines > out 2> err
expect_line '^epoch 1/2  step 240/480  loss [0-9.]+  [0-9]+ samples/s( .*left)?$' err
expect_line '^epoch 2/2  step 480/480  test: loss [0-9.e-]+ \(best( [0-9.e-]+)?\)  accuracy [0-9.]+$' err
expect_no_line "$escape" err
for never in "--progress never" -q; do
    # shellcheck disable=SC2086 # two words
    "$NNMPI" train net.yaml --run never $never > out 2> err
    rm -r never
    expect_no_line '^epoch' err
done

# ---- redrawn wherever it goes, in the columns that there are
COLUMNS=60 "$NNMPI" train net.yaml --run always --progress always -o train.epochs=20 > out 2> err
expect_line "samples/s.*data.*%.*compute.*%" err
expect_line "$escape\[32m█" err
LC_ALL=C NO_COLOR=1 "$NNMPI" train net.yaml --run plain --progress always -o train.epochs=20 > out 2> err
tr '\r' '\n' < err > rows
expect_line '^epoch [0-9]+/20  #+\.* +[0-9]+ %  step [0-9]+/4800' rows
expect_no_line "$escape\[[0-9]+m" err
! LC_ALL=C grep '[^ -~[:cntrl:]]' err || fail "no ASCII"

# ---- work that takes longer than a second
shim fault
slow() { FAULT_AT=1+ FAULT_ERRNO=SLOW FAULT_SECONDS=0.4 LD_PRELOAD=$PWD/fault.so "$NNMPI" "$@" --progress always; }
FAULT=pwrite FAULT_PATH=long slow data make spirals -O long.h5 --samples 400000 2> err
expect_line 'writing .*long.h5.* [1-9][0-9]? %  0:0[0-9] elapsed' err

# ---- JSON: what metrics.jsonl has, and the result
"$NNMPI" train net.yaml --run json --json > out 2> err
python3 - <<'PY'
import json
lines = [line for line in open("out")]
kept = [line for line in open("json/metrics.jsonl") if json.loads(line)["event"] in ("train", "validate")]
assert lines[:-1] == kept and len(kept) >= 4, lines
assert json.loads(lines[-1])["steps"] == 480, lines[-1]
PY

# ---- in a terminal of 60 columns
command -v tmux > /dev/null || skip "the rest wants tmux"
panes=0
pane() { tmux -S "$trash/socket$panes" "$@"; }
close_pane() {
    pane kill-server 2> /dev/null || true
    finish "$1"
}
trap 'close_pane $?' EXIT
# the width, and what is typed: into a shell of its own
open_pane() {
    pane kill-server 2> /dev/null || true
    panes=$((panes + 1)) # the server before may take a moment to end
    pane -u -f /dev/null new-session -d -x "$1" -y 16 "env PS1='ready ' bash --norc"
    see '^ready'
}
type_in() { pane send-keys -t 0 "$@"; }
# a line of the pane matches, now or soon; lines that are broken are joined
see() {
    for _ in $(seq 300); do
        pane capture-pane -p -J -t 0 > pane.log
        ! grep -qE -- "$1" pane.log || return 0
        sleep 0.1
    done
    fail "'$1' does not appear"
}
# the display stands there once, and each of its rows is whole
see_display() {
    see 'samples/s  data [0-9]+ %  compute [0-9]+ %'
    see '^test: loss [0-9.e-]+ \(best( [0-9.e-]+)?\)'
    see '^loss [0-9.]+  [▁▂▃▄▅▆▇█]+  lr 0.01$'
    see 'elapsed  .*left$'
    [ "$(grep -c '^loss ' pane.log)" -eq 1 ] || fail "$1: the display stands there more than once"
    [ "$(grep -cE '^epoch .* %' pane.log)" -eq 1 ] || fail "$1: a bar was left behind"
    # but for a whole line, which stays as it was in another width
    ! grep -E "^(epoch .*%|loss|test:|[0-9]).{$(($1 - 1))}" pane.log || fail "$1: a row does not fit"
}
# runs WIDTH COMMAND...: an endless run in a pane of that width, with the display in the middle of it.
runs() {
    open_pane "$1"
    type_in "printf '%s\n' 1 2 3 4 5; ${*:2} train net.yaml --run pane -o train.epochs=10000000 -o checkpoint.keep=1000; echo code \$?" Enter
    see '^epoch [0-9]+/10000000  [█▏▎▍▌▋▊▉░]+ +[0-9]+ %'
    see_display "$1"
}
# Ctrl-C: the display makes room for one last line.
interrupted() {
    type_in C-c
    see "^nnmpi: stopped by a signal after step [0-9]+, which is saved; to go on: $1nnmpi train --run pane --resume$"
    ! grep -E 'samples/s  data|elapsed' pane.log || fail "the display stands there still"
    [ -f pane/last.h5 ] || fail "nothing was saved"
    rm -r pane
}
runs 60 "$NNMPI"
pane capture-pane -e -p -t 0 > colours.log
expect_line "$escape\[32m[█▏▎▍▌▋▊▉░]" colours.log
pane resize-window -t 0 -x 44 -y 16
see '^epoch [0-9]+/10000000  [█▏▎▍▌▋▊▉░]+ +[0-9]+ %$'
see_display 44
pane resize-window -t 0 -x 90 -y 16
see_display 90
interrupted ''
see '^code 75'

# mpirun gives its ranks pipes
runs 60 NO_COLOR=1 "$SOURCE_DIR/tests/ranks.sh" 2 "$NNMPI"
pane capture-pane -e -p -t 0 > colours.log
expect_no_line "$escape\[[0-9]+m" colours.log
interrupted 'mpi(run|exec) -n 2 '
# whoever catches standard error has all of it
open_pane 60
type_in "$SOURCE_DIR/tests/ranks.sh 2 $NNMPI train net.yaml --run caught 2> caught.log; echo code \$?" Enter
see '^code 0'
expect_line '^epoch 2/2  step 480/480 ' caught.log
expect_no_line "$escape" caught.log
! grep -q '^epoch' pane.log || fail "what went to a file is on the terminal, too"
