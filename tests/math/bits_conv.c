/* timeout: 60 */
/* The bits of the kernels of convolution and pooling, as bits.c. The matrices are laid out as
 * math/conv/forward.c does. Numbers and results are those of any width of vectors. */
#include "bits_products.h"

static void run_conv_rows(void) {
    hash_conv_rows(k->conv_rows, numbers);
}

static void run_conv_sums(void) {
    hash_conv_sums(k->conv_sums, numbers);
}

/* Vectors hold four pixels of each filter, so that the numbers of a filter are a run of four. */
static nn_real *four_times(size_t rows, size_t filters, size_t stride, const nn_real *from) {
    nn_real *to = take_aligned(rows * stride);
    for (size_t i = 0; i < rows * filters * 4; i++)
        to[i / (filters * 4) * stride + i % (filters * 4)] = from[i / 4];
    return to;
}

/* Sizes and strides of one case. */
typedef struct gray_case {
    size_t filters, pixel_blocks, kernel, blocks, stride, x_row;
} gray_case;

static gray_case gray_case_of(size_t filters) {
    gray_case c = {.filters = filters, .pixel_blocks = 1 + filters % 11, .kernel = 1 + filters % 5};
    c.blocks = whole(filters, k->conv_gray_filters) / k->conv_gray_filters;
    c.stride = c.blocks * k->conv_lanes;
    c.x_row = 4 * c.pixel_blocks + c.kernel;
    return c;
}

static void run_conv_gray(void) {
    for (size_t filters = 1; k->conv_gray_filters && filters < 28; filters += 2) {
        gray_case c = gray_case_of(filters);
        size_t taps = c.kernel * c.kernel;
        nn_conv_gray t = {.pixel_blocks = c.pixel_blocks, .filters = filters, .blocks = c.blocks};
        t.kernel_rows = t.kernel_cols = c.kernel, t.x_row = c.x_row;
        t.x = numbers(c.kernel * c.x_row + 8);
        t.weights = four_times(taps, filters, c.stride, numbers(taps * filters));
        t.start = four_times(1, filters, c.stride, numbers(filters));
        t.y = take(4 * c.pixel_blocks * filters);
        k->conv_gray(&t);
        hash_out(4 * c.pixel_blocks * filters, t.y);
        give_back();
    }
}

static void run_conv_gray_sums(void) {
    for (size_t filters = 1; k->conv_gray_filters && filters < 28; filters += 2) {
        gray_case c = gray_case_of(filters);
        size_t rows = 3 * c.pixel_blocks;
        nn_real *y = numbers(4 * rows * filters), *dy = take_aligned(rows * c.stride);
        nn_conv_gray_sums t = {.rows = 3, .pixel_blocks = c.pixel_blocks, .blocks = c.blocks};
        k->conv_gray_gather(rows, filters, y, dy);
        hash_columns(rows, 4 * filters, c.stride, dy);
        t.kernel_cols = c.kernel, t.x_row = c.x_row, t.dy = dy;
        t.x = numbers(3 * c.x_row + 8);
        t.sums = four_times(c.kernel, filters, c.stride, numbers(c.kernel * filters));
        k->conv_gray_sums(&t);
        hash_columns(c.kernel, 4 * filters, c.stride, t.sums);
        give_back();
    }
}

static void run_conv_remainder(void) {
    hash_conv_remainder(k->conv_remainder, numbers);
}

static void run_conv_remainder_sums(void) {
    hash_conv_remainder_sums(k->conv_remainder_sums, numbers);
}

static void run_conv_depth(void) {
    for (size_t channels = 1; channels < 70; channels += 6)
        for (size_t points = 1; points < 20; points += 5) {
            nn_conv_depth t = {.channels = channels, .points = points, .tap_rows = 3, .taps = 5};
            t.x_tap = channels, t.x_point = 2 * channels, t.x_row = (2 * points + 5) * channels;
            nn_real *x = numbers(3 * t.x_row), *start = numbers(channels);
            nn_real *sums = numbers(15 * channels);
            t.x = x, t.w = numbers(15 * channels), t.start = points % 2 ? start : NULL;
            t.y = take(points * channels), t.dy = numbers(points * channels);
            k->conv_depth(&t);
            hash_out(points * channels, t.y);
            k->conv_depth_sums(&t, sums);
            hash_out(15 * channels, sums);
            k->conv_depth_grad(&t, x);
            hash_out(3 * t.x_row, x);
            give_back();
        }
}

/* Where no windows overlap, a gradient that is written is the one that is added to zeros. */
static void check_written(const nn_pool_row *p, const nn_real *dy) {
    size_t count = p->rows * p->x_row;
    nn_real *added = take(count), *written = take(count);
    k->avg_pool_grad(p, dy, true, added);
    k->avg_pool_grad(p, dy, false, written);
    CHECK(memcmp(added, written, count * sizeof *added) == 0);
}

/* Pooling: windows that overlap and such that do not. */
static void run_pool_of(size_t channels, size_t side, size_t step) {
    enum { POINTS = 5 };
    size_t row = (POINTS * step + side) * channels, args = POINTS * channels + NN_POOL_ARG_ROOM;
    nn_pool_row p = {
        .channels = channels, .points = POINTS, .planes = 1, .rows = side, .cols = side};
    p.x_row = row, p.x_step = step * channels, p.first = 1, p.first_row = side + 1;
    p.scale = 1 / (nn_real)(side * side);
    nn_real *x = numbers(side * row), *y = take(POINTS * channels), *dx = numbers(side * row);
    nn_real *dy = numbers(POINTS * channels);
    uint8_t *arg = take_bytes(args, 0);
    k->max_pool(&p, x, y, arg);
    hash_out(POINTS * channels, y);
    hash_bytes(POINTS * channels, arg);
    k->max_pool_grad(&p, dy, arg, step < side, dx);
    hash_out(side * row, dx);
    k->avg_pool(&p, x, y);
    hash_out(POINTS * channels, y);
    k->avg_pool_grad(&p, dy, true, dx);
    hash_out(side * row, dx);
    if (step >= side)
        check_written(&p, dy);
    give_back();
}

static void run_pool(void) {
    for (size_t channels = 1; channels < 70; channels += 3) {
        run_pool_of(channels, 2, 2);
        run_pool_of(channels, 3, 2);
    }
}

/* clang-format off */
static const kernel_case cases[] = {
    ROW(conv_rows) ROW(conv_sums) ROW(conv_gray) ROW(conv_remainder) ROW(conv_remainder_sums)
    {"conv_gray_sums", run_conv_gray_sums, 2}, /* and conv_gray_gather */
    {"conv_depth", run_conv_depth, 3},         /* and its gradients */
    {"pool", run_pool, 4},                     /* largest and average, with gradients */
};
/* clang-format on */
#define CASES (sizeof cases / sizeof cases[0])

/* What else stands there in nn_kernels: three sizes, and the table of bfloat16 (bits_bf16.c). */
#define NO_CASE 4

int main(int argc, char **argv) {
    size_t bytes = offsetof(nn_kernels, sgd) - offsetof(nn_kernels, bf16);
    check_complete(cases, CASES, bytes / sizeof(void (*)(void)), NO_CASE);
    return bits_main(argc, argv, cases, CASES);
}
