#include "comm/reduce/compress.h"

#include "base/mem.h"
#include "comm/messages.h"

#include <string.h>

struct nn_compressor {
    nn_comm *comm;
    MPI_Comm among;
    size_t ranks, me;
    float *lost;     /* [share] what rounding took from what this rank sends ... */
    float *lost_sum; /* [share] ... and from the sums it makes, at the start of each vector */
    uint16_t *all, *others; /* [ranks][piece] this rank's numbers; everyone's for its own piece */
};

uint16_t nn_bf16_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float nn_bf16_value(uint16_t b) {
    uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

int nn_compressor_new(nn_comm *comm, MPI_Comm among, size_t share, size_t most,
                      nn_compressor **out) {
    nn_compressor *c;
    int rank, size, rc;
    *out = NULL;
    MPI_Comm_rank(among, &rank);
    MPI_Comm_size(among, &size);
    NN_TRY(NN_NEW(&c, 1, "compressed sums"));
    c->comm = comm;
    c->among = among;
    c->ranks = (size_t)size;
    c->me = (size_t)rank;
    size_t piece = (most + c->ranks - 1) / c->ranks;
    NN_TRY_GOTO(NN_NEW(&c->lost, share + 1, "compressed sums"));
    NN_TRY_GOTO(NN_NEW(&c->lost_sum, share + 1, "compressed sums"));
    NN_TRY_GOTO(NN_NEW(&c->all, c->ranks * piece + 1, "compressed sums"));
    NN_TRY_GOTO(NN_NEW(&c->others, c->ranks * piece + 1, "compressed sums"));
    *out = c;
done:
    if (rc < 0)
        nn_compressor_free(c);
    return rc;
}

void nn_compressor_free(nn_compressor *c) {
    if (!c)
        return;
    nn_free(c->lost);
    nn_free(c->lost_sum);
    nn_free(c->all);
    nn_free(c->others);
    nn_free(c);
}

/* What is lost of Inf and NaN is nothing to be made up for. */
static uint16_t squeeze(float x, float *lost) {
    uint16_t b = nn_bf16_of(x);
    float rest = x - nn_bf16_value(b);
    *lost = rest - rest == 0 ? rest : 0;
    return b;
}

/* This rank's piece: the sum of everyone's numbers for it, squeezed again. */
static void add_piece(nn_compressor *c, size_t piece, size_t count, float *lost) {
    for (size_t i = 0; i < count; i++) {
        float sum = lost[i];
        for (size_t r = 0; r < c->ranks; r++)
            sum += nn_bf16_value(c->others[r * piece + i]);
        c->all[c->me * piece + i] = squeeze(sum, &lost[i]);
    }
}

int nn_compressor_sum(nn_compressor *c, float *values, size_t n, size_t at) {
    size_t piece = (n + c->ranks - 1) / c->ranks, begin = c->me * piece;
    size_t count = begin < n ? (n - begin < piece ? n - begin : piece) : 0;
    int bytes = (int)(piece * sizeof *c->all);
    for (size_t i = 0; i < n; i++)
        c->all[i] = squeeze(values[i] + c->lost[at + i], &c->lost[at + i]);
    NN_TRY(nn_mpi_alltoall(c->comm, c->among, c->all, c->others, bytes));
    add_piece(c, piece, count, c->lost_sum + at);
    NN_TRY(nn_mpi_allgather(c->comm, c->among, c->all, bytes));
    for (size_t i = 0; i < n; i++)
        values[i] = nn_bf16_value(c->all[i]);
    return 0;
}
