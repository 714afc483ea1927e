#include "tensor/loop.h"

#include "math/parallel.h"

#include <string.h>

#define GRAIN 32768 /* elements worth a fork and join */

nn_loop nn_loop_of(int rank, const int64_t *dim) {
    nn_loop loop = {.rank = rank};
    memcpy(loop.dim, dim, (size_t)rank * sizeof *dim);
    return loop;
}

void nn_loop_add(nn_loop *loop, int rank, const int64_t *dim) {
    int64_t *step = loop->step[loop->arrays++], size = 1;
    for (int i = 1; i <= rank; i++) {
        step[loop->rank - i] = dim[rank - i] == 1 ? 0 : size;
        size *= dim[rank - i];
    }
}

/* Whether dimension i of `to` and what follows it in `from` are one run in all arrays. */
static bool joins(const nn_loop *to, int i, const nn_loop *from, int next) {
    for (int a = 0; a < to->arrays; a++)
        if (to->step[a][i] != from->step[a][next] * from->dim[next])
            return false;
    return true;
}

/* The same loop without dimensions of 1, and with those that follow each other in memory joined;
 * at least one dimension. */
static nn_loop joined(const nn_loop *loop) {
    nn_loop to = {.rank = 0, .arrays = loop->arrays, .dim = {1}};
    for (int i = 0; i < loop->rank; i++) {
        if (loop->dim[i] == 1)
            continue;
        bool join = to.rank > 0 && joins(&to, to.rank - 1, loop, i);
        if (!join)
            to.dim[to.rank++] = 1;
        to.dim[to.rank - 1] *= loop->dim[i];
        for (int a = 0; a < to.arrays; a++)
            to.step[a][to.rank - 1] = loop->step[a][i];
    }
    to.rank = to.rank > 0 ? to.rank : 1;
    return to;
}

struct work {
    const nn_loop *loop;
    nn_run_fn *fn;
    void *ctx;
};

/* From `begin` to `end` of the first dimension. */
static void run_part(void *ctx, size_t begin, size_t end) {
    const struct work *w = ctx;
    const nn_loop *loop = w->loop;
    int64_t at[NN_LOOP_ARRAYS], place[NN_TENSOR_RANK] = {0}, step[NN_LOOP_ARRAYS];
    int last = loop->rank - 1;
    int64_t n = last ? loop->dim[last] : (int64_t)(end - begin);
    for (int a = 0; a < loop->arrays; a++) {
        at[a] = (int64_t)begin * loop->step[a][0];
        step[a] = loop->step[a][last];
    }
    place[0] = (int64_t)begin;
    for (;;) {
        w->fn(w->ctx, (size_t)n, at, step);
        int d = last - 1;
        for (; d >= 0; d--) {
            for (int a = 0; a < loop->arrays; a++)
                at[a] += loop->step[a][d];
            if (++place[d] < (d ? loop->dim[d] : (int64_t)end))
                break;
            for (int a = 0; d && a < loop->arrays; a++)
                at[a] -= loop->dim[d] * loop->step[a][d];
            place[d] = 0;
        }
        if (d < 0)
            return;
    }
}

void nn_loop_run(const nn_loop *loop, nn_run_fn *fn, void *ctx) {
    nn_loop fast = joined(loop);
    struct work work = {&fast, fn, ctx};
    size_t count = 1, rows = (size_t)fast.dim[0];
    for (int i = 0; i < fast.rank; i++)
        count *= (size_t)fast.dim[i];
    if (count == 0)
        return;
    if (fast.step[0][0] == 0)
        run_part(&work, 0, rows);
    else
        nn_parallel(nn_tensor_compute(), rows, 1 + GRAIN / (count / rows), run_part, &work);
}
