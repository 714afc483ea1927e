#include "data/importers/gz.h"

#include "io/files/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define BUFFER_BYTES (1u << 18)
#define MOST_DEFLATED 1100 /* bytes that one compressed byte can stand for, and some more */
#define MOST_AT_ONCE ((size_t)1 << 30) /* zlib counts in unsigned int */
#define GZIP_BITS (16 + MAX_WBITS)     /* a header and checksum of gzip, nothing else */

struct nn_gz {
    FILE *stream;
    nn_pool pool;
    char *path;
    z_stream z;
    bool packed; /* else it is read as it stands */
    bool within; /* a member, of which there may be several behind each other */
    unsigned char buffer[BUFFER_BYTES];
};

/* More compressed bytes, where none are left; none at the end of the file. */
static int fill(nn_gz *file) {
    if (file->z.avail_in > 0)
        return NN_OK;
    errno = 0;
    file->z.next_in = file->buffer;
    file->z.avail_in = (unsigned)fread(file->buffer, 1, BUFFER_BYTES, file->stream);
    if (ferror(file->stream))
        return nn_fail(NN_EFORMAT, "%s: cannot be read: %s", file->path, strerror(errno));
    return NN_OK;
}

static int start(nn_gz *file) {
    NN_TRY(fill(file));
    file->packed =
        file->z.avail_in >= 2 && file->z.next_in[0] == 0x1f && file->z.next_in[1] == 0x8b;
    file->within = file->packed;
    return !file->packed || inflateInit2(&file->z, GZIP_BITS) == Z_OK
               ? NN_OK
               : nn_fail(NN_EMEMORY, "%s: no memory to read it", file->path);
}

int nn_gz_open(const char *path, nn_gz **out) {
    nn_gz *file = NULL;

    *out = NULL;
    if (nn_file_exists(path))
        NN_TRY(nn_file_check(path, NN_EFORMAT));
    NN_TRY(NN_NEW(&file, 1, "file"));
    file->path = nn_pool_strdup(&file->pool, path);
    errno = 0;
    file->stream = file->path ? fopen(path, "rb") : NULL;
    int rc = file->stream ? start(file)
             : file->path ? nn_fail(NN_EFORMAT, "%s: cannot be opened: %s", path, strerror(errno))
                          : NN_EMEMORY;
    if (rc < 0)
        nn_gz_close(file);
    else
        *out = file;
    return rc;
}

void nn_gz_close(nn_gz *file) {
    if (!file)
        return;
    if (file->packed)
        (void)inflateEnd(&file->z);
    if (file->stream)
        (void)fclose(file->stream);
    nn_pool_release(&file->pool);
    nn_free(file);
}

uint64_t nn_gz_most(nn_gz *file) {
    struct stat status;

    if (stat(file->path, &status) < 0 || status.st_size < 0)
        return 0;
    return (uint64_t)status.st_size * (file->packed ? MOST_DEFLATED : 1);
}

static int read_plain(nn_gz *file, unsigned char *out, size_t size, size_t *got) {
    while (*got < size) {
        NN_TRY(fill(file));
        size_t n = file->z.avail_in < size - *got ? file->z.avail_in : size - *got;
        if (n == 0)
            break;
        memcpy(out + *got, file->z.next_in, n);
        file->z.next_in += n;
        file->z.avail_in -= (unsigned)n;
        *got += n;
    }
    return NN_OK;
}

/* Behind a member: the next one, or zeros up to the end of the file, as tapes have them. *more:
 * there is one. */
static int next_member(nn_gz *file, bool *more) {
    *more = false;
    for (;;) {
        NN_TRY(fill(file));
        if (file->z.avail_in == 0)
            return NN_OK;
        if (*file->z.next_in)
            break;
        file->z.next_in++;
        file->z.avail_in--;
    }
    *more = file->within = true;
    return inflateReset(&file->z) == Z_OK
               ? NN_OK
               : nn_fail(NN_EFORMAT, "%s: the compressed data is damaged", file->path);
}

static int fail_inflate(const nn_gz *file, int code) {
    if (code == Z_MEM_ERROR)
        return nn_fail(NN_EMEMORY, "%s: no memory to read it", file->path);
    return nn_fail(NN_EFORMAT, "%s: the compressed data is damaged: %s", file->path,
                   file->z.msg ? file->z.msg : "it wants a dictionary");
}

static int read_packed(nn_gz *file, unsigned char *out, size_t size, size_t *got) {
    while (*got < size) {
        bool more = true;
        if (!file->within)
            NN_TRY(next_member(file, &more));
        if (!more)
            break;
        NN_TRY(fill(file));
        if (file->z.avail_in == 0)
            return nn_fail(NN_EFORMAT,
                           "%s: the compressed data ends too early: the file is truncated",
                           file->path);
        size_t room = size - *got < MOST_AT_ONCE ? size - *got : MOST_AT_ONCE;
        file->z.next_out = out + *got;
        file->z.avail_out = (unsigned)room;
        int code = inflate(&file->z, Z_NO_FLUSH);
        *got += room - file->z.avail_out;
        if (code == Z_STREAM_END)
            file->within = false;
        else if (code != Z_OK && code != Z_BUF_ERROR)
            return fail_inflate(file, code);
    }
    return NN_OK;
}

int nn_gz_read(nn_gz *file, void *out, size_t size, size_t *got) {
    *got = 0;
    return file->packed ? read_packed(file, out, size, got) : read_plain(file, out, size, got);
}
