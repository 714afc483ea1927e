/* Buckets and slices: each element has one owner, shares are dense and in the order of the vector.
 */
#include "check.h"
#include "dist/cut.h"

#include <stdlib.h>

/* Goes through all slices and marks who owns what; `place` is where an element stands in a share.
 */
static void mark(const nn_cut *cut, size_t *owner, size_t *place) {
    for (size_t k = 0; k < nn_cut_buckets(cut); k++)
        for (size_t o = 0; o < cut->owners + 2; o++) {
            nn_slice s = nn_cut_slice(cut, k, o), b = nn_cut_bucket(cut, k);
            CHECK(s.begin <= s.end && b.begin <= s.begin && s.end <= b.end);
            CHECK(!cut->cell || s.begin == b.end || (s.begin - b.begin) % cut->cell == 0);
            CHECK(o < cut->owners || s.begin == s.end);
            for (size_t i = s.begin; i < s.end; i++) {
                CHECK_EQ_INT(owner[i], cut->owners);
                owner[i] = o;
                place[i] = s.at + i - s.begin;
            }
        }
}

static void test_cut(size_t n, size_t bucket, size_t owners, size_t cell) {
    nn_cut cut = {n, bucket, owners, cell};
    size_t *owner = malloc((n + 1) * sizeof *owner), *place = malloc((n + 1) * sizeof *place);
    size_t *seen = calloc(owners, sizeof *seen);
    for (size_t i = 0; i < n; i++)
        owner[i] = owners;
    mark(&cut, owner, place);
    for (size_t i = 0; i < n; i++)
        if (CHECK(owner[i] < owners))
            CHECK_EQ_INT(place[i], seen[owner[i]]++);
    for (size_t o = 0; o < owners; o++)
        CHECK_EQ_INT(nn_cut_share(&cut, o), seen[o]);
    CHECK_EQ_INT(nn_cut_share(&cut, owners), 0);
    free(owner);
    free(place);
    free(seen);
}

static void test_complete(void) {
    nn_cut cut = {1000, 300, 2, 0};
    CHECK_EQ_INT(nn_cut_buckets(&cut), 4);
    CHECK_EQ_INT(nn_cut_complete(&cut, 1000), 0);
    CHECK_EQ_INT(nn_cut_complete(&cut, 701), 0);
    CHECK_EQ_INT(nn_cut_complete(&cut, 700), 1);
    CHECK_EQ_INT(nn_cut_complete(&cut, 100), 3);
    CHECK_EQ_INT(nn_cut_complete(&cut, 1), 3);
    CHECK_EQ_INT(nn_cut_complete(&cut, 0), 4);
    nn_slice last = nn_cut_bucket(&cut, 3);
    CHECK_EQ_INT(last.begin, 0);
    CHECK_EQ_INT(last.end, 100);
}

int main(void) {
    static const size_t lengths[] = {0, 1, 15, 16, 64, 100, 320, 321, 640, 1000};
    static const size_t buckets[] = {16, 64, 320, 2000};
    for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++)
        for (size_t b = 0; b < sizeof buckets / sizeof *buckets; b++)
            for (size_t owners = 1; owners <= 5; owners++)
                for (size_t cell = 0; cell <= 96; cell += 48)
                    test_cut(lengths[n], buckets[b], owners, cell);
    test_complete();
    return check_done();
}
