/* A file is opened, made and closed. */
#define _GNU_SOURCE
#include "io/files/file.h"

#include "io/hdf5/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

void nn_h5_lock(void) {
    pthread_mutex_lock(&turn);
}

void nn_h5_unlock(void) {
    pthread_mutex_unlock(&turn);
}

/* Before the first use of HDF5. Network file systems without locks make it refuse files that are
 * fine, and nothing here writes a file that another process has open under the same name. */
static void prepare_library(void) {
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    H5open();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void nn_h5_skip_exit(void) {
    H5dont_atexit();
}

/* Integers must fit; reals that overflow become infinite, as in C. */
static H5T_conv_ret_t convert_exception(H5T_conv_except_t what, hid_t from, hid_t to,
                                        void *from_value, void *to_value, void *ctx) {
    nn_h5 *file = ctx;
    (void)from;
    (void)from_value;
    (void)to_value;
    if (what == H5T_CONV_EXCEPT_PRECISION || H5Tget_class(to) != H5T_INTEGER)
        return H5T_CONV_UNHANDLED;
    file->unfit = true;
    return H5T_CONV_ABORT;
}

static int new_file(const char *path, bool writable, nn_h5 **out) {
    nn_h5 *file = calloc(1, sizeof *file);
    char *name = strdup(path);
    nn_h5_channel *channel = calloc(1, sizeof *channel);
    if (file == NULL || name == NULL || channel == NULL) {
        free(channel);
        free(name);
        free(file);
        return nn_fail(NN_EMEMORY, "out of memory: opening '%s'", path);
    }
    channel->users = 1;
    *file = (nn_h5){.id = H5I_INVALID_HID, .path = name, .writable = writable, .channel = channel};
    file->transfer = H5Pcreate(H5P_DATASET_XFER);
    if (file->transfer >= 0)
        H5Pset_type_conv_cb(file->transfer, convert_exception, file);
    for (size_t i = 0; i < NN_H5_SLOTS; i++)
        file->slot[i].id = H5I_INVALID_HID;
    *out = file;
    return 0;
}

static void free_file(nn_h5 *file) {
    nn_h5_drop(file->transfer);
    nn_h5_channel_release(file->channel);
    free(file->path);
    free(file);
}

/* What stands at `path` can be opened; HDF5 would hide the reason when it cannot. */
static int check_readable(const char *path) {
    char first;
    NN_TRY(nn_file_check(path, NN_EFORMAT));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    ssize_t got = fd < 0 ? 0 : read(fd, &first, 1);
    if (got < 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    if (error != 0)
        return nn_fail(NN_EFORMAT, "cannot open '%s': %s", path, nn_errno_text(error));
    if (got == 0)
        return nn_fail(NN_EFORMAT, "'%s' is not an HDF5 file: it is empty", path);
    return 0;
}

bool nn_h5_is_file(const char *path) {
    prepare_library();
    return H5Fis_hdf5(path) > 0;
}

static int open_failed(const nn_h5 *file) {
    nn_h5_story told;
    const char *reason = nn_h5_reason(file, &told);
    if (nn_h5_code(file, NN_EFORMAT) == NN_EMEMORY)
        return nn_fail(NN_EMEMORY, "out of memory: opening '%s'", file->path);
    if (told.truncated)
        return nn_fail(NN_EFORMAT, "'%s' is truncated: its end is missing (%s)", file->path,
                       reason);
    if (!nn_h5_is_file(file->path))
        return nn_fail(NN_EFORMAT, "'%s' is not an HDF5 file", file->path);
    return nn_fail(NN_EFORMAT, "cannot open '%s': it is damaged or was never finished (%s)",
                   file->path, reason);
}

static bool has_long_lengths(hid_t file) {
    size_t addresses = 0, lengths = 0;
    hid_t creation = H5Fget_create_plist(file);
    bool known = creation >= 0 && H5Pget_sizes(creation, &addresses, &lengths) >= 0;
    nn_h5_drop(creation);
    return known && lengths == sizeof(uint64_t);
}

static int open_file(const char *path, bool writable, nn_h5 **out) {
    nn_h5 *file = NULL;
    *out = NULL;
    NN_TRY(check_readable(path));
    prepare_library();
    NN_TRY(new_file(path, writable, &file));
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    int rc = nn_h5_driver_use(access, file->channel);
    if (rc == 0 && (file->id = H5Fopen(path, writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access)) < 0)
        rc = open_failed(file);
    nn_h5_drop(access);
    if (rc < 0) {
        free_file(file);
        return rc;
    }
    file->channel->check_heaps = has_long_lengths(file->id);
    *out = file;
    return 0;
}

void nn_h5_version(char text[NN_H5_VERSION]) {
    unsigned major = 0, minor = 0, release = 0;

    H5get_libversion(&major, &minor, &release);
    snprintf(text, NN_H5_VERSION, "%u.%u.%u", major, minor, release);
}

int nn_h5_open(const char *path, nn_h5 **out) {
    return open_file(path, false, out);
}

int nn_h5_edit(const char *path, nn_h5 **out) {
    return open_file(path, true, out);
}

void nn_h5_allow_other_files(nn_h5 *file) {
    file->channel->other_files = true;
}

/* The format of HDF5 1.8 and later has checksums over all metadata. */
static int create_file(nn_h5 *file, unsigned flags) {
    nn_h5_story told;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t creation = nn_h5_group_properties(H5P_FILE_CREATE);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    int rc = nn_h5_driver_use(access, file->channel);
    if (rc == 0) {
        file->id = H5Fcreate(file->path, flags, creation, access);
        if (file->id < 0)
            rc = nn_fail(NN_EIO, "cannot create '%s': %s", file->path, nn_h5_reason(file, &told));
    }
    nn_h5_drop(creation);
    nn_h5_drop(access);
    return rc;
}

static int create(const char *path, unsigned flags, nn_h5 **out) {
    nn_h5 *file = NULL;
    *out = NULL;
    prepare_library();
    NN_TRY(new_file(path, true, &file));
    int rc = create_file(file, flags);
    if (rc < 0)
        free_file(file);
    else
        *out = file;
    return rc;
}

int nn_h5_create(const char *path, nn_h5 **out) {
    return create(path, H5F_ACC_TRUNC, out);
}

/* Keeps the first failure of several steps. */
static int after_step(const nn_h5 *file, int rc, herr_t status) {
    nn_h5_story told;
    if (rc < 0 || (status >= 0 && !nn_h5_faulty(file)))
        return rc;
    const char *reason = nn_h5_reason(file, &told);
    int code = nn_h5_code(file, file->writable ? NN_EIO : NN_EFORMAT);
    return nn_fail(code, file->writable ? "cannot write '%s': %s" : "cannot read '%s': %s",
                   file->path, reason);
}

int nn_h5_close(nn_h5 *file) {
    if (file == NULL)
        return 0;
    int rc = after_step(file, 0, nn_h5_datasets_close(file));
    if (file->writable)
        rc = after_step(file, rc, H5Fflush(file->id, H5F_SCOPE_LOCAL));
    rc = after_step(file, rc, H5Fclose(file->id));
    if (rc == 0 && file->doubt[0] != '\0')
        rc = nn_fail(NN_EFORMAT,
                     strcmp(file->doubt, NN_H5_REFUSED) == 0 ? "'%s' cannot be read: %s"
                                                             : "'%s' is damaged: %s",
                     file->path, file->doubt);
    free_file(file);
    return rc;
}

const char *nn_h5_path(const nn_h5 *file) {
    return file->path;
}

int64_t nn_h5_size(const nn_h5 *file) {
    return file->channel->file_size;
}
