/* The embedding layer: rows of its table, an index that stands for nothing, and NaN for what is no
 * index at all. */
#include "small_model.h"

#define UNITS 3
#define VOCABULARY 4

static const nn_shape one = {.rank = 1, .dim = {1}};
static struct small_model s;

static const nn_real *look_up(nn_real index) {
    static nn_real x;
    x = index;
    return nn_model_forward(s.model, &(nn_pass){.batch = 1}, &x);
}

static void check_rows(void) {
    const nn_real *w = small_model_param(&s, 0);
    for (size_t i = 0; i < VOCABULARY; i++)
        for (size_t u = 0; u < UNITS; u++)
            CHECK_NEAR(look_up((nn_real)i)[u], i == 2 ? 0 : w[i * UNITS + u], 0);
}

static void check_no_index(void) {
    static const double wrong[] = {-1, -1e-9, VOCABULARY, 0.5, 1e30, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (size_t u = 0; u < UNITS; u++)
            CHECK(isnan(look_up((nn_real)wrong[i])[u]));
}

static void check_shape(void) {
    nn_shape out = nn_model_output_shape(s.model);
    CHECK_EQ_INT(out.rank, 2);
    CHECK_EQ_INT(out.dim[0], 1);
    CHECK_EQ_INT(out.dim[1], UNITS);
}

int main(void) {
    if (small_model_new(&s, "[embedding: {vocabulary: 4, units: 3, padding_idx: 2}]", one, NULL,
                        NULL)) {
        check_shape();
        check_rows();
        check_no_index();
        small_model_release(&s);
    }
    CHECK(small_model_set_up(&s, "[embedding: {vocabulary: 4, units: 3, padding_idx: 4}]", one,
                             NULL, NULL) == NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "padding_idx 4");
    small_model_release(&s);
    return check_done();
}
