/* What the data tests share: a private folder, small files, failures with their messages. */
#ifndef NN_TESTS_DATA_DATA_FILES_H
#define NN_TESTS_DATA_DATA_FILES_H

#include "check.h"
#include "data/dataset.h"
#include "data/sources/open.h"
#include "io/hdf5/h5.h"
#include "io/yaml/yaml.h"

#include <stdlib.h>
#include <unistd.h>

/* Makes a new folder the working folder; leave_folder removes it with all files in it. */
static char test_folder[] = "/tmp/nnmpi-test-XXXXXX";

static inline void enter_folder(void) {
    if (!mkdtemp(test_folder) || chdir(test_folder) != 0) {
        perror(test_folder);
        exit(1);
    }
}

static inline void leave_folder(void) {
    char command[128];

    snprintf(command, sizeof command, "cd / && rm -rf '%s'", test_folder);
    if (system(command) != 0)
        perror(test_folder);
}

static inline void put_bytes(const char *path, const void *bytes, size_t length) {
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(bytes, 1, length, f) != length || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static inline void put_text(const char *path, const char *text) {
    put_bytes(path, text, strlen(text));
}

/* A data set in a file: name, type, dimensions (0: end), numbers. */
static inline void put_array(nn_h5 *file, const char *name, nn_dtype type, int rank, int64_t rows,
                             int64_t columns, const void *data) {
    int64_t dim[2] = {rows, columns};

    CHECK(nn_h5_write(file, name, type, rank, dim, 0, 0, data) == 0);
}

/* Opens what a `data:` map in YAML says. */
static inline int open_yaml(const char *text, nn_dataset **ds) {
    static nn_pool pool; /* the nodes live as long as the program */
    nn_node *root;

    *ds = NULL;
    if (nn_yaml_parse(&pool, "test.yaml", text, strlen(text), &root) < 0)
        return -1;
    return nn_dataset_open(root, NULL, ds);
}

/* The call fails with this code and a message that contains the text. */
#define CHECK_FAILS(call, code, part)                                                              \
    do {                                                                                           \
        nn_error_clear();                                                                          \
        CHECK_EQ_INT((call), (code));                                                              \
        CHECK_CONTAINS(nn_error_message(), (part));                                                \
    } while (0)

#define CHECK_WORKS(call)                                                                          \
    do {                                                                                           \
        if (!CHECK((call) >= 0))                                                                   \
            fprintf(stderr, "  %s\n", nn_error_message());                                         \
    } while (0)

#endif
