/* Products with a packed matrix, for every instruction set: all remainders of tiles and panels,
 * nothing written beside C, and a row alone gives the bits that it gives among others. */
#include "kernel_trial.h"

#include <stdlib.h>

#define ROWS 19
#define COLS 70
#define INNER 37
#define GAP 3 /* between the rows of A and C */

static nn_real a[ROWS * (INNER + GAP)], b[INNER * COLS], init[COLS];
static nn_real packed[INNER * (COLS + NN_PACK_COLS)], c[ROWS * (COLS + GAP)],
    c0[ROWS * (COLS + GAP)];

struct sizes {
    size_t m, n, k;
    bool with_init;
};

static double product_at(const struct sizes *s, size_t i, size_t j) {
    double sum = (double)(s->with_init ? init[j] : c0[i * (s->n + GAP) + j]);
    for (size_t l = 0; l < s->k; l++)
        sum += (double)a[i * (s->k + GAP) + l] * (double)b[l * s->n + j];
    return sum;
}

static bool check_numbers(const struct sizes *s) {
    bool ok = true;
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n + GAP; j++) {
            size_t at = i * (s->n + GAP) + j;
            if (j < s->n)
                ok &= near((double)c[at], product_at(s, i, j), 64, 2 + (double)s->k);
            else
                ok &= same_bits(1, &c[at], &c0[at]);
        }
    return ok;
}

static bool check_row_alone(const struct sizes *s, size_t i) {
    nn_real row[COLS];
    memcpy(row, c0 + i * (s->n + GAP), s->n * sizeof *row);
    k->packed_product(1, s->n, s->k, a + i * (s->k + GAP), s->k + GAP, packed,
                      s->with_init ? init : NULL, row, s->n);
    return same_bits(s->n, row, c + i * (s->n + GAP));
}

static void check_product(const struct sizes *s) {
    memcpy(c, c0, sizeof c);
    k->pack(s->k, s->n, b, s->n, 1, packed);
    k->packed_product(s->m, s->n, s->k, a, s->k + GAP, packed, s->with_init ? init : NULL, c,
                      s->n + GAP);
    bool ok = CHECK(check_numbers(s));
    for (size_t i = 0; i < s->m && ok; i++)
        ok = CHECK(check_row_alone(s, i));
    if (!ok)
        fprintf(stderr, "  %s: %zu x %zu x %zu, init %d\n", k->isa, s->m, s->n, s->k, s->with_init);
}

/* From a transposed matrix come the same panels. */
static void check_transposed(size_t n, size_t inner) {
    nn_real *turned = calloc(n * inner + 1, sizeof *turned);
    nn_real *other = calloc(sizeof packed / sizeof *packed, sizeof *other);
    for (size_t i = 0; i < inner; i++)
        for (size_t j = 0; j < n; j++)
            turned[j * inner + i] = b[i * n + j];
    memset(packed, 0, sizeof packed);
    k->pack(inner, n, b, n, 1, packed);
    k->pack(inner, n, turned, 1, inner, other);
    CHECK(memcmp(packed, other, sizeof packed) == 0);
    free(turned);
    free(other);
}

static void check_table(void) {
    static const size_t cols[] = {1, 3, 4, 8, 9, 15, 16, 17, 31, 32, 33, 64, COLS};
    static const size_t inner[] = {0, 1, 2, INNER};
    for (size_t i = 0; i < sizeof cols / sizeof *cols; i++)
        for (size_t l = 0; l < sizeof inner / sizeof *inner; l++) {
            for (size_t m = 0; m <= ROWS; m++)
                for (int with_init = 0; with_init < 2; with_init++)
                    check_product(&(struct sizes){m, cols[i], inner[l], with_init});
            check_transposed(cols[i], inner[l]);
        }
}

int main(void) {
    fill(sizeof a / sizeof *a, 1, a);
    fill(sizeof b / sizeof *b, 2, b);
    fill(sizeof c0 / sizeof *c0, 3, c0);
    fill(COLS, 4, init);
    for (size_t t = 0; (k = nn_kernels_at(t)); t++)
        check_table();
    return check_done();
}
