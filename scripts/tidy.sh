#!/usr/bin/env bash
# tidy.sh BUILD_DIR [LLVM VERSION [CHECKS]]: clang-tidy over every C source file of a configured build (none that
# a build makes), each once however many times it is compiled. CHECKS change those of .clang-tidy: -clang-analyzer-* leaves
# out those of the analyser, which take most of the time.
set -euo pipefail
cd "$(dirname "$0")/.."
build_dir=$1
version=${2:+-$2}
checks=${3:-}

database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
python3 - "$build_dir/compile_commands.json" "$database/compile_commands.json" <<'PYTHON'
import json, os, sys
commands = json.load(open(sys.argv[1]))
by_file = {command["file"]: command for command in commands
           if command["file"].endswith(".c") and os.path.exists(os.path.join(command["directory"], command["file"]))}
json.dump(list(by_file.values()), open(sys.argv[2], "w"))
PYTHON
"run-clang-tidy$version" -quiet -p "$database" -j "$(nproc)" -checks="$checks" >"$database/log" 2>&1 || {
    grep -vE '^clang-tidy|^[0-9]+ warnings? ' "$database/log"
    exit 1
}
