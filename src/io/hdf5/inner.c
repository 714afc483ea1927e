/* What the files of this folder share: identifiers given back, and why HDF5 failed. */
#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include "io/files/file.h"

#include <errno.h>
#include <hdf5.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(hid_t) == sizeof(int64_t), "identifiers pass as int64_t");

int nn_h5_drop(int64_t id) {
    return id >= 0 && H5Idec_ref(id) < 0 ? -1 : 0;
}

/* HDF5 describes a failed system call with times, pointers and counts around what matters. */
static void shorten(char reason[NN_H5_REASON]) {
    static const char mark[] = "error message = '";
    char *begin = strstr(reason, mark);
    if (begin == NULL)
        return;
    begin += strlen(mark);
    begin[strcspn(begin, "'")] = '\0';
    memmove(reason, begin, strlen(begin) + 1);
}

static herr_t hear(unsigned depth, const H5E_error2_t *error, void *ctx) {
    nn_h5_story *told = ctx;
    (void)depth;
    told->truncated = told->truncated || error->min_num == H5E_TRUNCATED;
    if (told->reason[0] == '\0' && error->desc != NULL)
        snprintf(told->reason, sizeof told->reason, "%s", error->desc);
    return 0;
}

static void listen(nn_h5_story *told) {
    memset(told, 0, sizeof *told);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, hear, told);
    shorten(told->reason);
}

bool nn_h5_faulty(const nn_h5 *file) {
    return file->channel->error != 0;
}

const char *nn_h5_reason(const nn_h5 *file, nn_h5_story *told) {
    listen(told);
    if (nn_h5_faulty(file))
        return nn_errno_text(file->channel->error);
    return told->reason[0] != '\0' ? told->reason : "HDF5 gives no reason";
}

void nn_h5_doubt(nn_h5 *file) {
    nn_h5_story told;
    const char *reason = nn_h5_reason(file, &told);
    if (file->doubt[0] == '\0')
        snprintf(file->doubt, sizeof file->doubt, "%s", reason);
}

int nn_h5_code(const nn_h5 *file, int code) {
    return file->channel->error == ENOMEM ? NN_EMEMORY : code;
}

void nn_h5_out_of_memory(nn_h5_channel *channel) {
    if (channel->error == 0)
        channel->error = ENOMEM;
}

int nn_h5_check_answers(const nn_h5 *file) {
    if (file->doubt[0] == '\0')
        return 0;
    int code = nn_h5_code(file, NN_EFORMAT);
    return nn_fail(code, "'%s' cannot be read: %s", file->path, file->doubt);
}

int nn_h5_raise(const nn_h5 *file, int code, const char *function, const char *format, ...) {
    char message[512];
    nn_h5_story told;
    va_list args;
    const char *reason = nn_h5_reason(file, &told);
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return nn_error_raise(nn_h5_code(file, code), function, "%s of '%s': %s", message, file->path,
                          reason);
}
