#include "train/balance/deal.h"

#include <math.h>

/* Parts, not yet whole ones, that a holder computes in so many seconds, within its bounds. */
static double parts_in(const nn_shards *now, double speed, double seconds) {
    double parts = speed * seconds;
    if (parts < 1)
        return 1;
    return parts < (double)now->most ? parts : (double)now->most;
}

/* Seconds in which all together compute all parts: the sum grows with them, so they are found by
 * halving. */
static double seconds_of_all(const nn_shards *now, const double *speed) {
    double all = (double)nn_shards_parts(now), low = 0, high, slowest = speed[0];
    for (size_t h = 1; h < now->holders; h++)
        slowest = speed[h] < slowest ? speed[h] : slowest;
    high = all / slowest;
    for (int i = 0; i < 64; i++) {
        double middle = (low + high) / 2, sum = 0;
        for (size_t h = 0; h < now->holders; h++)
            sum += parts_in(now, speed[h], middle);
        if (sum < all)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Whose parts are furthest from what it should have in the end. */
static size_t neediest(const nn_shards *now, const double *speed, double seconds,
                       const int64_t *count) {
    size_t found = 0;
    double most = -INFINITY;
    for (size_t h = 0; h < now->holders; h++) {
        double missing = parts_in(now, speed[h], seconds) - (double)count[h];
        if (count[h] < (int64_t)now->most && missing > most) {
            most = missing;
            found = h;
        }
    }
    return found;
}

void nn_deal(const nn_shards *now, const double *speed, int64_t *border) {
    int64_t *count = border + 1, left = (int64_t)nn_shards_parts(now);
    double seconds = seconds_of_all(now, speed);
    for (size_t h = 0; h < now->holders; h++) {
        double has = (double)(now->border[h + 1] - now->border[h]);
        count[h] = (int64_t)((has + parts_in(now, speed[h], seconds)) / 2);
        left -= count[h];
    }
    for (; left > 0; left--)
        count[neediest(now, speed, seconds, count)]++;
    border[0] = 0;
    for (size_t h = 0; h < now->holders; h++)
        border[h + 1] += border[h];
}

/* Seconds of the slowest for the parts that borders give it. */
static double longest(const nn_shards *now, const double *speed, const int64_t *border) {
    double seconds = 0;
    for (size_t h = 0; h < now->holders; h++) {
        double own = (double)(border[h + 1] - border[h]) / speed[h];
        seconds = own > seconds ? own : seconds;
    }
    return seconds;
}

double nn_deal_gain(const nn_shards *now, const double *speed, const int64_t *border) {
    return longest(now, speed, now->border) / longest(now, speed, border);
}
