#include "nn/layers/attention/rotary.h"

#include "base/numbers/elementary.h"
#include "math/parallel.h"

#define PI 3.14159265358979323846
#define GRAIN 16384 /* elements worth a fork and join */

void nn_rotary_fill(double base, size_t steps, size_t dim, nn_real *turns) {
    size_t half = dim / 2;
    for (size_t i = 0; i < half; i++) {
        double turn = 1 / (nn_power(base, (double)i / (double)half) * 2 * PI);
        for (size_t t = 0; t < steps; t++) {
            nn_circle at = nn_circle_at((double)t * turn);
            turns[2 * t * half + i] = (nn_real)at.cosine;
            turns[(2 * t + 1) * half + i] = (nn_real)at.sine;
        }
    }
}

struct call {
    const nn_real *turns;
    nn_attention_rows rows;
    size_t half, steps, heads; /* half: of the elements of a head */
    nn_real sign;
};

static void turn_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    size_t half = c->half;
    for (size_t row = begin; row < end; row++) {
        const nn_real *cosine = c->turns + 2 * (row % c->steps) * half, *sine = cosine + half;
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

void nn_rotary_turn(const nn_compute *compute, const nn_real *turns, size_t dim, size_t batch,
                    size_t steps, nn_attention_rows rows, size_t width,
                    nn_rotary_direction direction) {
    struct call c = {.turns = turns,
                     .rows = rows,
                     .half = dim / 2,
                     .steps = steps,
                     .heads = width / dim,
                     .sign = direction == NN_ROTARY_FORWARD ? (nn_real)1 : (nn_real)-1};
    nn_parallel(compute, batch * steps, 1 + GRAIN / width, turn_rows, &c);
}
