#!/usr/bin/env bash
# tidy.sh BUILD_DIR [LLVM VERSION [NODES]]: clang-tidy over every C source file of a configured build (none that
# a build makes), each once however many times it is compiled. NODES: states of a function that the analyser looks at, and
# at those of tests not at all; by default as many as it likes, of all, which takes most of the time.
set -euo pipefail
cd "$(dirname "$0")/.."
build_dir=$1
version=${2:+-$2}
nodes=${3:-}

database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
python3 - "$build_dir/compile_commands.json" "$database/compile_commands.json" <<'PYTHON'
import json, os, sys
commands = json.load(open(sys.argv[1]))
by_file = {command["file"]: command for command in commands
           if command["file"].endswith(".c") and os.path.exists(os.path.join(command["directory"], command["file"]))}
json.dump(list(by_file.values()), open(sys.argv[2], "w"))
PYTHON
# tidy [OPTION...] [REGEX OF PATHS]
tidy() {
    "run-clang-tidy$version" -quiet -p "$database" -j "$(nproc)" "$@" >"$database/log" 2>&1 || {
        grep -vE '^clang-tidy|^[0-9]+ warnings? ' "$database/log"
        exit 1
    }
}
if [ -n "$nodes" ]; then
    tidy -extra-arg={-Xclang,-analyzer-config,-Xclang,"max-nodes=$nodes"} '^((?!/tests/).)*$'
    tidy -checks='-clang-analyzer-*' '/tests/'
else
    tidy
fi
