#include "train/checkpoint/trailer.h"

#include "io/digest.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRAILER_BYTES = 128, PIECE = 1 << 16 };

static const char trailer_format[] = "\nnnmpi-checkpoint sha256 %s of %" PRId64 " bytes";

/* The trailer of `length` bytes with this digest, blanks and a newline up to its fixed size. */
static void make_trailer(char trailer[TRAILER_BYTES + 1], const char *hex, int64_t length) {
    char text[TRAILER_BYTES];

    snprintf(text, sizeof text, trailer_format, hex, length);
    snprintf(trailer, TRAILER_BYTES + 1, "%-*s\n", TRAILER_BYTES - 1, text);
}

/* Reads up to `count` bytes; fewer only at the end of the file, negative on failure. */
static ssize_t read_some(int fd, char *bytes, size_t count) {
    ssize_t got;

    do
        got = read(fd, bytes, count);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The digest of the next `length` bytes. */
static int hash_bytes(int fd, int64_t length, char hex[NN_DIGEST_HEX]) {
    char piece[PIECE];
    nn_digest *digest;
    ssize_t got = 1;

    NN_TRY(nn_digest_new(&digest));
    while (length > 0 && got > 0) {
        got = read_some(fd, piece, length < PIECE ? (size_t)length : PIECE);
        if (got > 0)
            nn_digest_add(digest, piece, (size_t)got);
        length -= got;
    }
    nn_digest_end(digest, hex);
    if (got < 0)
        return nn_fail(NN_EIO, "cannot read: %s", nn_errno_text(errno));
    return NN_OK;
}

static int write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return nn_fail(NN_EIO, "cannot write: %s", nn_errno_text(errno));
        bytes += written;
        count -= (size_t)written;
    }
    return NN_OK;
}

static int append_trailer(int fd, int64_t length) {
    char hex[NN_DIGEST_HEX], trailer[TRAILER_BYTES + 1];

    NN_TRY(hash_bytes(fd, length, hex));
    make_trailer(trailer, hex, length);
    NN_TRY(write_all(fd, trailer, TRAILER_BYTES));
    return NN_OK;
}

/* Compares the trailer at the end, if there is one. */
static int compare_trailer(int fd, int64_t length) {
    char hex[NN_DIGEST_HEX], found[TRAILER_BYTES + 1] = "", wanted[TRAILER_BYTES + 1];
    int64_t covered = length - TRAILER_BYTES;

    if (covered < 0 || lseek(fd, (off_t)covered, SEEK_SET) < 0 ||
        read_some(fd, found, TRAILER_BYTES) < TRAILER_BYTES ||
        strncmp(found, trailer_format, strcspn(trailer_format, "%")) != 0)
        return NN_OK;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return nn_fail(NN_EIO, "cannot read: %s", nn_errno_text(errno));
    NN_TRY(hash_bytes(fd, covered, hex));
    make_trailer(wanted, hex, covered);
    return memcmp(found, wanted, TRAILER_BYTES) == 0
               ? NN_OK
               : nn_fail(NN_EFORMAT, "the file is damaged: its bytes have changed since it was "
                                     "written (SHA-256)");
}

/* Opens the file and hands it, with its length, to `act`. */
static int with_file(const char *path, int flags, int (*act)(int fd, int64_t length)) {
    struct stat status;
    int rc, fd = open(path, flags | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) < 0)
        rc = nn_fail(NN_EIO, "cannot open: %s", nn_errno_text(errno));
    else
        rc = act(fd, (int64_t)status.st_size);
    if (fd >= 0)
        close(fd);
    return rc;
}

int nn_trailer_write(const char *path) {
    int rc = with_file(path, O_RDWR, append_trailer);

    return rc < 0 ? nn_error_prefix(rc, "%s", path) : NN_OK;
}

/* Opening a pipe would wait for its other end. */
int nn_trailer_check(const char *path) {
    if (nn_file_exists(path))
        NN_TRY(nn_file_check(path, NN_EFORMAT));
    int rc = with_file(path, O_RDONLY, compare_trailer);

    return rc < 0 ? nn_error_prefix(NN_EFORMAT, "%s", path) : NN_OK;
}
