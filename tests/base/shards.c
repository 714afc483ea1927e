/* Shards of a minibatch: even ones, those of whole microbatches, and others. */
#include "base/shards.h"

#include "check.h"

enum { MOST_HOLDERS = 9, MOST_ROWS = 70 };

/* Every row has one holder, and nobody has more than memory is made for. */
static void check_whole(const nn_shards *s) {
    for (size_t rows = 0; rows < MOST_ROWS; rows++) {
        size_t end = 0;
        for (size_t h = 0; h < s->holders; h++) {
            nn_span own = nn_shards_rows(s, rows, h);
            CHECK_EQ_INT(own.begin, end);
            CHECK(own.end >= own.begin && own.end - own.begin <= nn_shards_most(s, rows));
            end = own.end;
        }
        CHECK_EQ_INT(end, rows);
        nn_span some = nn_shards_rows_of(s, rows, 0, s->holders);
        CHECK(some.begin == 0 && some.end == rows);
    }
}

static void check_even(size_t holders, size_t parts) {
    nn_pool pool = {0};
    nn_shards s;
    CHECK_EQ_INT(nn_shards_init(&s, &pool, parts, holders), 0);
    CHECK_EQ_INT(nn_shards_parts(&s), parts);
    check_whole(&s);
    for (size_t rows = 0; rows < MOST_ROWS; rows++)
        for (size_t h = 0; h < holders; h++) {
            nn_span leaves = nn_even_span(parts, h, holders), own = nn_shards_rows(&s, rows, h);
            CHECK_EQ_INT(own.begin, nn_even_span(rows, leaves.begin, parts).begin);
            CHECK_EQ_INT(own.end, nn_even_span(rows, leaves.end, parts).begin);
        }
    nn_pool_release(&pool);
}

static void check_moved(void) {
    const int64_t good[] = {0, 1, 9, 12},
                  poor[][4] = {{1, 2, 9, 12},  {0, 1, 9, 11},        {0, 0, 6, 12},
                               {0, 2, 11, 12}, {0, 9, 1, 12},        {0, 1, 12, 12},
                               {0, -1, 7, 12}, {0, 1, INT64_MAX, 12}};
    nn_pool pool = {0};
    nn_shards s;
    CHECK_EQ_INT(nn_shards_init(&s, &pool, 12, 3), 0);
    CHECK_EQ_INT(s.most, 4);
    CHECK(nn_shards_fit(&s, 4, s.border));
    CHECK(!nn_shards_fit(&s, 4, good));
    s.most = 8;
    CHECK(nn_shards_fit(&s, 4, good));
    CHECK(!nn_shards_fit(&s, 3, good));
    for (size_t i = 0; i < sizeof poor / sizeof *poor; i++)
        CHECK(!nn_shards_fit(&s, 4, poor[i]));
    memcpy(s.border, good, sizeof good);
    check_whole(&s);
    CHECK_EQ_INT(nn_shards_rows(&s, 12, 1).end, 9);
    CHECK_EQ_INT(nn_shards_rows(&s, 24, 1).begin, 2);
    nn_pool_release(&pool);
}

int main(void) {
    for (size_t holders = 1; holders <= MOST_HOLDERS; holders++)
        for (size_t parts = holders; parts < 3 * MOST_HOLDERS; parts++)
            check_even(holders, parts);
    check_moved();
    return check_done();
}
