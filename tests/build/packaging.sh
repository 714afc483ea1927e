#!/usr/bin/env bash
# Recipes for package managers that are not here are well formed, as far as what is here can say; containers have what
# the Debian package is built with.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
packaging=$SOURCE_DIR/packaging
python=${PYTHON3:-python3}
unseen=()

if command -v "$python" >/dev/null; then
    "$python" -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name).read(), name)' "$packaging"/spack/packages/*/package.py "$packaging"/easybuild/*.eb
else
    unseen+=("Spack and EasyBuild (python3)")
fi

if "$python" -c 'import yaml' 2>/dev/null; then
    "$python" -c 'import sys, yaml
for name in sys.argv[1:]:
    assert isinstance(yaml.safe_load(open(name)), dict), name' "$packaging"/conda/recipe.yaml "$packaging"/spack/repo.yaml
else
    unseen+=("conda (python3-yaml)")
fi

if command -v guile >/dev/null; then # its brackets match; ~ makes what is Guix its own
    export GUILE_AUTO_COMPILE=0
    guile -c '(read-hash-extend #\~ (lambda (c port) (read port)))
        (with-input-from-file (cadr (command-line))
          (lambda () (let loop ((x (read))) (if (not (eof-object? x)) (loop (read))))))' "$packaging/guix/nnmpi.scm"
else
    unseen+=("Guix (guile)")
fi

if command -v rpmspec >/dev/null; then
    rpmspec -q "$packaging/rpm/nnmpi.spec" >packages.txt 2>err || fail "nnmpi.spec: $(cat err)"
    expect_line '^nnmpi-devel-' packages.txt
    rpmspec -q --buildrequires --define 'rhel 9' "$packaging/rpm/nnmpi.spec" >wanted.txt 2>err ||
        fail "nnmpi.spec for RHEL 9: $(cat err)"
    expect_line '^gcc-toolset-[0-9]+-gcc$' wanted.txt
else
    unseen+=("RPM (rpm)")
fi

# Each library, without the version that names of packages have.
sed '/^$/q' "$packaging/debian/control" | grep -oE '(lib|z)[a-z]+[a-z0-9-]*-dev' >built_with.txt
[ "$(wc -l <built_with.txt)" -gt 5 ] || fail "debian/control: libraries are not found"
for file in Dockerfile nnmpi.def; do
    while read -r library; do
        library=${library%-dev}
        expect_line " ${library%%[0-9-]*}[0-9-]" "$packaging/container/$file"
    done <built_with.txt
done

[ ${#unseen[@]} -eq 0 ] || printf 'not looked at, without the program in brackets: %s\n' "${unseen[*]}"
