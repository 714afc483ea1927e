#include "nn/layers/attention/rotary.h"

#include "base/error.h"
#include "base/numbers/elementary.h"
#include "math/parallel.h"

#define PI 3.14159265358979323846
#define GRAIN 16384 /* elements worth a fork and join */

struct nn_rotary {
    size_t half;   /* of the elements of a head */
    nn_real *turn; /* [steps][cosine, sine][half] */
};

static void make_turns(const nn_rotary *r, double base, size_t steps) {
    for (size_t i = 0; i < r->half; i++) {
        double turns = 1 / (nn_power(base, (double)i / (double)r->half) * 2 * PI);
        for (size_t t = 0; t < steps; t++) {
            nn_circle at = nn_circle_at((double)t * turns);
            r->turn[2 * t * r->half + i] = (nn_real)at.cosine;
            r->turn[(2 * t + 1) * r->half + i] = (nn_real)at.sine;
        }
    }
}

int nn_rotary_new(nn_pool *pool, double base, size_t steps, size_t dim, nn_rotary **out) {
    nn_rotary *r = nn_pool_alloc(pool, sizeof *r);
    nn_real *turn = nn_pool_alloc(pool, steps * dim * sizeof *turn);
    if (!r || !turn)
        return NN_EMEMORY;
    *r = (nn_rotary){dim / 2, turn};
    make_turns(r, base, steps);
    *out = r;
    return 0;
}

struct call {
    const nn_rotary *rotary;
    nn_attention_rows rows;
    size_t steps, heads;
    nn_real sign;
};

static void turn_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    size_t half = c->rotary->half;
    for (size_t row = begin; row < end; row++) {
        const nn_real *cosine = c->rotary->turn + 2 * (row % c->steps) * half,
                      *sine = cosine + half;
        for (size_t head = 0; head < c->heads; head++) {
            nn_real *x = c->rows.at + row * c->rows.stride + head * 2 * half;
            for (size_t i = 0; i < half; i++) {
                nn_real a = x[i], b = x[i + half], s = c->sign * sine[i];
                x[i] = a * cosine[i] - b * s;
                x[i + half] = b * cosine[i] + a * s;
            }
        }
    }
}

void nn_rotary_turn(const nn_compute *compute, const nn_rotary *rotary, size_t batch, size_t steps,
                    nn_attention_rows rows, size_t width, nn_rotary_way way) {
    struct call c = {rotary, rows, steps, width / (2 * rotary->half),
                     way == NN_ROTARY_ON ? (nn_real)1 : (nn_real)-1};
    nn_parallel(compute, batch * steps, 1 + GRAIN / width, turn_rows, &c);
}
