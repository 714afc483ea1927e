#include "data/loader/mixture.h"

#include <math.h>

/* Whole slots by the largest remainder. */
static void divide_slots(const nn_mixture *m, const double *weight, double *remainder) {
    double sum = 0;
    int64_t left = NN_MIXTURE_SLOTS;

    for (size_t k = 0; k < m->parts; k++)
        sum += weight[k];
    for (size_t k = 0; k < m->parts; k++) {
        double slots = weight[k] / sum * NN_MIXTURE_SLOTS;
        m->share[k] = (int64_t)floor(slots);
        remainder[k] = slots - floor(slots);
        left -= m->share[k];
    }
    for (; left > 0; left--) {
        size_t most = 0;
        for (size_t k = 1; k < m->parts; k++)
            most = remainder[k] > remainder[most] ? k : most;
        m->share[most]++;
        remainder[most] = -1;
    }
}

/* The part whose next sample is due first, the middle of its next share of the stretch. */
static size_t next_part(const nn_mixture *m, const int64_t *given) {
    size_t next = 0;

    for (size_t k = 1; k < m->parts; k++)
        if ((2 * given[k] + 1) * m->share[next] < (2 * given[next] + 1) * m->share[k])
            next = k;
    return next;
}

int nn_mixture_init(nn_mixture *m, const double *weight, size_t parts, nn_pool *pool) {
    double *remainder = nn_pool_alloc(pool, parts * sizeof *remainder);
    int64_t *given = nn_pool_alloc(pool, parts * sizeof *given);

    *m = (nn_mixture){.parts = parts};
    m->part = nn_pool_alloc(pool, NN_MIXTURE_SLOTS * sizeof *m->part);
    m->before = nn_pool_alloc(pool, NN_MIXTURE_SLOTS * sizeof *m->before);
    m->share = nn_pool_alloc(pool, parts * sizeof *m->share);
    if (!remainder || !given || !m->part || !m->before || !m->share)
        return NN_EMEMORY;
    divide_slots(m, weight, remainder);
    for (size_t slot = 0; slot < NN_MIXTURE_SLOTS; slot++) {
        size_t k = next_part(m, given);
        m->part[slot] = (uint8_t)k;
        m->before[slot] = (int32_t)given[k]++;
    }
    return NN_OK;
}

size_t nn_mixture_part(const nn_mixture *m, int64_t position) {
    return m->part[position % NN_MIXTURE_SLOTS];
}

int64_t nn_mixture_count(const nn_mixture *m, size_t part, int64_t position) {
    int64_t count = position / NN_MIXTURE_SLOTS * m->share[part];
    int64_t slot = position % NN_MIXTURE_SLOTS;

    while (slot < NN_MIXTURE_SLOTS && m->part[slot] != part)
        slot++;
    return count + (slot < NN_MIXTURE_SLOTS ? m->before[slot] : m->share[part]);
}
