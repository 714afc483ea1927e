#!/usr/bin/env bash
# What a command was writing goes with it when a signal ends it; what a killed one has left, the next one removes
# that writes the same file, but neither what a live one is writing nor a file of the user's.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
shim fault

# begin FILE ARGUMENTS...: nnmpi in the background, which stands still when it has written FILE under another name.
begin() {
    rm -f mark
    FAULT=fsync FAULT_AT=1+ FAULT_PATH=$1. FAULT_ERRNO=HANG FAULT_MARK=mark LD_PRELOAD=$PWD/fault.so \
        env --default-signal=INT "$NNMPI" "${@:2}" > out 2> err &
    pid=$!
    for _ in $(seq 400); do
        { [ ! -e mark ] && kill -0 "$pid" 2> /dev/null; } || break
        sleep 0.02
    done
    [ -n "$(left "$1")" ] || fail "nothing is being written: ${*:2}: $(cat err)"
}
left() { find . -name "${1##*/}.*.tmp"; }

# ends SIGNAL CODE FILE ARGUMENTS...
ends() {
    local code=0
    begin "${@:3}"
    kill -s "$1" "$pid"
    wait "$pid" 2> /dev/null || code=$?
    [ "$code" -eq "$2" ] || fail "SIG$1: exit code $code, not $2: ${*:4}"
    [ -z "$(left "$3")" ] || fail "SIG$1: left behind by ${*:4}: $(left "$3")"
    [ "$(grep -c "^nnmpi: stopped" err)" -eq 1 ] || fail "SIG$1: $(cat err)"
    expect_line "^nnmpi: stopped by SIG$1: what there was of '$3' is removed, and a file that stood there before is as it was" err
}

"$NNMPI" data make blobs -O blobs.h5 --samples 40 --features 4 -q
printf 'a,b,c\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n' > table.csv
echo 'data: {source: csv, path: table.csv, label: c}' > table.yaml
"$NNMPI" train --run run -q -o train.epochs=1 > out
echo old > new.h5
ends INT 130 new.h5 data make blobs -O new.h5 --samples 40
ends TERM 143 new.h5 data import csv table.csv --label c -O new.h5
ends HUP 129 new.h5 data split blobs.h5 --test 0.5 -O new.h5
ends TERM 143 new.h5 data split table.yaml --test 0.5 -O new.h5 # with one more beside it
ends INT 130 p.csv predict run/last.h5 --data blobs.h5 -O p.csv
ends TERM 143 p.h5 predict run/last.h5 --data blobs.h5 -O p.h5
ends TERM 143 page.html plot run -O page.html
ends INT 130 m.onnx export run/last.h5 --onnx m.onnx
[ "$(cat new.h5)" = old ] || fail 'the file that stood there before has changed'
for name in p.csv p.h5 page.html m.onnx; do [ ! -e $name ] || fail "half of $name has its name"; done

# what a table is read through is not the user's
mkdir tmp
TMPDIR=$PWD/tmp begin data.h5 data info table.yaml
kill -s TERM "$pid"
expect_code 143 wait "$pid"
[ -z "$(ls tmp)" ] || fail "left behind: $(find tmp)"
expect_no_line stopped err

# a signal that was ignored stays so
(trap '' HUP && begin new.h5 data make blobs -O new.h5 --samples 40 && kill -s HUP "$pid" && sleep 0.2 &&
    kill -0 "$pid" && kill -s TERM "$pid") || fail 'nohup does not hold'

# killed twice; one lives
begin new.h5 data make blobs -O new.h5 --samples 40
kill -s KILL "$pid"
wait "$pid" 2> /dev/null || true
left new.h5 > dead
begin new.h5 data make blobs -O new.h5 --samples 40
[ ! -e "$(cat dead)" ] || fail "$(cat dead) stays"
left new.h5 > alive
[ "$(wc -l < alive)" -eq 1 ] || fail "not one is being written: $(cat alive)"
for name in new.h5.original.tmp new.h5.abcdefgh.tmp old.h5.abcdefgh.tmp; do echo mine > $name; done
"$NNMPI" data make blobs -O new.h5 --samples 40 -q
[ -e "$(cat alive)" ] || fail 'what a live process is writing was removed'
for name in new.h5.original.tmp new.h5.abcdefgh.tmp old.h5.abcdefgh.tmp; do
    [ "$(cat $name)" = mine ] || fail "$name of the user's was removed"
done
kill -s TERM "$pid"
wait "$pid" || true
