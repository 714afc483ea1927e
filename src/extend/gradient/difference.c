#include "extend/gradient/difference.h"

#include <float.h>
#include <math.h>

/* Steps of central differences, each a quarter of the one before. */
enum { STEPS = 4 };
#define STEP_RATIO 4.0
#define FIRST_STEP 0.0625
/* What a float's rounding does to a sum of outputs, with room for what it does inside a layer. */
#define ROUNDING (8 * FLT_EPSILON / 2)

static double larger(double a, double b) {
    return a > b ? a : b;
}

/* The slopes with one step, up and down, and what rounding may have done to their mean. */
struct slopes {
    double up, down, mean, rounding;
};

static struct slopes slopes_at(const gradient_function *f, nn_real *x, double step) {
    nn_real kept = *x;
    volatile nn_real above = kept + (nn_real)step, below = kept - (nn_real)step; /* as floats are */
    *x = above;
    gradient_sum high = f->at(f->ctx);
    *x = below;
    gradient_sum low = f->at(f->ctx);
    *x = kept;
    double up = (double)above - (double)kept, down = (double)kept - (double)below;
    return (struct slopes){(high.value - f->here.value) / up, (f->here.value - low.value) / down,
                           (high.value - low.value) / (up + down),
                           ROUNDING * (high.size + low.size) / (up + down)};
}

/* How far the slopes are apart at a kink: the difference of up and down, without what shrinks with
 * the step as at smooth places. */
static double kink(const struct slopes *before, const struct slopes *now) {
    return fabs(STEP_RATIO * (now->up - now->down) - (before->up - before->down)) /
           (STEP_RATIO - 1);
}

/* How wrong the mean of s[k] may be: large steps leave out higher derivatives and reach over kinks,
 * which smaller ones do not; small ones drown in rounding. */
static double doubt_of(const struct slopes s[STEPS], int k) {
    double doubt = larger(fabs(s[k].mean - s[k - 1].mean) / STEP_RATIO, s[k].rounding);
    for (int finer = k + 1; finer < STEPS; finer++)
        doubt = larger(doubt, fabs(s[finer].mean - s[k].mean) - s[finer].rounding);
    return larger(doubt, kink(&s[k - 1], &s[k]));
}

double gradient_difference(const gradient_function *f, nn_real *x, double *doubt) {
    double size = fabs((double)*x), step = FIRST_STEP * (size > 1 ? size : 1);
    struct slopes s[STEPS];
    int best = 1;
    for (int k = 0; k < STEPS; k++, step /= STEP_RATIO)
        s[k] = slopes_at(f, x, step);
    for (int k = 2; k < STEPS; k++)
        best = doubt_of(s, k) < doubt_of(s, best) ? k : best;
    *doubt = doubt_of(s, best);
    return s[best].mean;
}
