#!/usr/bin/env bash
# Programs that were linked with the shared library keep working with the next one: what they rely on stands in
# tests/golden/abi.txt, and nothing else is exported. What is meant to be new goes there by
#   scripts/abi.py build/release/libnnmpi.so >tests/golden/abi.txt
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

! is_sanitized || skip "sanitizers export functions of their own"
command -v python3 >/dev/null || skip "no python3"

python3 "$SOURCE_DIR/scripts/abi.py" "$BUILD_DIR/libnnmpi.so" >abi.txt
LC_ALL=C comm -23 "$SOURCE_DIR/tests/golden/abi.txt" abi.txt >gone.log
LC_ALL=C comm -13 "$SOURCE_DIR/tests/golden/abi.txt" abi.txt >new.log
[ ! -s gone.log ] || fail "what programs rely on is gone, or has changed (version.h, and the golden file)"
[ ! -s new.log ] || fail "the interface has grown: if that is meant, write tests/golden/abi.txt anew"
expect_line '^function int nn_train\(' abi.txt # what is there is found
expect_line '^struct nn_train_options\.run_dir: 8 bytes at 8$' abi.txt
