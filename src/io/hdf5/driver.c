#define _GNU_SOURCE
#include "base/system/progress.h"
#include "io/hdf5/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#define MAX_ADDRESS ((haddr_t)INT64_MAX)

/* An open file as HDF5 sees it. */
typedef struct driver_file {
    H5FD_t base; /* HDF5's own part comes first */
    int fd;
    bool writable;
    haddr_t end_of_allocation, end_of_file;
    nn_h5_channel *channel;
} driver_file;

/* What is stored in a property list: HDF5 copies it byte by byte. */
typedef struct driver_info {
    nn_h5_channel *channel;
} driver_info;

void nn_h5_channel_release(nn_h5_channel *channel) {
    if (channel != NULL && --channel->users == 0)
        free(channel);
}

static void note(driver_file *file, int error) {
    if (file->channel->error == 0)
        file->channel->error = error;
}

static int open_descriptor(const char *name, unsigned flags) {
    int mode = (flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY;
    mode |= (flags & H5F_ACC_CREAT) != 0 ? O_CREAT : 0;
    mode |= (flags & H5F_ACC_TRUNC) != 0 ? O_TRUNC : 0;
    mode |= (flags & H5F_ACC_EXCL) != 0 ? O_EXCL : 0;
    mode |= (flags & H5F_ACC_CREAT) != 0 ? O_NOFOLLOW : 0; /* what somebody else has put there */
    int fd;
    do
        fd = open(name, mode | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Links, virtual data sets: whoever passed a file on would also pass on what it leads to on the
 * reader's machine. Such a failure is no fault of the file that is open. */
static H5FD_t *refuse(nn_h5_channel *channel) {
    channel->refused = true;
    H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_VFL, H5E_CANTOPENFILE,
             "%s", NN_H5_REFUSED);
    return NULL;
}

/* HDF5 opens a file it is to create twice, first without creating it: a failure here counts only
 * as long as no success follows. */
static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max_address) {
    const driver_info *info = H5Pget_driver_info(access);
    struct stat status;
    (void)max_address;
    if (info == NULL)
        return NULL;
    if (info->channel->open_files > 0 && !info->channel->other_files)
        return refuse(info->channel);
    driver_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        nn_h5_out_of_memory(info->channel);
        return NULL;
    }
    file->fd = open_descriptor(name, flags);
    if (file->fd < 0 || fstat(file->fd, &status) < 0) {
        if (info->channel->open_files == 0)
            info->channel->error = errno;
        if (file->fd >= 0)
            close(file->fd);
        free(file);
        return NULL;
    }
    if (info->channel->open_files++ == 0) {
        info->channel->error = 0;
        info->channel->file_size = (int64_t)status.st_size;
    }
    info->channel->users++;
    file->channel = info->channel;
    file->writable = (flags & H5F_ACC_RDWR) != 0;
    file->end_of_file = (haddr_t)status.st_size;
    return &file->base;
}

static herr_t driver_close(H5FD_t *base) {
    driver_file *file = (driver_file *)base;
    if (close(file->fd) < 0 && errno != EINTR)
        note(file, errno);
    file->channel->open_files--;
    nn_h5_channel_release(file->channel);
    free(file);
    return 0;
}

/* Files that this one leads to are opened by the same driver on the same channel. */
static void *driver_fapl_get(H5FD_t *base) {
    driver_info *info = H5allocate_memory(sizeof *info, false); /* HDF5 frees it */
    if (info != NULL)
        info->channel = ((driver_file *)base)->channel;
    return info;
}

/* What is only read is not accumulated: HDF5 would copy from its accumulator for any address that a
 * damaged file names, and serve heaps from it that we have not looked at. */
static herr_t driver_query(const H5FD_t *base, unsigned long *flags) {
    const driver_file *file = (const driver_file *)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA;
    if (file == NULL || file->writable)
        *flags |= H5FD_FEAT_ACCUMULATE_METADATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const driver_file *)base)->end_of_allocation;
}

static herr_t driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((driver_file *)base)->end_of_allocation = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const driver_file *)base)->end_of_file;
}

/* Bytes beyond the end of the file read as zeros, as HDF5 wants it. */
static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, void *buffer) {
    driver_file *file = (driver_file *)base;
    size_t count = 0;
    (void)type;
    (void)transfer;
    while (count < size) {
        ssize_t got =
            pread(file->fd, (char *)buffer + count, size - count, (off_t)(address + count));
        nn_progress();
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            note(file, errno);
        if (got < 0 && !file->writable)
            return -1;
        if (got <= 0)
            break;
        count += (size_t)got;
    }
    memset((char *)buffer + count, 0, size - count);
    if (!file->channel->check_heaps ||
        nn_h5_heap_sound(file->channel, file->fd, (int64_t)address, buffer, count))
        return 0;
    H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_VFL, H5E_READERROR,
             "the heap of strings at byte %llu is damaged", (unsigned long long)address);
    return -1;
}

static herr_t driver_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *buffer) {
    driver_file *file = (driver_file *)base;
    const char *bytes = buffer;
    (void)type;
    (void)transfer;
    haddr_t end = address + size;
    while (size > 0 && file->channel->error == 0) {
        ssize_t written = pwrite(file->fd, bytes, size, (off_t)address);
        nn_progress();
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            note(file, written < 0 ? errno : EIO);
            break;
        }
        bytes += written;
        size -= (size_t)written;
        address += (haddr_t)written;
    }
    if (end > file->end_of_file)
        file->end_of_file = end;
    return 0;
}

/* Makes the file as long as what was allocated in it. */
static herr_t driver_truncate(H5FD_t *base, hid_t transfer, hbool_t closing) {
    driver_file *file = (driver_file *)base;
    (void)transfer;
    (void)closing;
    if (file->end_of_file == file->end_of_allocation)
        return 0;
    int rc;
    do
        rc = file->channel->error == 0 ? ftruncate(file->fd, (off_t)file->end_of_allocation) : 0;
    while (rc < 0 && errno == EINTR);
    if (rc < 0)
        note(file, errno);
    file->end_of_file = file->end_of_allocation;
    return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = H5_VFD_RESERVED,
#endif
    .name = "nnmpi",
    .maxaddr = MAX_ADDRESS,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info),
    .fapl_get = driver_fapl_get,
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* Registered once for the process: a class that is registered for each file goes away with the last
 * identifier of it, and HDF5 looks into it after that, while it closes the file. */
static hid_t driver_id(void) {
    static hid_t id = H5I_INVALID_HID;
    if (H5Iget_type(id) != H5I_VFL) /* the first time, or HDF5 was closed by somebody */
        id = H5FDregister(&driver);
    return id;
}

int nn_h5_driver_use(int64_t access, nn_h5_channel *channel) {
    const driver_info info = {channel};
    hid_t id = driver_id();
    if (id < 0 || H5Pset_driver(access, id, &info) < 0)
        return nn_fail(NN_EIO, "HDF5 does not take our file driver");
    return 0;
}
