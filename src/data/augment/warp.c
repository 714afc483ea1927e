#include "data/augment/warp.h"

#include "math/kernels.h"

#include <math.h>
#include <string.h>

#define REACH 2 /* pixels around an image that differ from those beyond */

/* Everything about one image. */
typedef struct image {
    int64_t high, wide;
    size_t channels;
    const nn_real *in, *fill;
    nn_real *out;
} image;

void nn_warp_then(nn_warp *warp, const nn_warp *next) {
    nn_warp old = *warp;

    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            warp->at[i][j] = old.at[i][0] * next->at[0][j] + old.at[i][1] * next->at[1][j] +
                             (j == 2 ? old.at[i][2] : 0);
}

static bool is_whole(double v) {
    return !(v < floor(v)) && !(v > floor(v));
}

/* Shifts and flips: every pixel is a pixel of the image, or beyond its edge. */
static bool is_exact(const nn_warp *w) {
    return is_whole(w->at[0][2]) && is_whole(w->at[1][2]) && fabs(w->at[0][0]) == 1 &&
           fabs(w->at[1][1]) == 1 && w->at[0][1] == 0 && w->at[1][0] == 0;
}

static void copy_pixels(const image *m, const nn_real *from, int64_t first, int64_t end,
                        nn_real *to) {
    if (end > first)
        memcpy(to + (size_t)first * m->channels, from + (size_t)first * m->channels,
               (size_t)(end - first) * m->channels * sizeof *to);
}

static int64_t clamp(int64_t v, int64_t low, int64_t high) {
    return v < low ? low : v > high ? high : v;
}

/* out[w] = in[step * w + offset] for the columns of one row, step being 1 or -1. */
static void shift_row(const image *m, const nn_real *in, const nn_real *fill, int64_t step,
                      int64_t offset, nn_real *out) {
    int64_t first = clamp(step > 0 ? -offset : offset - m->wide + 1, 0, m->wide);
    int64_t end = clamp(step > 0 ? m->wide - offset : offset + 1, first, m->wide);
    size_t c = m->channels;

    copy_pixels(m, fill, 0, first, out);
    copy_pixels(m, fill, end, m->wide, out);
    if (step > 0 && end > first)
        memcpy(out + (size_t)first * c, in + (size_t)(first + offset) * c,
               (size_t)(end - first) * c * sizeof *out);
    for (int64_t w = first; step < 0 && w < end; w++)
        for (size_t k = 0; k < c; k++)
            out[(size_t)w * c + k] = in[(size_t)(offset - w) * c + k];
}

static void shift_image(const image *m, const nn_warp *warp) {
    int64_t step[2] = {(int64_t)warp->at[0][0], (int64_t)warp->at[1][1]};
    int64_t offset[2] = {(int64_t)warp->at[0][2], (int64_t)warp->at[1][2]};
    size_t row = (size_t)m->wide * m->channels;

    for (int64_t h = 0; h < m->high; h++) {
        int64_t from = step[0] * h + offset[0];
        const nn_real *fill = m->fill + (size_t)h * row;
        nn_real *out = m->out + (size_t)h * row;
        if (from < 0 || from >= m->high)
            copy_pixels(m, fill, 0, m->wide, out);
        else
            shift_row(m, m->in + (size_t)from * row, fill, step[1], offset[1], out);
    }
}

/* A pixel of the image that goes on without end. */
static const nn_real *pixel(const image *m, int64_t h, int64_t w) {
    int64_t row = clamp(h, 0, m->high - 1), column = clamp(w, 0, m->wide - 1);
    const nn_real *from = row == h && column == w ? m->in : m->fill;

    return from + (size_t)(row * m->wide + column) * m->channels;
}

static void blend(size_t channels, const nn_real *const corner[4], nn_real down, nn_real right,
                  nn_real *out) {
    for (size_t k = 0; k < channels; k++) {
        nn_real top = corner[0][k] + right * (corner[1][k] - corner[0][k]);
        nn_real bottom = corner[2][k] + right * (corner[3][k] - corner[2][k]);
        out[k] = top + down * (bottom - top);
    }
}

