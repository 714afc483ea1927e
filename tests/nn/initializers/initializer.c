/* Initialisers: means and variances, bounds, orthogonality, and the same numbers however the work
 * is cut. A row without a case fails the test. */
#include "nn/initializers/initializer.h"

#include "check.h"
#include "math/parallel.h"
#include "rows.h"

#include <math.h>

static nn_compute compute;

#define ROWS 300
#define COLS 200
#define COUNT ((size_t)ROWS * COLS)

static const nn_fan fan = {.in = 200, .out = 300, .rows = ROWS, .cols = COLS};

static int fill(const char *yaml, const nn_fan *shape, uint64_t seed, nn_real *w) {
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;
    nn_rng rng = nn_rng_stream(seed, NN_RNG_INIT, nn_hash_text("fc1/weight"), 0);
    int rc = row_bind(&pool, &nn_initializers, yaml, &row, &options);

    if (rc == 0)
        rc = ((const nn_initializer_ops *)row)->fill(&options, &compute, &rng, shape, w);
    nn_pool_release(&pool);
    return rc;
}

/* Moments; kurtosis tells a uniform distribution (1.8) from a normal one (3). */
static const struct moments_case {
    const char *yaml;
    double mean, std, kurtosis; /* kurtosis 0: a constant */
} cases[] = {
    {"zeros", 0, 0, 0},
    {"{constant: {value: -0.25}}", -0.25, 0, 0},
    {"normal", 0, 0.05, 3},
    {"{normal: {mean: 2, std: 0.5}}", 2, 0.5, 3},
    {"uniform", 0, 0.05 / 1.7320508, 1.8},
    {"{uniform: {r: 3}}", 0, 1.7320508, 1.8},
    {"xavier_uniform", 0, 0.06324555, 1.8}, /* sqrt(2/500) */
    {"xavier_normal", 0, 0.06324555, 3},
    {"{xavier_normal: {gain: 2}}", 0, 0.1264911, 3},
    {"glorot_uniform", 0, 0.06324555, 1.8},
    {"glorot_normal", 0, 0.06324555, 3},
    {"he_uniform", 0, 0.1, 1.8}, /* sqrt(2/200) */
    {"he_normal", 0, 0.1, 3},
    {"{he_normal: {slope: 1}}", 0, 0.07071068, 3},
    {"{he_normal: {fan: out}}", 0, 0.08164966, 3}, /* sqrt(2/300) */
    {"kaiming_uniform", 0, 0.1, 1.8},
    {"kaiming_normal", 0, 0.1, 3},
    {"lecun_uniform", 0, 0.07071068, 1.8}, /* sqrt(1/200) */
    {"lecun_normal", 0, 0.07071068, 3},
    {"{lecun_uniform: {gain: 3}}", 0, 0.21213203, 1.8},
    {"orthogonal", 0, 0.05773503, 3}, /* columns of length 1 in 300 dimensions */
};

/* Five standard errors of each moment of 60,000 numbers. */
static void check_moments(const struct moments_case *c) {
    static nn_real w[COUNT];
    double sum = 0, second = 0, fourth = 0, error = sqrt(1.0 / COUNT);
    int before = check_failures;

    CHECK(fill(c->yaml, &fan, 11, w) == 0);
    for (size_t i = 0; i < COUNT; i++)
        sum += (double)w[i];
    double mean = sum / COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        double d = (double)w[i] - mean;
        second += d * d / COUNT;
        fourth += d * d * d * d / COUNT;
    }
    CHECK_NEAR(mean, c->mean, 5 * error * c->std);
    CHECK_NEAR(sqrt(second), c->std, 5 * error * c->std);
    if (c->kurtosis > 0)
        CHECK_NEAR(fourth / (second * second), c->kurtosis, 5 * error * sqrt(24));
    for (size_t i = 0; c->kurtosis > 0 && c->kurtosis < 2 && i < COUNT; i++)
        CHECK(fabs((double)w[i]) <= c->std * sqrt(3) * (1 + 1e-6));
    if (check_failures > before)
        fprintf(stderr, "... for %s\n", c->yaml);
}

/* The same bits with one thread and with three, and for the shape that begins the same way. */
static void check_cuts(const struct moments_case *c) {
    static nn_real one[COUNT], three[COUNT], other[COUNT];
    nn_fan half = fan;

    CHECK(fill(c->yaml, &fan, 4, one) == 0);
    compute.threads = 3;
    CHECK(fill(c->yaml, &fan, 4, three) == 0);
    compute.threads = 1;
    if (!CHECK(memcmp(one, three, sizeof one) == 0))
        fprintf(stderr, "... for %s\n", c->yaml);
    CHECK(fill(c->yaml, &fan, 5, other) == 0);
    CHECK((memcmp(one, other, sizeof one) == 0) == (c->kurtosis <= 0));
    half.rows /= 2;
    if (strcmp(c->yaml, "orthogonal") != 0) {
        CHECK(fill(c->yaml, &half, 4, other) == 0);
        CHECK(memcmp(one, other, sizeof one / 2) == 0);
    }
}

static double product(const nn_real *a, const nn_real *b, size_t n, size_t stride) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i * stride] * (double)b[i * stride];
    return sum;
}

static void check_orthogonal(size_t rows, size_t cols, const char *yaml, double square) {
    static nn_real w[COUNT];
    nn_fan shape = {.in = (int64_t)cols, .out = (int64_t)rows, .rows = rows, .cols = cols};
    bool by_row = rows <= cols;
    size_t k = by_row ? rows : cols, n = by_row ? cols : rows;
    size_t from = by_row ? cols : 1, stride = by_row ? 1 : cols;

    CHECK(fill(yaml, &shape, 2, w) == 0);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j <= i; j++)
            CHECK_NEAR(product(w + i * from, w + j * from, n, stride), i == j ? square : 0, 1e-6);
}

static bool has_case(const char *row) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].yaml + (cases[i].yaml[0] == '{');
        size_t length = strlen(row);
        if (strncmp(name, row, length) == 0 && (!name[length] || name[length] == ':'))
            return true;
    }
    return false;
}

static void check_refused(const char *yaml, const char *part) {
    nn_real w[6];
    nn_fan small = {3, 2, 2, 3};

    CHECK_EQ_INT(fill(yaml, &small, 1, w), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), part);
}

int main(void) {
    for (const nn_entry *const *row = nn_initializers.rows; *row; row++) {
        const nn_initializer_ops *ops = (const nn_initializer_ops *)*row;
        bool flat = strcmp((*row)->name, "zeros") == 0 || strcmp((*row)->name, "constant") == 0;
        if (!CHECK(has_case((*row)->name)) || !CHECK(ops->symmetric == flat))
            fprintf(stderr, "... for %s\n", (*row)->name);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_moments(&cases[i]);
        check_cuts(&cases[i]);
    }
    check_orthogonal(100, 100, "orthogonal", 1);
    check_orthogonal(20, 130, "orthogonal", 1);
    check_orthogonal(130, 20, "{orthogonal: {gain: 0.5}}", 0.25);
    check_orthogonal(1, 7, "orthogonal", 1);
    check_refused("constant", "value");
    check_refused("{normal: {std: 0}}", "out of range");
    check_refused("xavier", "unknown initializer 'xavier'");
    return check_done();
}
