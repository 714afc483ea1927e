/* ZIP archives of more members than the format has numbers for without ZIP64. */
#define _GNU_SOURCE
#include "io/tensors/zip.h"

#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#define MEMBERS 66000

static int take(void *ctx, const char *name, const unsigned char *bytes, size_t size) {
    size_t *next = ctx;
    bool is_next = strtoul(name, NULL, 10) == *next && size == 1 + sizeof *next &&
                   bytes[0] == 'x' && memcmp(bytes + 1, next, sizeof *next) == 0;
    ++*next;
    return is_next ? 0 : nn_fail(NN_EFORMAT, "member %zu is another one", *next);
}

static void many_members(nn_pool *pool) {
    nn_zip_member *member = nn_pool_alloc(pool, MEMBERS * sizeof *member);
    size_t next = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        size_t *number = nn_pool_alloc(pool, sizeof *number);
        *number = i;
        member[i] =
            (nn_zip_member){nn_pool_printf(pool, "%zu", i), {{"x", 1}, {number, sizeof *number}}};
    }
    CHECK_EQ_INT(nn_zip_write("many.zip", member, MEMBERS), 0);
    CHECK_EQ_INT(nn_zip_read(pool, "many.zip", take, &next), 0);
    CHECK_STR(nn_error_message(), "");
    CHECK_EQ_INT(next, MEMBERS);
}

int main(void) {
    char folder[] = "/tmp/nnmpi-zip.XXXXXX";
    nn_pool pool = {0};
    if (!CHECK(mkdtemp(folder) && chdir(folder) == 0))
        return check_done();
    many_members(&pool);
    CHECK(unlink("many.zip") == 0 && rmdir(folder) == 0);
    nn_pool_release(&pool);
    return check_done();
}
