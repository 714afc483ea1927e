/* Rows by speed, from made-up speeds. */
#include "train/balance/deal.h"

#include "check.h"

enum { HOLDERS = 4 };

static nn_pool pool;

static nn_shards even(size_t rows, size_t holders, size_t most) {
    nn_shards s = {0};
    CHECK_EQ_INT(nn_shards_init(&s, &pool, rows, holders), 0);
    s.most = most;
    return s;
}

/* So many moves by the same speeds; returns how much faster the first one promised to be. */
static double deal(nn_shards *s, const double *speed, int moves) {
    double gain = 0;
    for (int i = 0; i < moves; i++) {
        int64_t border[HOLDERS + 1];
        nn_deal(s, speed, border);
        CHECK(nn_shards_fit(s, s->holders + 1, border));
        if (i == 0)
            gain = nn_deal_gain(s, speed, border);
        memcpy(s->border, border, (s->holders + 1) * sizeof *border);
    }
    return gain;
}

static void check_rows(const nn_shards *s, const int64_t *rows) {
    for (size_t h = 0; h < s->holders; h++)
        CHECK_EQ_INT(s->border[h + 1] - s->border[h], rows[h]);
}

int main(void) {
    nn_shards s = even(64, 2, 63);
    CHECK_NEAR(deal(&s, (double[]){3, 3}, 9), 1, 1e-12); /* nothing to gain */
    check_rows(&s, (int64_t[HOLDERS]){32, 32});
    CHECK_NEAR(deal(&s, (double[]){300, 100}, 1), 32.0 / 24, 1e-12); /* half-way */
    check_rows(&s, (int64_t[HOLDERS]){40, 24});
    deal(&s, (double[]){300, 100}, 9);
    check_rows(&s, (int64_t[HOLDERS]){48, 16});
    deal(&s, (double[]){100, 100}, 9); /* and back */
    check_rows(&s, (int64_t[HOLDERS]){32, 32});
    deal(&s, (double[]){1e9, 1}, 99); /* at least one */
    check_rows(&s, (int64_t[HOLDERS]){63, 1});

    s = even(96, 4, 48); /* at most twice as many; what is left over goes by speed */
    deal(&s, (double[]){1000, 20, 10, 10}, 99);
    check_rows(&s, (int64_t[HOLDERS]){48, 24, 12, 12});
    s = even(5, 4, 2);
    deal(&s, (double[]){1, 1, 1, 2}, 99);
    check_rows(&s, (int64_t[HOLDERS]){1, 1, 1, 2});
    s = even(4, 4, 1); /* there is no choice */
    deal(&s, (double[]){1, 1, 1, 1000}, 9);
    check_rows(&s, (int64_t[HOLDERS]){1, 1, 1, 1});
    nn_pool_release(&pool);
    return check_done();
}
