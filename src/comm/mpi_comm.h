/* The inside of nn_comm, for the files of this folder. */
#ifndef NN_COMM_MPI_COMM_H
#define NN_COMM_MPI_COMM_H

#include "base/real.h"
#include "comm/launch.h"

#include <mpi.h>
#include <stdbool.h>

#define NN_MPI_REAL (sizeof(nn_real) == sizeof(double) ? MPI_DOUBLE : MPI_FLOAT)

typedef struct nn_comm nn_comm; /* as <nnmpi/comm.h>, which lies above */
typedef struct nn_watchdog nn_watchdog;
typedef struct nn_barrier nn_barrier;

/* Where a rank runs. */
typedef struct nn_locality {
    int leader; /* the first rank of its node, */
    int node_rank, node_size;
} nn_locality;

struct nn_comm {
    MPI_Comm world;   /* our own duplicate; MPI_COMM_NULL: one rank without MPI */
    MPI_Comm machine; /* the ranks that share cores: those of one host */
    MPI_Comm node;    /* the ranks that share memory: the same, or a part of it that plays a node */
    MPI_Comm leaders; /* the first ranks of the nodes; MPI_COMM_NULL: one node, or this is none */
    int rank, size;
    int machine_rank, machine_size;
    int node_rank, node_size, nodes;
    nn_locality *locality; /* [size] */
    int node_least;        /* ranks of the node that has fewest */
    bool first_node;       /* rank 0 is on this node */
    int cores;             /* in the CPU sets of the ranks of this machine together */
    int share;             /* threads of a rank where others compute beside these; 0: none do */
    bool crowded;          /* this machine has more ranks than cores */
    bool yields;           /* some machine has */
    bool started;          /* MPI_Init was ours */
    bool threads;          /* several threads may call MPI at a time */
    bool broken; /* MPI has failed here: no call that others take part in may return any more */
    bool told;   /* it has failed on another rank of this node, which says so */
    int agreed;  /* the failure that all ranks agreed on last; 0: none */
    nn_launch launch;
    nn_barrier *barrier;             /* NULL: what the ranks tell each other goes by messages */
    struct nn_shared_memory *memory; /* of the barrier */
    struct nn_heartbeat *heartbeat;  /* this rank's signs of life; NULL: nobody looks at them */
    nn_watchdog *watchdog;           /* NULL: nobody watches */
    char host[256];
    char failure[1024]; /* why it is broken */
};

#endif
