#!/usr/bin/env bash
# full: yes
# timeout: 300
# The kernels of arm64, cross-compiled and emulated, have the bits of tests/golden/kernel_bits.txt, which are
# those of x86-64-v3 and v4.
. "$SOURCE_DIR/tests/lib.sh"
cross=aarch64-linux-gnu-gcc
command -v $cross >/dev/null || skip "no $cross"
emulator=$(command -v qemu-aarch64 qemu-aarch64-static | head -n 1) || true
[ -n "$emulator" ] || skip "no qemu-aarch64 (the package qemu-user)"

flags=(-std=c11 -D_GNU_SOURCE= -O2 -fno-math-errno -fno-trapping-math -fopenmp-simd -ffp-contract=off
    -I "$SOURCE_DIR/src" -I "$SOURCE_DIR/include" -I "$SOURCE_DIR/tests")
printf '%s\0' "$SOURCE_DIR"/src/math/isa/{,conv/}*.c "$SOURCE_DIR"/src/math/kernels.c "$SOURCE_DIR"/src/base/{log,text}.c |
    nice xargs -0 -P 2 -n 4 $cross "${flags[@]}" -c
for what in bits bits_conv bits_update; do
    $cross "${flags[@]}" -static "$SOURCE_DIR/tests/math/$what.c" ./*.o -lm -o "$what"
    [ "$("$emulator" "./$what" isas)" = base ] || fail "other kernels than those of arm64"
    "$emulator" "./$what" || fail "other bits on arm64"
done
