#!/usr/bin/env bash
# full: yes
# timeout: 1800
# The documents with all their blocks.
export DOCS_FULL=yes
. "$SOURCE_DIR/tests/docs/commands.sh"
