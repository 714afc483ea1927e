#include "train/checkpoint/trailer.h"

#include "base/mem.h"
#include "base/system/progress.h"
#include "io/digest.h"
#include "io/files/descriptor.h"
#include "io/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TRAILER_BYTES = 128,
    PIECE = 1 << 18 /* bytes, read, hashed and written while they are in a cache */
};

static const char trailer_format[] = "\nnnmpi-checkpoint sha256 %s of %" PRId64 " bytes";

struct nn_trailer {
    const char *path; /* the caller's */
    int fd;
    int64_t at, length; /* bytes hashed, bytes of the file */
    nn_digest *digest;
    char piece[PIECE];
};

/* The trailer of `length` bytes with this digest, blanks and a newline up to its fixed size. */
static void make_trailer(char trailer[TRAILER_BYTES + 1], const char *hex, int64_t length) {
    char text[TRAILER_BYTES];

    snprintf(text, sizeof text, trailer_format, hex, length);
    snprintf(trailer, TRAILER_BYTES + 1, "%-*s\n", TRAILER_BYTES - 1, text);
}

/* Reads up to `count` bytes from `at` on; fewer only at the end of the file, negative on failure.
 */
static ssize_t read_some(int fd, int64_t at, char *bytes, size_t count) {
    ssize_t got;

    do
        got = pread(fd, bytes, count, (off_t)at);
    while (got < 0 && errno == EINTR);
    nn_progress();
    return got;
}

static int open_file(const char *path, int flags, nn_trailer **out) {
    nn_trailer *t;
    struct stat status;

    NN_TRY(NN_NEW(&t, 1, "a checksum"));
    t->path = path;
    *out = t;
    int error = nn_descriptor_open(path, flags, 0, &t->fd);
    if (error == 0 && fstat(t->fd, &status) < 0)
        error = errno;
    if (error != 0)
        return nn_fail(NN_EIO, "%s: cannot open: %s", path, nn_errno_text(error));
    t->length = (int64_t)status.st_size;
    return nn_digest_new(&t->digest);
}

int nn_trailer_end(nn_trailer *t) {
    char hex[NN_DIGEST_HEX];
    int rc = NN_OK;

    if (!t)
        return NN_OK;
    int error = t->fd >= 0 ? nn_descriptor_close(t->fd) : 0;
    if (error != 0)
        rc = nn_fail(NN_EIO, "%s: cannot write: %s", t->path, nn_errno_text(error));
    if (t->digest)
        nn_digest_end(t->digest, hex);
    nn_free(t);
    return rc;
}

static int open_or_free(const char *path, int flags, nn_trailer **out) {
    int rc = open_file(path, flags, out);

    if (rc < 0) {
        nn_trailer_end(*out);
        *out = NULL;
    }
    return rc;
}

int nn_trailer_begin(const char *path, nn_trailer **out) {
    *out = NULL;
    return open_or_free(path, O_RDWR, out);
}

/* Hashes what the file holds up to `end`. */
static int hash_until(nn_trailer *t, int64_t end) {
    while (t->at < end) {
        size_t count = end - t->at < PIECE ? (size_t)(end - t->at) : PIECE;
        ssize_t got = read_some(t->fd, t->at, t->piece, count);
        if (got <= 0)
            return nn_fail(NN_EIO, "%s: cannot read: %s", t->path,
                           got < 0 ? nn_errno_text(errno) : "the file ends too early");
        nn_digest_add(t->digest, t->piece, (size_t)got);
        t->at += got;
    }
    return NN_OK;
}

static int write_at(const nn_trailer *t, int64_t at, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = pwrite(t->fd, bytes, count, (off_t)at);
        nn_progress();
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return nn_fail(NN_EIO, "%s: cannot write: %s", t->path,
                           nn_errno_text(written < 0 ? errno : EIO));
        bytes += written;
        at += written;
        count -= (size_t)written;
    }
    return NN_OK;
}

int nn_trailer_put(nn_trailer *t, int64_t offset, const void *bytes, size_t count) {
    const char *from = bytes;

    NN_TRY(hash_until(t, offset));
    while (count > 0) {
        size_t n = count < PIECE ? count : PIECE;
        nn_digest_add(t->digest, from, n);
        NN_TRY(write_at(t, t->at, from, n));
        t->at += (int64_t)n;
        from += n;
        count -= n;
    }
    return NN_OK;
}

static void end_digest(nn_trailer *t, char hex[NN_DIGEST_HEX]) {
    nn_digest_end(t->digest, hex);
    t->digest = NULL;
}

int nn_trailer_write(nn_trailer *t) {
    char hex[NN_DIGEST_HEX], trailer[TRAILER_BYTES + 1];

    NN_TRY(hash_until(t, t->length));
    end_digest(t, hex);
    make_trailer(trailer, hex, t->at);
    return write_at(t, t->at, trailer, TRAILER_BYTES);
}

/* Compares the trailer at the end with the bytes before it. */
static int compare(nn_trailer *t) {
    char hex[NN_DIGEST_HEX], found[TRAILER_BYTES + 1] = "", wanted[TRAILER_BYTES + 1];
    int64_t covered = t->length - TRAILER_BYTES;

    if (covered < 0 || read_some(t->fd, covered, found, TRAILER_BYTES) < TRAILER_BYTES ||
        strncmp(found, trailer_format, strcspn(trailer_format, "%")) != 0)
        return nn_fail(NN_EFORMAT,
                       "%s is no checkpoint, or not as nnmpi wrote it: the checksum at its end is "
                       "missing (it was cut off, or another program has changed it)",
                       t->path);
    NN_TRY(hash_until(t, covered));
    end_digest(t, hex);
    make_trailer(wanted, hex, covered);
    if (memcmp(found, wanted, TRAILER_BYTES) != 0)
        return nn_fail(NN_EFORMAT,
                       "%s: the file is damaged: its bytes have changed since it was written "
                       "(SHA-256)",
                       t->path);
    return NN_OK;
}

/* Opening a pipe would wait for its other end. */
int nn_trailer_check(const char *path) {
    nn_trailer *t = NULL;

    if (nn_file_exists(path))
        NN_TRY(nn_file_check(path, NN_EFORMAT));
    int rc = open_or_free(path, O_RDONLY, &t);
    if (rc == NN_OK)
        rc = compare(t);
    nn_trailer_end(t);
    /* what is not there is no checkpoint; what cannot be read now may be one */
    return rc == NN_EIO && !nn_file_exists(path) ? NN_EFORMAT : rc;
}
