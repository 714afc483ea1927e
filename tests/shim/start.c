/* What befalls a process at the moment when MPI is about to start, or to end.
 *
 * cc -shared -fPIC -O1 -o start.so start.c -ldl, then LD_PRELOAD=start.so and
 *   START=term       it gets SIGTERM
 *   START=fail       it is told that MPI has already been ended
 *   START=hang       it goes no further
 *   START=stop       it is stopped (SIGSTOP)
 *   START=end        it gets SIGTERM before it ends MPI
 *   START=endstop    it is stopped before it ends MPI
 *   START=load       it gets SIGUSR1 while its libraries are loaded
 *   START_RANK=1     only the process with this OMPI_COMM_WORLD_RANK or PMI_RANK
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int finalized_fn(int *flag);
typedef int finalize_fn(void);

static bool befalls(const char *what) {
    const char *start = getenv("START"), *wanted = getenv("START_RANK");
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank)
        rank = getenv("PMI_RANK");
    return start && strcmp(start, what) == 0 && (!wanted || (rank && strcmp(rank, wanted) == 0));
}

__attribute__((constructor)) static void load(void) {
    if (befalls("load"))
        kill(getpid(), SIGUSR1);
}

int MPI_Finalized(int *flag);
int MPI_Finalized(int *flag) {
    static int calls;
    finalized_fn *finalized = (finalized_fn *)dlsym(RTLD_NEXT, "MPI_Finalized");
    int rc = finalized(flag);
    if (calls++ > 0)
        return rc;
    if (befalls("term"))
        kill(getpid(), SIGTERM);
    if (befalls("fail"))
        *flag = 1;
    if (befalls("stop"))
        raise(SIGSTOP);
    while (befalls("hang"))
        sleep(1);
    return rc;
}

int MPI_Finalize(void);
int MPI_Finalize(void) {
    finalize_fn *finalize = (finalize_fn *)dlsym(RTLD_NEXT, "MPI_Finalize");
    if (befalls("end")) {
        kill(getpid(), SIGTERM);
        usleep(300000); /* for whoever takes it */
    }
    if (befalls("endstop"))
        raise(SIGSTOP);
    return finalize();
}
