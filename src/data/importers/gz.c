#include "data/importers/gz.h"

#include "io/files/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define BUFFER_BYTES (1u << 18)
#define MOST_DEFLATED 1100 /* bytes that one compressed byte can stand for, and some more */
#define MOST_AT_ONCE ((size_t)1 << 30) /* zlib counts in int */

struct nn_gz {
    gzFile stream;
    nn_pool pool;
    char *path;
};

int nn_gz_open(const char *path, nn_gz **out) {
    nn_gz *file = NULL;

    *out = NULL;
    if (nn_file_exists(path))
        NN_TRY(nn_file_check(path, NN_EFORMAT));
    NN_TRY(NN_NEW(&file, 1, "file"));
    file->path = nn_pool_strdup(&file->pool, path);
    errno = 0;
    file->stream = file->path ? gzopen(path, "rb") : NULL;
    if (!file->stream) {
        int rc = file->path ? nn_fail(NN_EFORMAT, "%s: cannot be opened: %s", path,
                                      errno ? strerror(errno) : "out of memory")
                            : NN_EMEMORY;
        nn_gz_close(file);
        return rc;
    }
    (void)gzbuffer(file->stream, BUFFER_BYTES);
    *out = file;
    return NN_OK;
}

void nn_gz_close(nn_gz *file) {
    if (!file)
        return;
    if (file->stream)
        (void)gzclose_r(file->stream);
    nn_pool_release(&file->pool);
    nn_free(file);
}

uint64_t nn_gz_most(nn_gz *file) {
    struct stat status;

    if (stat(file->path, &status) < 0 || status.st_size < 0)
        return 0;
    return (uint64_t)status.st_size * (gzdirect(file->stream) ? 1 : MOST_DEFLATED);
}

static int fail_read(nn_gz *file) {
    int code;
    const char *text = gzerror(file->stream, &code);

    if (code == Z_BUF_ERROR)
        return nn_fail(NN_EFORMAT, "%s: the compressed data ends too early: the file is truncated",
                       file->path);
    if (code == Z_ERRNO)
        return nn_fail(NN_EFORMAT, "%s: cannot be read: %s", file->path, strerror(errno));
    return nn_fail(NN_EFORMAT, "%s: the compressed data is damaged: %s", file->path, text);
}

int nn_gz_read(nn_gz *file, void *out, size_t size, size_t *got) {
    int code = Z_OK;

    *got = 0;
    while (*got < size) {
        size_t want = size - *got < MOST_AT_ONCE ? size - *got : MOST_AT_ONCE;
        int n = gzread(file->stream, (char *)out + *got, (unsigned)want);
        if (n < 0)
            return fail_read(file);
        *got += (size_t)n;
        if ((size_t)n < want)
            break;
    }
    (void)gzerror(file->stream, &code);
    return *got < size && code != Z_OK && code != Z_STREAM_END ? fail_read(file) : NN_OK;
}
