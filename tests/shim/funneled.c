/* An MPI that lets one thread alone call it, whatever is asked for. */
#include <mpi.h>

#pragma GCC visibility push(default)

int MPI_Init_thread(int *argc, char ***argv, int wanted, int *provided) {
    (void)wanted;
    return PMPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, provided);
}
