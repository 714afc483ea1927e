/* Digits that look written by hand: each is a few pen strokes, curves through points that are moved
 * at random, then turned, slanted, stretched and shifted, and drawn with a pen of random width. */
#include "base/numbers/elementary.h"
#include "data/sources/make.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { STROKES = 2, POINTS = 13 };
#define PIECES 12 /* straight lines between two points */
enum { MAX_SIZE = 1024 };

/* In hundredths of the image, from its upper left corner. A point that stands twice is a corner,
 * {0, 0} the end. */
typedef unsigned char stroke[POINTS + 1][2];

/* Two ways to write each digit. */
static const stroke shapes[10][2][STROKES] = {
    {{{{50, 12}, {28, 26}, {22, 52}, {32, 80}, {52, 88}, {72, 74}, {78, 48}, {68, 20}, {50, 12}}},
     {{{58, 14}, {36, 20}, {28, 52}, {38, 84}, {60, 82}, {70, 50}, {62, 20}, {46, 12}}}},
    {{{{50, 12}, {50, 50}, {50, 88}}}, {{{32, 30}, {54, 12}, {54, 12}, {54, 50}, {54, 88}}}},
    {{{{26, 30},
       {38, 13},
       {60, 12},
       {74, 26},
       {66, 46},
       {44, 68},
       {24, 87},
       {24, 87},
       {50, 86},
       {78, 87}}},
     {{{28, 26},
       {46, 12},
       {66, 20},
       {66, 42},
       {46, 72},
       {30, 86},
       {24, 76},
       {38, 72},
       {58, 86},
       {78, 82}}}},
    {{{{26, 20},
       {46, 11},
       {68, 18},
       {68, 36},
       {46, 47},
       {46, 47},
       {70, 54},
       {76, 72},
       {58, 88},
       {36, 87},
       {22, 78}}},
     {{{26, 13}, {70, 13}, {70, 13}, {46, 42}, {46, 42}, {70, 52}, {72, 74}, {52, 88}, {26, 80}}}},
    {{{{32, 13}, {26, 54}, {26, 54}, {52, 55}, {78, 52}}, {{64, 14}, {62, 50}, {60, 88}}},
     {{{64, 88}, {64, 50}, {64, 12}, {64, 12}, {22, 62}, {22, 62}, {80, 62}}}},
    {{{{72, 13},
       {34, 13},
       {34, 13},
       {30, 44},
       {30, 44},
       {50, 38},
       {72, 50},
       {74, 70},
       {58, 87},
       {38, 88},
       {22, 80}}},
     {{{34, 16}, {30, 46}, {30, 46}, {54, 42}, {72, 58}, {66, 82}, {42, 88}, {24, 80}},
      {{34, 16}, {54, 15}, {74, 12}}}},
    {{{{66, 12},
       {42, 28},
       {28, 52},
       {28, 76},
       {46, 88},
       {66, 82},
       {74, 66},
       {62, 53},
       {42, 56},
       {29, 70}}},
     {{{48, 12}, {36, 40}, {32, 70}, {44, 88}, {62, 84}, {66, 66}, {52, 58}, {36, 68}}}},
    {{{{24, 14}, {50, 14}, {76, 14}, {76, 14}, {56, 50}, {44, 88}}},
     {{{24, 20}, {50, 15}, {76, 14}, {76, 14}, {60, 50}, {52, 88}}, {{40, 50}, {74, 48}}}},
    {{{{68, 22},
       {50, 12},
       {32, 22},
       {38, 40},
       {60, 54},
       {72, 70},
       {62, 86},
       {42, 88},
       {28, 76},
       {38, 56},
       {60, 42},
       {68, 22}}},
     {{{50, 47},
       {34, 34},
       {40, 14},
       {60, 13},
       {66, 32},
       {50, 47},
       {32, 62},
       {34, 84},
       {58, 88},
       {70, 72},
       {50, 47}}}},
    {{{{70, 30},
       {54, 12},
       {34, 16},
       {27, 34},
       {38, 50},
       {58, 47},
       {70, 30},
       {70, 30},
       {70, 56},
       {64, 88}}},
     {{{68, 20},
       {44, 13},
       {30, 30},
       {42, 48},
       {64, 40},
       {68, 20},
       {68, 20},
       {70, 54},
       {58, 80},
       {34, 87}}}},
};

