#!/usr/bin/env bash
# fresh.sh [SUITE]: what a newcomer meets. Makes a minimal system in a temporary folder (debootstrap: no
# package but the essential ones), clones what is committed into it, gives both commands there,
# quickstart.sh and test.sh, and ends with their minutes and megabytes. SUITE is a release of this
# machine's distribution (bookworm, trixie, noble); default: its own. Needs root. NNMPI_MPI is passed on;
# the folder that NNMPI_MNIST names is shown inside.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=/dev/null
suite=${1:-$(. /etc/os-release && echo "$VERSION_CODENAME")}

if ! command -v debootstrap >/dev/null; then
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q debootstrap
fi >/dev/null
# The mirror that this machine's own packages come from.
# shellcheck disable=SC2016 # apt's own names
mirror=$(apt-get indextargets --format '$(SITE)' 'Identifier: Packages' 'Component: main' |
    sed -n '/security/!{p;q;}')

system=$(mktemp -d "${TMPDIR:-/tmp}/nnmpi-fresh.XXXXXX")
trap 'rm -rf "$system"' EXIT
chmod 755 "$system" # also for those inside who are not root
debootstrap --variant=minbase "$suite" "$system" "$mirror" >"$system.log" || {
    tail "$system.log"
    exit 1
}
rm "$system.log"
echo force-unsafe-io >"$system/etc/dpkg/dpkg.cfg.d/unsafe-io" # it need not survive a power cut
cp /etc/hosts /etc/resolv.conf "$system/etc/"
git clone -q . "$system/nnmpi"
mkdir "$system/mnist"

# inside COMMAND...: with mounts and processes of its own, which all end with it.
inside() {
    # shellcheck disable=SC2016 # for the shell inside
    unshare --mount --propagation private --pid --fork --kill-child bash -euc '
        system=$1
        shift
        mount -t proc proc "$system/proc"
        mount --rbind /sys "$system/sys"
        mount --rbind /dev "$system/dev"
        mount -t tmpfs tmpfs "$system/dev/shm"
        [ -z "${NNMPI_MNIST:-}" ] || mount --bind "$NNMPI_MNIST" "$system/mnist"
        cd "$system"
        exec chroot "$system" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            HOME=/root LANG=C.UTF-8 ${CI:+CI=$CI} ${NNMPI_MPI:+NNMPI_MPI=$NNMPI_MPI} \
            ${NNMPI_MNIST:+NNMPI_MNIST=/mnist} "$@"' inside "$system" "$@"
}

megabytes() { du -sm "$system" | cut -f 1; }

# give COMMAND...: in the clone, and adds to the report what it took.
report=
give() {
    local start=$SECONDS before code=0
    before=$(megabytes)
    inside bash -c 'cd /nnmpi && "$@"' bash "$@" || code=$?
    report+=$(printf '%s, %s: %s ended with %d after %d s, %d MB more on the disk' "$suite" \
        "${NNMPI_MPI:-openmpi}" "$*" "$code" $((SECONDS - start)) $(($(megabytes) - before)))$'\n'
    [ "$code" -eq 0 ] || { printf '\n%s' "$report" && exit 1; }
}

give ./scripts/quickstart.sh
give ./scripts/test.sh
printf '\n%s' "$report"
