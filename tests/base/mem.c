/* Aligned, zeroed memory and its failures; pools. */
#include "base/mem.h"

#include "base/error.h"
#include "check.h"

#include <stdalign.h>
#include <stdlib.h>

/* AddressSanitizer would end the program instead of letting malloc fail. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static bool all_zero(const void *block, size_t bytes) {
    const unsigned char *b = block;

    while (bytes > 0 && b[bytes - 1] == 0)
        bytes--;
    return bytes == 0;
}

static void check_alloc(void) {
    static const size_t counts[] = {0, 1, 63, 64, 65, 100000, 5000001}; /* the last: huge pages */

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        float *block = NULL;
        CHECK_EQ_INT(NN_NEW(&block, counts[i], "a block"), 0);
        if (!CHECK(block != NULL))
            continue;
        CHECK_EQ_INT((uintptr_t)block % NN_ALIGN, 0);
        CHECK(all_zero(block, (counts[i] * sizeof *block + NN_ALIGN - 1) / NN_ALIGN * NN_ALIGN));
        memset(block, 0xff, counts[i] * sizeof *block); /* so that the next one is dirty */
        nn_free(block);
    }
    nn_free(NULL);
    CHECK_EQ_INT(nn_align_count(1, 4), 16);
    CHECK_EQ_INT(nn_align_count(16, 4), 16);
    CHECK_EQ_INT(nn_align_count(17, 8), 24);
}

static void check_failure(void) {
    void *block = &block;

    CHECK_EQ_INT(nn_alloc(&block, SIZE_MAX / 2, 4, "the sample buffer"), NN_EMEMORY);
    CHECK(block == NULL);
    CHECK_CONTAINS(nn_error_message(), "out of memory: the sample buffer wants");
    CHECK_EQ_INT(nn_alloc(&block, (size_t)1 << 50, 1, "the sample buffer"), NN_EMEMORY);
    CHECK_STR(nn_error_message(), "out of memory: the sample buffer wants 1073741824 MiB");
    CHECK_EQ_INT(nn_alloc(&block, SIZE_MAX, 1, "it"), NN_EMEMORY);
}

static void check_pool(void) {
    nn_pool pool = {0};
    unsigned char *place[500];
    char *text;

    for (size_t i = 0; i < 500; i++) {
        size_t bytes = i == 250 ? 100000 : i;
        place[i] = nn_pool_alloc(&pool, bytes);
        if (!CHECK(place[i] != NULL))
            return;
        CHECK_EQ_INT((uintptr_t)place[i] % alignof(max_align_t), 0);
        CHECK(all_zero(place[i], bytes));
        memset(place[i], (int)(i % 256), bytes);
    }
    for (size_t i = 1; i < 500; i++)
        CHECK(place[i][0] == i % 256 && place[i][i - 1] == i % 256);
    text = nn_pool_printf(&pool, "%s-%d", "step", 12);
    CHECK_STR(text, "step-12");
    CHECK_STR(nn_pool_strdup(&pool, ""), "");
    CHECK(nn_pool_alloc(&pool, SIZE_MAX - 5) == NULL);
    CHECK_CONTAINS(nn_error_message(), "out of memory");
    nn_pool_release(&pool);
    CHECK(pool.head == NULL);
    nn_pool_release(&pool);
}

int main(void) {
    check_alloc();
    check_failure();
    check_pool();
    return check_done();
}