typedef struct digits_options {
    int64_t size;
    double distort, noise;
} digits_options;

static const nn_option digits_table[] = {
    {"size", NN_OPT_INT, offsetof(digits_options, size), "28", "[8, 1024]",
     "height and width of an image"},
    {"distort", NN_OPT_REAL, offsetof(digits_options, distort), "1", "[0, 2]",
     "how much samples of a digit differ in shape and place; 0: only in the way it is written"},
    {"noise", NN_OPT_REAL, offsetof(digits_options, noise), "0.1", "[0, 1]",
     "standard deviation of the noise on a pixel, which is 0 to 1"},
    NN_OPTION_END,
};

/* Numbers of a sample's stream. */
enum { AT_AFFINE = 0, AT_CHOICE = 8, AT_POINTS = 16, AT_NOISE = 1024 };

/* An image and the pen that draws on it, in pixels. */
typedef struct canvas {
    int64_t size;
    nn_real *pixel; /* [size][size], 0 to 1 */
    double radius;
} canvas;

typedef struct point {
    double x, y;
} point;

/* Where the points of the shape come to lie: p -> (xx, xy; yx, yy) (p - centre) + (x, y). */
typedef struct hand {
    double xx, xy, yx, yy, x, y, jitter;
    nn_rng rng;
    uint64_t next; /* number of the stream */
} hand;

static hand hand_of(const digits_options *o, nn_rng rng, canvas *c) {
    nn_real u[8];
    double at[8], size = (double)o->size;
    nn_circle turn;

    nn_rng_uniform(&rng, AT_AFFINE, 8, u);
    for (int i = 0; i < 8; i++)
        at[i] = o->distort * (2 * (double)u[i] - 1);
    turn = nn_circle_at(0.05 * at[0]);
    double wide = size * (0.75 + 0.25 * at[1]), high = size * (0.8 + 0.15 * at[2]),
           slant = 0.3 * at[3];
    c->radius = size * (0.045 + 0.015 * at[6]);
    return (hand){.xx = turn.cosine * wide,
                  .xy = (slant * turn.cosine - turn.sine) * high,
                  .yx = turn.sine * wide,
                  .yy = (slant * turn.sine + turn.cosine) * high,
                  .x = size * (0.5 + 0.1 * at[4]),
                  .y = size * (0.5 + 0.08 * at[5]),
                  .jitter = 0.03 * o->distort,
                  .rng = rng,
                  .next = AT_POINTS};
}

static point place(hand *h, const unsigned char at[2]) {
    nn_real moved[2];

    nn_rng_normal(&h->rng, h->next, 2, moved);
    h->next += 2;
    double x = at[0] / 100.0 - 0.5 + h->jitter * (double)moved[0];
    double y = at[1] / 100.0 - 0.5 + h->jitter * (double)moved[1];
    return (point){h->xx * x + h->xy * y + h->x, h->yx * x + h->yy * y + h->y};
}

static double within(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}

