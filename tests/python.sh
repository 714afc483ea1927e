#!/usr/bin/env bash
# python.sh FILE: runs a test of the Python package, on RANKS ranks.
. "$SOURCE_DIR/tests/lib.sh"
export PYTHONPATH=$BUILD_DIR/python:$SOURCE_DIR/tests PYTHONDONTWRITEBYTECODE=1
[ -d "$BUILD_DIR/python" ] || skip "the Python package is not built: python3 has no cffi or no numpy"
! is_sanitized || skip "python3 is not sanitized"
launch=()
[ "$RANKS" -eq 1 ] || launch=("$SOURCE_DIR/tests/ranks.sh" "$RANKS")
code=0
"${launch[@]}" "$PYTHON3" "$1" || code=$?
[ "$code" -ne 77 ] || exit 77
[ "$code" -eq 0 ] || fail "${1##*/} ended with $code"
