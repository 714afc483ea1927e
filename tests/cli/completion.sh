#!/usr/bin/env bash
# Shells complete verbs, options, choices and configuration keys; manual pages are what man reads without a
# complaint. Shells and man that this machine lacks are left out.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

for shell in bash zsh fish; do
    "$NNMPI" help --completion "$shell" >completion.$shell
done

# completes EXPECTED WORD...: in bash, what the last word becomes
# shellcheck source=/dev/null
. ./completion.bash
compopt() { :; } # which wants a completion under way
completes() {
    # shellcheck disable=SC2034 # for the completion
    COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2)) COMPREPLY=()
    _nnmpi
    [ "${COMPREPLY[*]}" = "$1" ] || fail "${*:2} becomes '${COMPREPLY[*]}', not '$1'"
}
completes train nnmpi tr
completes "import info" nnmpi data i
completes csv nnmpi data import cs
completes --resume nnmpi train --re
completes "stop repair" nnmpi train --on-mismatch ""
completes train.optimizer.nesterov.momentum= nnmpi train -o train.optimizer.nesterov.m
completes completion.zsh nnmpi train completion.z

if command -v fish >/dev/null; then
    fish -c 'source completion.fish; complete -C "nnmpi data im"' >out
    expect_line '^import.Turns files' out
    fish -c 'source completion.fish; complete -C "nnmpi train -o train.optimizer.sgd.m"' >out
    expect_line '^train.optimizer.sgd.momentum=' out
fi
if command -v zsh >/dev/null; then zsh -n completion.zsh; fi

"$NNMPI" help --man man
for page in nnmpi nnmpi-train nnmpi-data nnmpi-data-split; do
    [ -s man/$page.1 ] || fail "there is no page $page"
done
if command -v man >/dev/null && command -v groff >/dev/null; then
    MANWIDTH=80 man --warnings -l man/nnmpi-train.1 >page 2>complaints
    [ ! -s complaints ] || fail "man complains: $(head -n 1 complaints)"
    expect_line '^ +--resume' page
fi
echo x >file
expect_code 6 "$NNMPI" help --man file 2>err
expect_line '^nnmpi: .*file' err
