#include "train/generate/sample.h"

#include "base/numbers/elementary.h"

#include <math.h>
#include <stdlib.h>

static int more_likely_first(const void *a, const void *b) {
    const nn_candidate *x = a, *y = b;

    if (x->z != y->z)
        return x->z > y->z ? -1 : 1;
    return x->token < y->token ? -1 : 1;
}

/* The most likely token, -1 where there are no probabilities. */
static int32_t find_most(size_t count, const nn_real *z) {
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        if (isnan(z[i]) || z[i] == (nn_real)INFINITY)
            return -1;
        most = z[i] > z[most] ? i : most;
    }
    return (int32_t)most;
}

static double total(size_t count, const nn_candidate *c) {
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += c[i].weight;
    return sum;
}

/* How many of the first ones have the weight together. */
static size_t reach(size_t count, const nn_candidate *c, double weight) {
    double sum = 0;
    size_t i = 0;

    while (i + 1 < count && (sum += c[i].weight) <= weight)
        i++;
    return i + 1;
}

int32_t nn_sample(const nn_sampling *how, size_t count, const nn_real *z, double u,
                  nn_candidate *room) {
    int32_t most = find_most(count, z);

    if (most < 0 || how->temperature == 0)
        return most;
    for (size_t i = 0; i < count; i++) {
        double below = ((double)z[i] - (double)z[most]) / how->temperature;
        room[i] = (nn_candidate){(double)z[i], nn_exponential(below), (int32_t)i};
    }
    if (how->top_k > 0 || how->top_p < 1)
        qsort(room, count, sizeof *room, more_likely_first);
    if (how->top_k > 0 && (size_t)how->top_k < count)
        count = (size_t)how->top_k;
    if (how->top_p < 1)
        count = reach(count, room, how->top_p * total(count, room));
    return room[reach(count, room, u * total(count, room)) - 1].token;
}