/* A pixel has as much ink as its middle is inside the pen, with a border of one pixel. */
static void draw_line(canvas *c, point a, point b) {
    double dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy, reach = c->radius + 1;
    double last = (double)c->size - 1;
    int64_t left = (int64_t)within(fmin(a.x, b.x) - reach, 0, last);
    int64_t right = (int64_t)within(fmax(a.x, b.x) + reach, 0, last);
    int64_t top = (int64_t)within(fmin(a.y, b.y) - reach, 0, last);
    int64_t bottom = (int64_t)within(fmax(a.y, b.y) + reach, 0, last);

    for (int64_t i = top; i <= bottom; i++) {
        for (int64_t k = left; k <= right; k++) {
            double x = (double)k + 0.5 - a.x, y = (double)i + 0.5 - a.y;
            double along = squared > 0 ? within((x * dx + y * dy) / squared, 0, 1) : 0;
            double away =
                sqrt((x - along * dx) * (x - along * dx) + (y - along * dy) * (y - along * dy));
            nn_real ink = (nn_real)within(c->radius + 0.5 - away, 0, 1);
            nn_real *pixel = &c->pixel[i * c->size + k];
            *pixel = ink > *pixel ? ink : *pixel;
        }
    }
}

/* The curve of Catmull and Rom (1974) from b to c, whose neighbours are a and d. */
static point curve_at(point a, point b, point c, point d, double t) {
    double s[4] = {t * (t * (2 - t) - 1), t * t * (3 * t - 5) + 2, t * (t * (4 - 3 * t) + 1),
                   t * t * (t - 1)};

    return (point){(s[0] * a.x + s[1] * b.x + s[2] * c.x + s[3] * d.x) / 2,
                   (s[0] * a.y + s[1] * b.y + s[2] * c.y + s[3] * d.y) / 2};
}

static void draw_stroke(canvas *c, hand *h, const stroke at) {
    point p[POINTS];
    int n = 0;

    for (; at[n][0]; n++)
        p[n] = n > 0 && memcmp(at[n], at[n - 1], 2) == 0 ? p[n - 1] : place(h, at[n]);
    for (int i = 0; i + 1 < n; i++) {
        point from = p[i];
        for (int k = 1; k <= PIECES; k++) {
            point to = curve_at(p[i > 0 ? i - 1 : i], p[i], p[i + 1], p[i + 2 < n ? i + 2 : i + 1],
                                (double)k / PIECES);
            draw_line(c, from, to);
            from = to;
        }
    }
}

/* Noise, and numbers as bytes hold them. */
static void expose(const digits_options *o, const nn_rng *rng, nn_real ink, canvas *c) {
    nn_real noise[MAX_SIZE];

    for (int64_t i = 0; i < c->size; i++) {
        nn_real *row = c->pixel + i * c->size;
        nn_rng_normal(rng, (uint64_t)(AT_NOISE + i * MAX_SIZE), (size_t)c->size, noise);
        for (int64_t k = 0; k < c->size; k++) {
            double value = (double)ink * (double)row[k] + o->noise * (double)noise[k];
            row[k] = (nn_real)floor(255 * within(value, 0, 1) + 0.5);
        }
    }
}

static int digits_plan(const void *options, nn_made *made) {
    int64_t size = ((const digits_options *)options)->size;

    *made = (nn_made){.x = {2, {size, size}}, .classes = 10, .pixels = true};
    return NN_OK;
}

static void digits_row(const void *options, uint64_t seed, int64_t i, nn_real *x, double *y) {
    const digits_options *o = options;
    nn_rng rng = nn_rng_stream(seed, NN_RNG_DATA, 0, (uint64_t)i);
    canvas c = {.size = o->size, .pixel = x};
    hand h = hand_of(o, rng, &c);
    nn_real choice[2];

    nn_rng_uniform(&rng, AT_CHOICE, 2, choice);
    memset(x, 0, (size_t)(o->size * o->size) * sizeof *x);
    for (int s = 0; s < STROKES; s++)
        draw_stroke(&c, &h, shapes[i % 10][choice[0] < 0.5f][s]);
    expose(o, &rng, 1 - choice[1] / 4, &c);
    *y = (double)(i % 10);
}

const nn_generator_ops nn_generator_digits = {
    .entry =
        {"digits",
         "Digits as if written by hand, in grey: pen strokes of random shape, place and width.",
         digits_table, sizeof(digits_options)},
    .plan = digits_plan,
    .row = digits_row,
};