/* Any place that is within reach. */
static void sample_far(const image *m, double row, double column, nn_real *out) {
    int64_t h = (int64_t)(row + REACH) - REACH, w = (int64_t)(column + REACH) - REACH;
    const nn_real *corner[4] = {pixel(m, h, w), pixel(m, h, w + 1), pixel(m, h + 1, w),
                                pixel(m, h + 1, w + 1)};

    blend(m->channels, corner, (nn_real)(row - (double)h), (nn_real)(column - (double)w), out);
}

/* A place with pixels all around. */
static void sample_near(const image *m, double row, double column, nn_real *out) {
    int64_t h = (int64_t)row, w = (int64_t)column;
    const nn_real *from = m->in + (size_t)(h * m->wide + w) * m->channels;
    size_t below = (size_t)m->wide * m->channels;
    const nn_real *corner[4] = {from, from + m->channels, from + below, from + below + m->channels};

    blend(m->channels, corner, (nn_real)(row - (double)h), (nn_real)(column - (double)w), out);
}

/* Places farther away than REACH are like those there. */
static double within_reach(double v, int64_t size) {
    double most = (double)(size - 1 + REACH);

    return v < -REACH ? -REACH : v > most ? most : v;
}

/* A row of the new image: where its places are in the old one. */
typedef struct line {
    double row, row_step, column, column_step;
} line;

static double row_of(const line *l, int64_t w) {
    return l->row + l->row_step * (double)w;
}

static double column_of(const line *l, int64_t w) {
    return l->column + l->column_step * (double)w;
}

static bool is_near(const image *m, const line *l, int64_t w) {
    double row = row_of(l, w), column = column_of(l, w);

    return row >= 0 && column >= 0 && row < (double)(m->high - 1) && column < (double)(m->wide - 1);
}

static void far_pixel(const image *m, const line *l, int64_t w, nn_real *out) {
    sample_far(m, within_reach(row_of(l, w), m->high), within_reach(column_of(l, w), m->wide),
               out + (size_t)w * m->channels);
}

/* Columns [first, end), all of them near. */
static void near_pixels(const image *m, const line *l, int64_t first, int64_t end, nn_real *out) {
    nn_bilinear b = {.image = m->in,
                     .high = (int32_t)m->high,
                     .wide = (int32_t)m->wide,
                     .row = (nn_real)row_of(l, first),
                     .row_step = (nn_real)l->row_step,
                     .column = (nn_real)column_of(l, first),
                     .column_step = (nn_real)l->column_step};

    if (m->channels == 1)
        nn_kernels_get()->bilinear((size_t)(end - first), &b, out + first);
    for (int64_t w = first; m->channels > 1 && w < end; w++)
        sample_near(m, row_of(l, w), column_of(l, w), out + (size_t)w * m->channels);
}

/* The near places of a row lie side by side: an image is convex. */
static void sample_row(const image *m, const line *l, nn_real *out) {
    int64_t first = 0, end = m->wide;

    for (; first < end && !is_near(m, l, first); first++)
        far_pixel(m, l, first, out);
    for (; end > first && !is_near(m, l, end - 1); end--)
        far_pixel(m, l, end - 1, out);
    if (end > first)
        near_pixels(m, l, first, end, out);
}

static void sample_image(const image *m, const nn_warp *warp) {
    for (int64_t h = 0; h < m->high; h++) {
        line l = {warp->at[0][0] * (double)h + warp->at[0][2], warp->at[0][1],
                  warp->at[1][0] * (double)h + warp->at[1][2], warp->at[1][1]};
        sample_row(m, &l, m->out + (size_t)(h * m->wide) * m->channels);
    }
}

void nn_warp_image(const nn_warp *warp, const nn_shape *x, const nn_real *in, const nn_real *fill,
                   nn_real *out) {
    image m = {.high = x->dim[0],
               .wide = x->dim[1],
               .channels = x->rank == 3 ? (size_t)x->dim[2] : 1,
               .in = in,
               .fill = fill,
               .out = out};

    if (is_exact(warp))
        shift_image(&m, warp);
    else
        sample_image(&m, warp);
}
