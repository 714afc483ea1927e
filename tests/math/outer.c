/* Gradients of a matrix by microbatches: right, and with the bits of microbatches computed one by
 * one and added along their tree, whatever the ranges of threads, on every instruction set. */
#include "math/gemm/outer.h"

#include "base/tree.h"
#include "kernel_trial.h"

#include <stdlib.h>

enum { ROWS = NN_OUTER_ROWS };

static nn_real *a, *b, *c, *other;

static double exact(const nn_outer *o, size_t i, size_t j, double *size) {
    double sum = 0;
    *size = 0;
    for (size_t r = 0; r < o->row[o->parts] - o->row[0]; r++) {
        double term = (double)o->a[r * o->lda + i] * (double)o->b[r * o->ldb + j];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* The node [begin, end) as its definition says, with one call for each part. */
static void by_parts(const nn_outer *all, size_t begin, size_t end, nn_real *to) {
    size_t middle = begin + (end - begin) / 2, n = all->m * all->n;
    if (end - begin == 1) {
        nn_outer one = *all;
        one.parts = 1;
        one.row = all->row + begin;
        one.joins = &(size_t){0};
        one.a += (all->row[begin] - all->row[0]) * all->lda;
        one.b += (all->row[begin] - all->row[0]) * all->ldb;
        one.c = to;
        k->outer(&one, 0, all->m);
        return;
    }
    nn_real *right = calloc(n, sizeof *right);
    by_parts(all, begin, middle, to);
    by_parts(all, middle, end, right);
    k->add(n, right, to);
    free(right);
}

static void check_shape(size_t m, size_t n, size_t parts, size_t rows) {
    size_t row[NN_OUTER_PARTS + 1], joins[NN_OUTER_PARTS], count = m * n;
    for (size_t p = 0; p <= parts; p++)
        row[p] = 3 + rows * p / parts; /* numbering may begin anywhere; parts may be empty */
    nn_tree_joins(parts, joins);
    nn_outer o = {m, n, parts, row, joins, a, b, m, n, n, c};
    fill(count, 9, c);
    c[count] = other[count] = GUARD;
    k->outer(&o, 0, m / 3);
    k->outer(&o, m / 3, m);
    by_parts(&o, 0, parts, other);
    bool ok = CHECK(same_bits(count + 1, c, other));
    for (size_t i = 0; i < count && ok; i++) {
        double size, want = exact(&o, i / n, i % n, &size);
        ok &= CHECK(near((double)c[i], want, size, (double)rows + 8));
    }
    if (!ok)
        fprintf(stderr, "  C[%zu][%zu] of %zu rows in %zu parts\n", m, n, rows, parts);
}

/* A column of ones as A gives the sums of B's columns. */
static void check_sums(size_t n, size_t parts, size_t rows) {
    size_t row[NN_OUTER_PARTS + 1], joins[NN_OUTER_PARTS];
    nn_real *ones = calloc(rows + 1, sizeof *ones);
    for (size_t i = 0; i < rows; i++)
        ones[i] = 1;
    for (size_t p = 0; p <= parts; p++)
        row[p] = rows * p / parts;
    nn_tree_joins(parts, joins);
    nn_outer o = {1, n, parts, row, joins, ones, b, 1, n, n, c};
    k->outer(&o, 0, 1);
    other[n] = GUARD;
    k->outer_sum(&o, other);
    CHECK(same_bits(n, c, other));
    CHECK(same_bits(1, &other[n], &(nn_real){GUARD}));
    free(ones);
}

static void check_tables(void) {
    static const size_t parts[] = {1, 2, 3, 4, 5, 8, 64}, size[] = {1, 5, 6, 17, 64, 70};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        for (size_t s = 0; s < sizeof size / sizeof *size; s++) {
            check_shape(size[s], size[5 - s], parts[p], 33);
            check_sums(size[s], parts[p], 33);
        }
        check_shape(20, 515, parts[p], ROWS);
        check_shape(120, 600, parts[p], 10);
    }
}

/* The call that layers make, and the joins that it takes. */
static void check_product(void) {
    size_t row[] = {0, 4, 8, 12, 16};
    nn_outer_rows rows = {4, row};
    nn_outer_product(NULL, &rows, 10, 20, a, 10, b, 20, c, 20);
    k = nn_kernels_get();
    by_parts(&(nn_outer){10, 20, 4, row, NULL, a, b, 10, 20, 20, NULL}, 0, 4, other);
    CHECK(same_bits(200, c, other));
    nn_outer_sum(&rows, 20, b, c);
    CHECK_NEAR(c[7],
               b[7] + b[27] + b[47] + b[67] + b[87] + b[107] + b[127] + b[147] + b[167] + b[187] +
                   b[207] + b[227] + b[247] + b[267] + b[287] + b[307],
               1e-3);
}

int main(void) {
    size_t most = (size_t)ROWS * 700;
    a = calloc(most, sizeof *a);
    b = calloc(most, sizeof *b);
    c = calloc(most, sizeof *c);
    other = calloc(most, sizeof *other);
    fill(most, 1, a);
    fill(most, 2, b);
    for (size_t t = 0; (k = nn_kernels_at(t)); t++)
        check_tables();
    check_product();
    free(a);
    free(b);
    free(c);
    free(other);
    return check_done();
}
