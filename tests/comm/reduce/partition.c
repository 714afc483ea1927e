/* Buckets and slices: each element has one owner, shares are dense and in the order of the vector.
 */
#include "comm/reduce/partition.h"

#include "check.h"

#include <stdlib.h>

/* Goes through all slices and marks who owns what; `place` is where an element stands in a share.
 */
static void mark(const nn_partition *partition, size_t *owner, size_t *place) {
    for (size_t k = 0; k < partition->buckets; k++)
        for (size_t o = 0; o < partition->owners + 2; o++) {
            nn_slice s = nn_partition_slice(partition, k, o);
            size_t begin = partition->border[k + 1], end = partition->border[k];
            CHECK(s.begin <= s.end && begin <= s.begin && s.end <= end);
            CHECK(s.begin == begin || s.begin == end || s.begin % partition->cell == 0);
            CHECK(o < partition->owners || s.begin == s.end);
            for (size_t i = s.begin; i < s.end; i++) {
                CHECK_EQ_INT(owner[i], partition->owners);
                owner[i] = o;
                place[i] = s.at + i - s.begin;
            }
        }
}

static void test_cut(const nn_partition_spec *spec) {
    size_t n = spec->n, owners = spec->owners;
    nn_pool pool = {0};
    nn_partition partition;
    if (!CHECK_EQ_INT(nn_partition_init(&partition, &pool, spec), 0))
        return;
    for (size_t k = 0; k < partition.buckets; k++)
        CHECK(partition.border[k + 1] < partition.border[k]);
    CHECK(partition.border[0] == n && partition.border[partition.buckets] == 0);
    size_t *owner = malloc((n + 1) * sizeof *owner), *place = malloc((n + 1) * sizeof *place);
    size_t *seen = calloc(owners, sizeof *seen);
    for (size_t i = 0; i < n; i++)
        owner[i] = owners;
    mark(&partition, owner, place);
    for (size_t i = 0; i < n; i++)
        if (CHECK(owner[i] < owners))
            CHECK_EQ_INT(place[i], seen[owner[i]]++);
    for (size_t o = 0; o < owners; o++)
        CHECK_EQ_INT(nn_partition_share(&partition, o), seen[o]);
    CHECK_EQ_INT(nn_partition_share(&partition, owners), 0);
    free(owner);
    free(place);
    free(seen);
    nn_pool_release(&pool);
}

static void test_complete(void) {
    nn_partition_spec spec = {.n = 1000, .bucket = 300, .owners = 2, .cell = 1};
    nn_pool pool = {0};
    nn_partition partition;
    CHECK_EQ_INT(nn_partition_init(&partition, &pool, &spec), 0);
    CHECK_EQ_INT(partition.buckets, 4);
    CHECK_EQ_INT(nn_partition_complete(&partition, 1000), 0);
    CHECK_EQ_INT(nn_partition_complete(&partition, 701), 0);
    CHECK_EQ_INT(nn_partition_complete(&partition, 700), 1);
    CHECK_EQ_INT(nn_partition_complete(&partition, 100), 3);
    CHECK_EQ_INT(nn_partition_complete(&partition, 1), 3);
    CHECK_EQ_INT(nn_partition_complete(&partition, 0), 4);
    CHECK_EQ_INT(partition.border[3], 100);
    CHECK_EQ_INT(nn_partition_longest(&partition), 300);
    nn_pool_release(&pool);
}

/* Spans that are not to be divided are buckets, and the rest is partition as ever. */
static void test_wholes(void) {
    static const nn_span whole[] = {{0, 64}, {64, 100}, {160, 900}};
    static const size_t border[] = {1000, 944, 900, 160, 112, 100, 64, 0};
    nn_partition_spec spec = {.n = 1000, .bucket = 48, .owners = 2, .cell = 16};
    nn_pool pool = {0};
    nn_partition partition;
    for (spec.wholes = 3, spec.whole = whole; spec.owners < 5; spec.owners++)
        test_cut(&spec);
    spec.bucket = 100;
    CHECK_EQ_INT(nn_partition_init(&partition, &pool, &spec), 0);
    CHECK_EQ_INT(nn_partition_longest(&partition), 740);
    spec.bucket = 48;
    CHECK_EQ_INT(nn_partition_init(&partition, &pool, &spec), 0);
    CHECK_EQ_INT(partition.buckets, 7);
    for (size_t i = 0; i <= partition.buckets; i++)
        CHECK_EQ_INT(partition.border[i], border[i]);
    nn_pool_release(&pool);
}

int main(void) {
    static const size_t lengths[] = {0, 1, 15, 16, 64, 100, 320, 321, 640, 1000};
    static const size_t buckets[] = {16, 64, 320, 2000};
    for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++)
        for (size_t b = 0; b < sizeof buckets / sizeof *buckets; b++)
            for (size_t owners = 1; owners <= 5; owners++)
                for (size_t cell = 16; cell <= 96; cell += 40)
                    test_cut(&(nn_partition_spec){lengths[n], buckets[b], owners, cell, 0, NULL});
    test_complete();
    test_wholes();
    return check_done();
}
