#include "data/gz.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define BUFFER_BYTES (1u << 18)
#define MOST_AT_ONCE ((size_t)1 << 30) /* zlib counts in int */

struct nn_gz {
    gzFile file;
    nn_pool pool;
    char *path;
};

int nn_gz_open(const char *path, nn_gz **out) {
    nn_gz *gz = NULL;

    *out = NULL;
    NN_TRY(NN_NEW(&gz, 1, "file"));
    gz->path = nn_pool_strdup(&gz->pool, path);
    errno = 0;
    gz->file = gz->path ? gzopen(path, "rb") : NULL;
    if (!gz->file) {
        int rc = gz->path ? nn_fail(NN_EFORMAT, "%s: cannot be opened: %s", path,
                                    errno ? strerror(errno) : "out of memory")
                          : NN_EMEMORY;
        nn_gz_close(gz);
        return rc;
    }
    (void)gzbuffer(gz->file, BUFFER_BYTES);
    *out = gz;
    return NN_OK;
}

void nn_gz_close(nn_gz *gz) {
    if (!gz)
        return;
    if (gz->file)
        (void)gzclose_r(gz->file);
    nn_pool_release(&gz->pool);
    nn_free(gz);
}

const char *nn_gz_path(const nn_gz *gz) {
    return gz->path;
}

static int fail_read(nn_gz *gz) {
    int code;
    const char *text = gzerror(gz->file, &code);

    if (code == Z_BUF_ERROR)
        return nn_fail(NN_EFORMAT, "%s: the compressed data ends too early: the file is truncated",
                       gz->path);
    if (code == Z_ERRNO)
        return nn_fail(NN_EFORMAT, "%s: cannot be read: %s", gz->path, strerror(errno));
    return nn_fail(NN_EFORMAT, "%s: the compressed data is damaged: %s", gz->path, text);
}

int nn_gz_read(nn_gz *gz, void *out, size_t size, size_t *got) {
    int code = Z_OK;

    *got = 0;
    while (*got < size) {
        size_t want = size - *got < MOST_AT_ONCE ? size - *got : MOST_AT_ONCE;
        int n = gzread(gz->file, (char *)out + *got, (unsigned)want);
        if (n < 0)
            return fail_read(gz);
        *got += (size_t)n;
        if ((size_t)n < want)
            break;
    }
    (void)gzerror(gz->file, &code);
    return *got < size && code != Z_OK && code != Z_STREAM_END ? fail_read(gz) : NN_OK;
}
