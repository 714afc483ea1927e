#!/usr/bin/env bash
# Who may include whom: cli -> exchange -> train -> {plot, nn, data, comm} -> {math, io} -> base, tensor -> {nn, comm}, and
# extend -> nn; each foreign library has one user; public headers show nothing of them; only the program prints, exits
# and handles signals.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

cd "$SOURCE_DIR"

# complain TEXT LINES: notes the lines, if there are any.
complain() {
    [ -z "$2" ] || printf '%s\n%s\n' "$1" "$2" >>"$trash/broken.log"
}

# folder NAME REGEX: the files of src/NAME include in quotes only paths that match, and their own.
folder() {
    complain "src/$1 may include $2:" "$(grep -rnE '^ *# *include *"' "src/$1" |
        grep -vE "include *\"($1/|$2)" || true)"
}

# library HEADER REGEX: only files that match include the foreign header.
library() {
    complain "$1 is for $2 only:" "$(grep -rnE "^ *# *include *[<\"]$1[>\"]" src |
        grep -vE "^($2):" || true)"
}

folder base 'base/'
folder math 'base/'
folder io 'base/'
folder nn '(math|base)/'
folder extend '(nn|io|math|base)/'
folder data '(io|math|base)/'
folder comm '(io|math|base)/'
folder tensor '(nn|comm|io|math|base)/'
folder plot '(nn|io|base)/'
folder train '(plot|nn|data|comm|io|math|base)/'
folder exchange '(train|nn|data|io|base)/'

library 'cblas\.h' 'src/math/gemm/gemm\.c'
library 'dnnl[a-z_.]*' 'src/math/gemm/onednn\.c'
library 'math/gemm/onednn\.h' 'src/math/gemm/(gemm|onednn)\.c'
library 'hdf5\.h' 'src/io/hdf5/[a-z0-9_]*\.[ch]'
library 'yaml\.h' 'src/io/yaml/[a-z]*\.c'
library 'mpi\.h' 'src/comm/[a-z_/]*\.[ch]'
library 'nnmpi/mpi\.h' 'src/comm/init\.c'
library 'csv\.h' 'src/data/importers/csv_reader\.c'
library 'zlib\.h' 'src/(data/importers/gz|io/(png|tensors/zip))\.c'
library 'png\.h' 'src/data/importers/images/png\.c'
library 'j(peglib|error)\.h' 'src/data/importers/images/jpeg\.c'
library 'openssl/.*' 'src/io/digest\.c'

complain 'public headers include only public and standard ones:' "$(
    grep -rnE '^ *# *include' include | grep -vE '<(nnmpi/[a-z]+|signal|std[a-z]+)\.h>' |
        grep -vE '^include/nnmpi/(cpp/)?[a-z]+\.hpp:.*<(nnmpi/(cpp/)?[a-z]+\.h(pp)?|[a-z_]+)>' |
        grep -v '^include/nnmpi/mpi\.h:.*<mpi\.h>' || true)"

# Files beside the folders of a folder, such as src/train/trainer.h, are theirs in common.
complain 'folders of one folder include each other:' "$(
    grep -roE '^#include "[a-z0-9_/]*/' src | sort -u |
        sed -nE 's#^src/([a-z]+)/([a-z0-9_]+)/.*"\1/([a-z0-9_]+)/.*#\1/\2 \1/\3#p' | tsort 2>&1 >/dev/null || true)"

# A folder that is as long as its table.
complain 'folders of more than 25 files:' "$(find src tests -type f ! -name '*.pyc' -printf '%h\n' | sort | uniq -c | awk '$1 > 25')"

# Two may end the process: the watchdog, when the thread that trains hangs, and nn_comm_abort.
complain 'only src/cli prints, exits and handles signals:' "$(grep -rnE \
    -e '(^|[^a-zA-Z_>.])(printf|puts|perror|putchar|exit|_exit|_Exit|abort|signal|sigaction) ?\(' \
    -e 'f(printf|puts|putc)\(.*std(out|err)' src | grep -vE '^src/cli/|^src/comm/(watchdog|init)\.c:[0-9]+: *_Exit\(|: *(/?\*|//)' || true)"

[ ! -s "$trash/broken.log" ] || fail "include rules are broken"
