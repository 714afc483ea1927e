/* What the environment says about how this process was started, before MPI is asked. */
#ifndef NN_COMM_LAUNCH_H
#define NN_COMM_LAUNCH_H

#include <stdbool.h>

/* A launcher and the variables it tells each process about. */
typedef struct nn_launcher {
    const char *name; /* as messages say it */
    const char *size, *rank, *local_size;
    bool announces; /* that it ends its ranks: SIGCONT at once, a moment later SIGTERM and, without
                       waiting for long, SIGKILL */
} nn_launcher;

typedef struct nn_launch {
    const nn_launcher *launcher; /* NULL: started by hand */
    int rank, size;              /* as the launcher counts; 0 and 1 when started by hand */
    int local_size;              /* processes on this node; 1 when unknown */
    int slurm_tasks;             /* of the Slurm job or step around this process; 0: no Slurm */
} nn_launch;

/* Reads the environment. To be called before MPI_Init, which adds variables of its own. Local. */
nn_launch nn_launch_read(void);

/* "mpirun -n 4 ", which starts as many ranks again, in `text`, which is returned; "" for one rank.
 * Local. */
#define NN_LAUNCH_TEXT 64
const char *nn_launch_prefix(const nn_launch *launch, char text[NN_LAUNCH_TEXT]);

/* Cores that the launcher could have given to ranks of this node: its own CPU set and ours. Local.
 */
int nn_launch_cores(const nn_launch *launch);

/* True when several nodes take part, or NNMPI_TEST_NODES plays them. Local. */
bool nn_launch_has_nodes(const nn_launch *launch);

/* Sets variables of Open MPI that nobody has set: it yields while it waits when this node has more
 * ranks than cores, and opens no TCP connections when all ranks are on one node (version 5
 * complains on standard error where the node has no network that suits it). Before MPI_Init. Local.
 */
void nn_launch_tune(const nn_launch *launch);

/* NN_EUSAGE when this is one rank (`size` 1) although several were started, with what to do about
 * it; `mpi` names the MPI library. NNMPI_ALLOW_SINGLE=1 lets it pass. Local. */
int nn_launch_check(const nn_launch *launch, int size, const char *mpi);

/* Tells mpiexec of MPICH (Hydra) to end all ranks, and with which exit status: it does not look
 * after ranks that have not started MPI, returns the number of the signal by which it ends the
 * others instead of the status of the rank that failed, and at times 0 after it has passed a signal
 * on. Other launchers need no word. The caller, who goes on, may be ended within a second. From any
 * thread. Local. */
void nn_launch_abort(int exit_status);

/* Tells mpiexec of MPICH (Hydra) that this rank has come to its end and will exit without
 * MPI_Finalize, for which it would else end the others. False: it is not there, or does not answer.
 * Local. */
bool nn_launch_part(void);

/* True when srun started several processes without the service Open MPI finds its peers by, in
 * which case MPI_Init would not even return. Local. */
bool nn_launch_hopeless(const nn_launch *launch);

/* The node that a rank of a machine belongs to where NNMPI_TEST_NODES=N lets it play N nodes of
 * ranks that follow each other, so that what only happens between nodes can be tried on one
 * machine; 0 without it. Local. */
int nn_launch_played_node(int machine_rank, int machine_size);

/* The n-th entry of Slurm's list of tasks by node, e.g. "4(x2),3"; 0 when it has none. Local. */
int nn_slurm_tasks_of_node(const char *list, int node);

#endif
