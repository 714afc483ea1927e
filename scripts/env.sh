# shellcheck shell=sh disable=SC3028
# Source this (`. scripts/env.sh`) to run `mpirun -n 8 nnmpi` as it stands: finds the program in
# build/release, lets Open MPI start more ranks than there are cores and notice a host that is cut off, and,
# for root (a container), permits it to run at all, which Open MPI takes from the environment only. Your own
# settings win, and no file is touched.
for nnmpi_bin in "$(dirname "${BASH_SOURCE:-$0}")/../build/release" "$PWD/build/release"; do
    if [ -x "$nnmpi_bin/nnmpi" ]; then
        PATH="$(cd "$nnmpi_bin" && pwd):$PATH"
        break
    fi
done
unset nnmpi_bin

# For each setting Open MPI 4, then the name that Open MPI 5 (PRRTE) reads.
export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"
export PRTE_MCA_rmaps_default_mapping_policy="${PRTE_MCA_rmaps_default_mapping_policy:-slot:oversubscribe}"
# A host whose cable is cut says nothing: asked 4 times in vain after 3 s of silence, it counts as lost.
export OMPI_MCA_oob_tcp_keepalive_time="${OMPI_MCA_oob_tcp_keepalive_time:-3}"
export OMPI_MCA_oob_tcp_keepalive_intvl="${OMPI_MCA_oob_tcp_keepalive_intvl:-1}"
export OMPI_MCA_oob_tcp_keepalive_probes="${OMPI_MCA_oob_tcp_keepalive_probes:-4}"
export PRTE_MCA_oob_tcp_keepalive_time="${PRTE_MCA_oob_tcp_keepalive_time:-3}"
export PRTE_MCA_oob_tcp_keepalive_intvl="${PRTE_MCA_oob_tcp_keepalive_intvl:-1}"
export PRTE_MCA_oob_tcp_keepalive_probes="${PRTE_MCA_oob_tcp_keepalive_probes:-4}"
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT="${OMPI_ALLOW_RUN_AS_ROOT:-1}"
    export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="${OMPI_ALLOW_RUN_AS_ROOT_CONFIRM:-1}"
    export PRTE_ALLOW_RUN_AS_ROOT="${PRTE_ALLOW_RUN_AS_ROOT:-1}"
    export PRTE_ALLOW_RUN_AS_ROOT_CONFIRM="${PRTE_ALLOW_RUN_AS_ROOT_CONFIRM:-1}"
fi
