/* Memory that runs out at each allocation in turn is an error like others. */
#define _GNU_SOURCE
#include "check.h"
#include "io/digest.h"
#include "io/files/file.h"
#include "io/yaml/yaml.h"
#include "shim/fault.c"

static const char recipe[] = "data: &d {path: mnist.h5, name: '5'}\n"
                             "model:\n- conv2d: {filters: 20, kernel: [5, 3]}\n- *d\n"
                             "text: |\n  two\n  lines\n";

static int yaml_round_trip(void) {
    nn_pool pool = {0};
    nn_node *root = NULL;
    char *text = NULL;
    int rc = nn_yaml_parse(&pool, "recipe.yaml", recipe, strlen(recipe), &root);
    if (rc == 0)
        rc = nn_yaml_emit(&pool, root, &text);
    nn_pool_release(&pool);
    return rc;
}

static int file_round_trip(void) {
    nn_pool pool = {0};
    char *text = NULL;
    size_t length = 0;
    int rc = nn_file_write("io_memory.txt", recipe, strlen(recipe));
    if (rc == 0)
        rc = nn_file_read(&pool, "io_memory.txt", &text, &length);
    nn_pool_release(&pool);
    return rc;
}

static int digest_text(void) {
    char hex[NN_DIGEST_HEX];
    nn_digest *digest = NULL;
    NN_TRY(nn_digest_new(&digest));
    nn_digest_add(digest, recipe, strlen(recipe));
    nn_digest_end(digest, hex);
    return 0;
}

/* `lenient`: what notes unfinished files for a signal may do without an allocation, and so may a
 * library below, or give its failure another name. */
static void each_allocation_fails(int (*work)(void), bool lenient) {
    CHECK_EQ_INT(work(), 0); /* what is set up once is set up now */
    for (long at = 1;; at++) {
        nn_error_clear();
        fault_arm("malloc", at, false, ENOMEM, "");
        int rc = work();
        long calls = fault_calls();
        fault_arm(NULL, 0, false, 0, NULL);
        if (calls < at) {
            CHECK_EQ_INT(rc, 0);
            CHECK(at > 1);
            return;
        }
        if (!CHECK(rc == NN_EMEMORY || lenient))
            fprintf(stderr, "allocation %ld: %d\n", at, rc);
        CHECK(rc == 0 || nn_error_message()[0] != '\0');
    }
}

int main(void) {
#ifdef FAULT_NO_MALLOC
    printf("skipped: the sanitizer has the malloc family\n");
    return 77;
#endif
    each_allocation_fails(yaml_round_trip, false);
    each_allocation_fails(file_round_trip, true);
    each_allocation_fails(digest_text, true);
    CHECK_EQ_INT(unlink("io_memory.txt"), 0);
    return check_done();
}
