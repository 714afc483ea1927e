/* Shapes: what is too large to count is never taken for something small. */
#include "base/shape.h"

#include "check.h"

static void test_count(void) {
    CHECK_EQ_INT(nn_shape_count(&(nn_shape){.rank = 0}), 1);
    CHECK_EQ_INT(nn_shape_count(&(nn_shape){3, {2, 3, 5}}), 30);
    CHECK_EQ_INT(nn_shape_count(&(nn_shape){2, {4, 0}}), 0);
}

static void test_overflow(void) {
    nn_shape wraps = {4, {65536, 65536, 65536, 65536}}; /* 2^64 */
    nn_shape wraps_below = {2, {INT64_MAX, 4}};
    CHECK(nn_shape_count(&wraps) == SIZE_MAX);
    CHECK(nn_shape_count(&wraps_below) == SIZE_MAX);
    CHECK(!nn_shape_fits(&wraps, 1) && !nn_shape_fits(&wraps_below, 1));
    CHECK(!nn_shape_fits(&(nn_shape){2, {-1, 3}}, 1));
}

int main(void) {
    test_count();
    test_overflow();
    return check_done();
}
