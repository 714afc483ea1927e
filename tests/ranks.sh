#!/usr/bin/env bash
# ranks.sh N COMMAND...: runs a command on N ranks, whatever the number of cores, on any core (two
# tests at a time would otherwise share one), as root if need be. The one place that knows launchers:
# Open MPI is told so by variables, which MPICH does not look at and has no need of. ctest gives MPIEXEC.
set -eu
# shellcheck source=scripts/env.sh
. "$SOURCE_DIR/scripts/env.sh"
export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_mpi_yield_when_idle=1
[ ! -e "${BUILD_DIR:-}/tests/libyield.so" ] || export LD_PRELOAD=$BUILD_DIR/tests/libyield.so
ranks=$1
shift
exec "${MPIEXEC:-mpirun}" -n "$ranks" "$@"
