/* Checks for C test programs: a failing one prints place, expression and both values, and the
 * program goes on. They are no asserts and survive NDEBUG. Ends with `return check_done();`. */
#ifndef NN_TESTS_CHECK_H
#define NN_TESTS_CHECK_H

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CHECK_SHOWN = 20 }; /* a failure in a loop should not bury the first ones */

static int check_failures;

/* Counts a failure and opens its report; false when enough were shown. */
static inline bool check_failed(const char *file, int line, const char *what) {
    check_failures++;
    if (check_failures <= CHECK_SHOWN)
        fprintf(stderr, "%s:%d: %s", file, line, what);
    return check_failures <= CHECK_SHOWN;
}

static inline bool check_true(bool ok, const char *file, int line, const char *what) {
    if (!ok && check_failed(file, line, what))
        fprintf(stderr, " does not hold\n");
    return ok;
}

static inline bool check_int(int64_t a, int64_t b, const char *file, int line, const char *what) {
    if (a != b && check_failed(file, line, what))
        fprintf(stderr, ": %" PRId64 " is not %" PRId64 "\n", a, b);
    return a == b;
}

/* Equal to an absolute tolerance; NaN is near nothing, an infinity near itself. */
static inline bool check_near(double a, double b, double tolerance, const char *file, int line,
                              const char *what) {
    bool same = a >= b && a <= b;
    bool near = same || fabs(a - b) <= tolerance;

    if (!near && check_failed(file, line, what))
        fprintf(stderr, ": %.17g is not %.17g (off by %.3g, allowed %.3g)\n", a, b, fabs(a - b),
                tolerance);
    return near;
}

static inline bool check_text(const char *a, const char *b, const char *file, int line,
                              const char *what) {
    bool same = a == b || (a && b && strcmp(a, b) == 0);

    if (!same && check_failed(file, line, what))
        fprintf(stderr, ":\n  is       \"%s\"\n  expected \"%s\"\n", a ? a : "(null)",
                b ? b : "(null)");
    return same;
}

static inline bool check_contains(const char *text, const char *part, const char *file, int line,
                                  const char *what) {
    bool found = text && strstr(text, part);

    if (!found && check_failed(file, line, what))
        fprintf(stderr, ":\n  \"%s\"\n  does not contain \"%s\"\n", text ? text : "(null)", part);
    return found;
}

/* Each yields whether it held, so that a test can stop where going on makes no sense. */
#define CHECK(cond) check_true((cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ_INT(a, b) check_int((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_NEAR(a, b, tol)                                                                      \
    check_near((double)(a), (double)(b), (double)(tol), __FILE__, __LINE__, #a " ~ " #b)
#define CHECK_STR(a, b) check_text((a), (b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_CONTAINS(text, part)                                                                 \
    check_contains((text), (part), __FILE__, __LINE__, #text " contains " #part)

/* The exit status of the test program. */
static inline int check_done(void) {
    if (check_failures)
        fprintf(stderr, "%d check%s failed\n", check_failures, check_failures == 1 ? "" : "s");
    return check_failures ? 1 : 0;
}

#endif
