#!/usr/bin/env bash
# full: yes
# timeout: 600
# As tests/build/bits.sh, for every instruction set.
EVERY_ISA=yes exec bash "$SOURCE_DIR/tests/build/bits.sh"
