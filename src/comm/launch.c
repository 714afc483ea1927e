#define _GNU_SOURCE
#include "comm/launch.h"

#include "base/error.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const nn_launcher launchers[] = {
    {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", true},
    {"mpiexec", "PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS", false},
    {"mpiexec", "MPI_LOCALNRANKS", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", false},
    {"mpirun", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_LOCAL_SIZE", false},
};

static const nn_launcher srun = {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", NULL, false};

/* A variable as a number; `fallback` when it is absent or none. */
static int env_int(const char *name, int fallback) {
    const char *text = name ? getenv(name) : NULL;
    char *end;
    if (!text || !*text)
        return fallback;
    long value = strtol(text, &end, 10);
    return *end || value < 0 || value > 1 << 30 ? fallback : (int)value;
}

static bool env_on(const char *name) {
    const char *text = getenv(name);
    return text && *text && strcmp(text, "0") != 0;
}

static const nn_launcher *find_launcher(void) {
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
        if (env_int(launchers[i].size, 0) > 0)
            return &launchers[i];
    return env_int(srun.size, 0) > 0 ? &srun : NULL;
}

int nn_slurm_tasks_of_node(const char *list, int node) {
    while (list && *list) {
        int tasks = 0, repeat = 1, used = 0;
        if (sscanf(list, "%d%n", &tasks, &used) != 1)
            return 0;
        list += used;
        if (sscanf(list, "(x%d)%n", &repeat, &used) == 1)
            list += used;
        if (node < repeat)
            return tasks;
        node -= repeat;
        list += *list == ',';
    }
    return 0;
}

static int slurm_local_size(void) {
    const char *list = getenv("SLURM_STEP_TASKS_PER_NODE");
    if (!list)
        list = getenv("SLURM_TASKS_PER_NODE");
    return nn_slurm_tasks_of_node(list, env_int("SLURM_NODEID", 0));
}

nn_launch nn_launch_read(void) {
    nn_launch launch = {find_launcher(), 0, 1, 1, env_int("SLURM_NTASKS", 0)};
    if (launch.launcher) {
        launch.size = env_int(launch.launcher->size, 1);
        launch.rank = env_int(launch.launcher->rank, 0);
        launch.local_size =
            launch.launcher == &srun ? slurm_local_size() : env_int(launch.launcher->local_size, 1);
    }
    if (launch.local_size < 1)
        launch.local_size = 1;
    return launch;
}

int nn_launch_cores(const nn_launch *launch) {
    cpu_set_t mine, parents;
    if (sched_getaffinity(0, sizeof mine, &mine) != 0)
        return (int)sysconf(_SC_NPROCESSORS_ONLN);
    /* mpirun binds its children after the fork, so that its own set is what it had to give away.
     * Slurm's step daemon is not confined to the job. */
    if (launch->launcher && launch->launcher != &srun &&
        sched_getaffinity(getppid(), sizeof parents, &parents) == 0)
        CPU_OR(&mine, &mine, &parents);
    return CPU_COUNT(&mine);
}

void nn_launch_tune(const nn_launch *launch) {
    if (launch->local_size > nn_launch_cores(launch))
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    if (launch->size > 1 && launch->size == launch->local_size)
        setenv("OMPI_MCA_btl", "self,vader", 0); /* without a look at other networks, either */
}

const char *nn_launch_prefix(const nn_launch *launch, char text[NN_LAUNCH_TEXT]) {
    text[0] = '\0';
    if (launch->size > 1)
        snprintf(text, NN_LAUNCH_TEXT, "%s -n %d ", launch->launcher->name, launch->size);
    return text;
}

bool nn_launch_has_nodes(const nn_launch *launch) {
    return launch->size > launch->local_size || env_int("NNMPI_TEST_NODES", 1) > 1;
}

int nn_launch_played_node(int machine_rank, int machine_size) {
    int nodes = env_int("NNMPI_TEST_NODES", 1);
    if (nodes > machine_size)
        nodes = machine_size;
    return nodes > 1 ? (int)((long)machine_rank * nodes / machine_size) : 0;
}

/* Where Hydra hears the words of PMI-1, which it understands whatever the ranks speak; Slurm, which
 * also gives PMI_FD, might not. -1: there is none. */
static int hydra_socket(void) {
    return env_int("MPI_LOCALNRANKS", 0) > 0 ? env_int("PMI_FD", -1) : -1;
}

/* By send, which writes to nothing but a socket, should MPI have closed it. What has just been
 * written to standard error needs a moment to get through. */
void nn_launch_abort(int exit_status) {
    char words[64];
    int socket = hydra_socket();
    int length = snprintf(words, sizeof words, "cmd=abort exitcode=%d\n", exit_status);
    if (socket < 0)
        return;
    usleep(100000);
    send(socket, words, (size_t)length, MSG_NOSIGNAL);
}

bool nn_launch_part(void) {
    static const char words[] = "cmd=finalize\n";
    char answer[64];
    int socket = hydra_socket();
    return socket >= 0 && send(socket, words, strlen(words), MSG_NOSIGNAL) > 0 &&
           recv(socket, answer, sizeof answer, 0) > 0;
}

bool nn_launch_hopeless(const nn_launch *launch) {
    return launch->launcher == &srun && launch->size > 1 && !getenv("PMIX_RANK") &&
           !getenv("PMI_RANK") && !getenv("PMI_FD");
}

/* How Slurm has to start the ranks of that MPI library. */
static const char *srun_for(const char *mpi) {
    return strncmp(mpi, "Open MPI", strlen("Open MPI")) == 0
               ? "srun --mpi=pmix"
               : "srun --mpi=pmi2 (or pmix, as that MPI was built)";
}

int nn_launch_check(const nn_launch *launch, int size, const char *mpi) {
    static const char escape[] = "NNMPI_ALLOW_SINGLE=1 if one rank is what you want";
    if (size > 1 || env_on("NNMPI_ALLOW_SINGLE"))
        return 0;
    if (launch->launcher == &srun && launch->size > 1)
        return nn_fail(
            NN_EUSAGE,
            "srun started %d tasks, but each one is alone: this nnmpi is linked to %s; use "
            "%s or mpirun (%s)",
            launch->size, mpi, srun_for(mpi), escape);
    if (launch->launcher && launch->size > 1)
        return nn_fail(
            NN_EUSAGE,
            "%s started %d processes, but each one is alone: this nnmpi is linked to %s; "
            "use the mpirun that belongs to it (%s)",
            launch->launcher->name, launch->size, mpi, escape);
    if (launch->slurm_tasks > 1 && (!launch->launcher || launch->launcher == &srun))
        return nn_fail(
            NN_EUSAGE,
            "this Slurm job has %d tasks, but nnmpi was started once and alone: start it "
            "with %s or mpirun (%s)",
            launch->slurm_tasks, srun_for(mpi), escape);
    return 0;
}
