/* Elementary functions against libm's in long double, and the bits that they have everywhere. */
#include "base/numbers/elementary.h"

#include "check.h"

#include <stdlib.h>

enum { SAMPLES = 200000 };

static uint64_t state = 1;

/* In [0, 1). */
static double next_number(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

static double next_in(double low, double high) {
    return low + (high - low) * next_number();
}

/* Of doubles near y. */
static double last_place(double y) {
    int exponent;
    frexp(y, &exponent);
    return ldexp(1, exponent < -1021 ? -1074 : exponent - 53);
}

/* True where the error is at most so many units of the last place. */
static bool is_near(double got, long double want, double units) {
    return fabsl((long double)got - want) <= (long double)(units * last_place((double)want));
}

static void check_exponential(void) {
    for (int i = 0; i < SAMPLES; i++) {
        double x = i % 2 ? next_in(-744, 709.7) : next_in(-2, 2);
        if (!CHECK(is_near(nn_exponential(x), expl(x), 0.9)))
            fprintf(stderr, "  at %a\n", x);
    }
    CHECK_NEAR(nn_exponential(0), 1, 0);
    CHECK_NEAR(nn_exponential(-745), 0x1p-1074, 0);
    CHECK_NEAR(nn_exponential(-746), 0, 0);
    CHECK_NEAR(nn_exponential(710), INFINITY, 0);
    CHECK_NEAR(nn_exponential(-INFINITY), 0, 0);
    CHECK_NEAR(nn_exponential(INFINITY), INFINITY, 0);
    CHECK(isnan(nn_exponential(NAN)));
}

static void check_logarithm(void) {
    for (int i = 0; i < SAMPLES; i++) {
        double x = i % 3 == 0 ? next_number() : ldexp(next_number(), (int)next_in(-1070, 1023));
        x = i % 3 == 1 ? next_in(0.9, 1.1) : x;
        if (x > 0 && !CHECK(is_near(nn_logarithm(x), logl(x), 0.6)))
            fprintf(stderr, "  at %a\n", x);
    }
    CHECK_NEAR(nn_logarithm(1), 0, 0);
    CHECK_NEAR(nn_logarithm(0), -INFINITY, 0);
    CHECK_NEAR(nn_logarithm(INFINITY), INFINITY, 0);
    CHECK(isnan(nn_logarithm(-1)) && isnan(nn_logarithm(NAN)));
}

static void check_power(void) {
    for (int i = 0; i < SAMPLES; i++) {
        double x = i % 2 ? next_in(0.1, 3) : next_in(0.99, 1.001);
        double y = i % 3 ? floor(next_in(0, 1000)) : next_in(-10, 10),
               log = fabs(y * nn_logarithm(x));
        if (log < 700 && !CHECK(is_near(nn_power(x, y), powl(x, y), log < 23 ? 1.2 : 40)))
            fprintf(stderr, "  at %a, %a\n", x, y);
    }
    CHECK_NEAR(nn_power(0, 0), 1, 0);
    CHECK_NEAR(nn_power(0, 2), 0, 0);
    CHECK_NEAR(nn_power(0.1, 1), 0.1, 0);
    CHECK_NEAR(nn_power(2, 1023), 0x1p1023, 0);
    CHECK_NEAR(nn_power(2, 1024), INFINITY, 0);
    CHECK_NEAR(nn_power(0.5, 1074), 0x1p-1074, 0);
    CHECK_NEAR(nn_power(1, 0x1p899), 1, 0);
    CHECK_NEAR(nn_power(INFINITY, -1), 0, 0);
    CHECK(isnan(nn_power(-1, 2)) && isnan(nn_power(NAN, 2)) && isnan(nn_power(2, NAN)));
}

/* From radians within a quarter turn, where long double's two pi errs by less than 2^-60. */
static void check_circle(void) {
    const long double quarter = 1.570796326794896619231321691639751442L;
    static const double cosine_of[] = {1, 0, -1, 0};

    for (int i = 0; i < SAMPLES; i++) {
        double turns = next_in(-0.125, 0.125);
        nn_circle at = nn_circle_at(turns), on = nn_circle_at(turns + 8);
        if (!CHECK(is_near(at.sine, sinl(4 * turns * quarter), 1.9)) ||
            !CHECK(is_near(at.cosine, cosl(4 * turns * quarter), 1.9)))
            fprintf(stderr, "  at %a\n", turns);
        CHECK_NEAR(on.sine, at.sine, 0x1p-47);
        CHECK_NEAR(on.cosine, at.cosine, 0x1p-47);
    }
    for (int q = -8; q < 8; q++) {
        nn_circle at = nn_circle_at(0.25 * q), between = nn_circle_at(0.25 * q + 0.0625);
        double angle = 6.283185307179586 * (0.25 * q + 0.0625);
        CHECK_NEAR(at.cosine, cosine_of[(q + 8) % 4], 0);
        CHECK_NEAR(at.sine, cosine_of[(q + 11) % 4], 0);
        CHECK_NEAR(between.cosine, cos(angle), 1e-14);
        CHECK_NEAR(between.sine, sin(angle), 1e-14);
    }
    CHECK(isnan(nn_circle_at(INFINITY).sine));
}

static uint64_t hash; /* FNV-1a (Fowler, Noll, Vo) of the results */

static void add(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    for (int byte = 0; byte < 8; byte++)
        hash = (hash ^ (u >> 8 * byte & 0xff)) * 0x100000001b3u;
}

static void check_hash(const char *name, uint64_t golden) {
    if (!CHECK(hash == golden))
        fprintf(stderr, "  %s: 0x%016" PRIx64 "\n", name, hash);
    hash = 0xcbf29ce484222325u;
}

/* The same on every processor and with every compiler and C library. */
static void check_bits(void) {
    state = 1;
    hash = 0xcbf29ce484222325u;
    for (int i = 0; i < SAMPLES; i++)
        add(nn_exponential(next_in(-750, 710)));
    check_hash("exponential", 0x2a2d15acbf82c1d5u);
    for (int i = 0; i < SAMPLES; i++) {
        double x = next_number();
        add(nn_logarithm(ldexp(x, (int)next_in(-1070, 1023))));
    }
    check_hash("logarithm", 0x427c32df25a59815u);
    for (int i = 0; i < SAMPLES; i++) {
        double x = next_in(0, 2);
        add(nn_power(x, floor(next_in(0, 100))));
    }
    check_hash("power", 0x71e60d5f5dd077b2u);
    for (int i = 0; i < SAMPLES; i++) {
        nn_circle at = nn_circle_at(next_in(-3, 3));
        add(at.cosine);
        add(at.sine);
    }
    check_hash("circle", 0x0e99519219b4b121u);
}

int main(void) {
    check_exponential();
    check_logarithm();
    check_power();
    check_circle();
    check_bits();
    return check_done();
}
