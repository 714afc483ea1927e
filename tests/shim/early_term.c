/* SIGTERM while MPI starts. cc -shared -fPIC -O1 -o early_term.so early_term.c -ldl, LD_PRELOAD */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <signal.h>

typedef int init_fn(int *argc, char ***argv, int required, int *provided);

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided);
int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
    init_fn *init = (init_fn *)dlsym(RTLD_NEXT, "MPI_Init_thread");
    raise(SIGTERM);
    return init(argc, argv, required, provided);
}
