#!/usr/bin/env bash
# Recipes for package managers that are not here are well formed, as far as what is here can say.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
packaging=$SOURCE_DIR/packaging
python=${PYTHON3:-python3}

"$python" -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name).read(), name)' "$packaging"/spack/packages/*/package.py "$packaging"/easybuild/*.eb

if "$python" -c 'import yaml' 2>/dev/null; then
    "$python" -c 'import sys, yaml
for name in sys.argv[1:]:
    assert isinstance(yaml.safe_load(open(name)), dict), name' "$packaging"/conda/recipe.yaml "$packaging"/spack/repo.yaml
fi

if command -v guile >/dev/null; then # ~ makes what is Guix its own
    export GUILE_AUTO_COMPILE=0
    guile -c '(read-hash-extend #\~ (lambda (c port) (read port)))
        (with-input-from-file (cadr (command-line))
          (lambda () (let loop ((x (read))) (if (not (eof-object? x)) (loop (read))))))' "$packaging/guix/nnmpi.scm"
fi

if command -v rpmspec >/dev/null; then
    rpmspec -q "$packaging/rpm/nnmpi.spec" >packages.txt 2>err || fail "nnmpi.spec: $(cat err)"
    expect_line '^nnmpi-devel-' packages.txt
fi
