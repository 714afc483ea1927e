/* Data of which each rank has a part become one data set on every node. */
#include "comm/node_buffer.h"
#include "data/sources/memory.h"

#include <string.h>

/* Bytes that a rank sends at a time. */
#define PIECE ((size_t)1 << 20)

/* An array whose rows the ranks have. */
struct gathered {
    nn_array *whole;      /* its first dimension is the sum */
    const nn_array *part; /* this rank's */
    int64_t *rows;        /* [ranks] */
    size_t split, field;
    size_t row_bytes, at; /* where it begins in the memory of the node */
};

struct gather {
    nn_comm *comm;
    nn_pool pool;
    size_t count, bytes, row_most;
    struct gathered array[NN_MAX_SPLITS * NN_DATA_FIELDS];
    unsigned char *piece, *pieces; /* one rank's, and all ranks' */
};

/* What all ranks have to have alike. */
struct description {
    int64_t rows, dim[NN_ARRAY_RANK];
    int type, rank;
};

static struct description describe(const nn_array *a) {
    struct description d = {
        .rows = a->rank > 0 ? a->dim[0] : 0, .type = (int)a->type, .rank = a->rank};
    for (int i = 1; i < a->rank; i++)
        d.dim[i] = a->dim[i];
    return d;
}

static bool is_alike(const struct description *a, const struct description *b) {
    return a->type == b->type && a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

/* On every rank the same, so that all ranks fail alike. */
static int compare(const struct gather *g, const struct description *all, size_t s, size_t f) {
    for (int rank = 1; rank < nn_comm_size(g->comm); rank++)
        if (!is_alike(&all[rank], &all[0]))
            return nn_fail(
                NN_EUSAGE,
                "nn_data_gather: %s of '%s' has another type, or other dimensions but the "
                "first, on rank %d than on rank 0 (a rank without rows has an array of none)",
                nn_data_fields[f], nn_data_splits[s], rank);
    return 0;
}

static int add(struct gather *g, const nn_data *part, nn_data *whole, size_t s, size_t f) {
    size_t size = (size_t)nn_comm_size(g->comm);
    struct description mine = describe(&part->array[s][f]),
                       *all = nn_pool_alloc(&g->pool, size * sizeof *all);
    struct gathered *a = &g->array[g->count];
    NN_TRY(nn_comm_agree(g->comm, all ? 0 : NN_EMEMORY));
    NN_TRY(nn_comm_gather(g->comm, &mine, sizeof mine, all));
    NN_TRY(compare(g, all, s, f));
    if (mine.rank == 0)
        return 0;
    a->rows = nn_pool_alloc(&g->pool, size * sizeof *a->rows);
    NN_TRY(nn_comm_agree(g->comm, a->rows ? 0 : NN_EMEMORY));
    a->part = &part->array[s][f];
    a->whole = &whole->array[s][f];
    *a->whole = *a->part;
    a->whole->dim[0] = 0;
    for (size_t rank = 0; rank < size; rank++) {
        a->rows[rank] = all[rank].rows;
        a->whole->dim[0] += all[rank].rows;
    }
    a->row_bytes = nn_array_row_bytes(a->part);
    a->at = g->bytes;
    g->bytes += nn_align_count((size_t)a->whole->dim[0] * a->row_bytes, 1);
    g->row_most = a->row_bytes > g->row_most ? a->row_bytes : g->row_most;
    a->split = s;
    a->field = f;
    g->count++;
    return 0;
}

static int64_t most_rows(const struct gather *g, const struct gathered *a) {
    int64_t most = 0;
    for (int rank = 0; rank < nn_comm_size(g->comm); rank++)
        most = a->rows[rank] > most ? a->rows[rank] : most;
    return most;
}

/* Rows [first, first + count) of every rank's part, as far as it has them, to where they belong. */
static void place(const struct gather *g, const struct gathered *a, int64_t first, int64_t count,
                  unsigned char *memory) {
    int64_t before = 0;
    for (int rank = 0; rank < nn_comm_size(g->comm); rank++) {
        int64_t left = a->rows[rank] - first, rows = left < count ? left : count;
        if (rows > 0)
            memcpy(memory + a->at + (size_t)(before + first) * a->row_bytes,
                   g->pieces + (size_t)rank * (size_t)count * a->row_bytes,
                   (size_t)rows * a->row_bytes);
        before += a->rows[rank];
    }
}

static int exchange(const struct gather *g, const nn_data *part, const struct gathered *a,
                    unsigned char *memory) {
    int64_t count = (int64_t)(PIECE / a->row_bytes) + 1, most = most_rows(g, a);
    count = count < most ? count : most;
    for (int64_t first = 0; first < most; first += count) {
        int64_t left = a->part->dim[0] - first, rows = left < count ? left : count;
        int rc = rows > 0 ? nn_data_read(part, a->split, a->field, first, rows, g->piece) : 0;
        NN_TRY(nn_comm_agree(g->comm, rc));
        NN_TRY(nn_comm_gather(g->comm, g->piece, (size_t)count * a->row_bytes, g->pieces));
        if (nn_comm_node_rank(g->comm) == 0)
            place(g, a, first, count, memory);
    }
    return 0;
}

static void release(void *memory) {
    nn_node_buffer_free(memory);
}

static int take_names(const nn_data *part, nn_data *whole) {
    NN_TRY(nn_data_set_classes(whole, part->classes, part->class_name));
    NN_TRY(nn_data_set_tokens(whole, part->tokens));
    NN_TRY(nn_data_set_columns(whole, part->columns, part->column_name));
    return nn_data_set_scale(whole, part->scales, part->scale, part->offset);
}

static int allocate(struct gather *g, const nn_data *part, nn_data *whole) {
    size_t size = (size_t)nn_comm_size(g->comm);
    g->piece = nn_pool_alloc(&g->pool, PIECE + g->row_most);
    g->pieces = nn_pool_alloc(&g->pool, size * (PIECE + g->row_most));
    return g->piece && g->pieces ? take_names(part, whole) : NN_EMEMORY;
}

static int gather(struct gather *g, const nn_data *part, nn_data *whole) {
    nn_node_buffer *buffer;
    for (size_t s = 0; s < NN_MAX_SPLITS; s++)
        for (size_t f = 0; f < NN_DATA_FIELDS; f++)
            NN_TRY(add(g, part, whole, s, f));
    NN_TRY(nn_comm_agree(g->comm, allocate(g, part, whole)));
    NN_TRY(nn_node_buffer_new(g->comm, g->bytes + 1, &buffer));
    whole->memory = buffer;
    whole->release = release;
    for (size_t i = 0; i < g->count; i++) {
        struct gathered *a = &g->array[i];
        unsigned char *memory = nn_node_buffer_data(buffer);
        NN_TRY(exchange(g, part, a, memory));
        a->whole->data = memory + a->at;
    }
    /* the others of the node see what its first rank has written */
    return nn_comm_agree(g->comm, 0);
}

int nn_data_gather(nn_comm *comm, const nn_data *part, nn_data **whole) {
    struct gather g = {.comm = comm};
    nn_data *made = NULL;
    *whole = NULL;
    int rc = nn_comm_agree(comm, nn_data_new(&made));
    if (rc == 0)
        rc = gather(&g, part, made);
    nn_pool_release(&g.pool);
    if (rc < 0)
        nn_data_free(made);
    else
        *whole = made;
    return rc;
}
