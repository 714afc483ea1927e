/* ranks: 1 2 */
/* HDF5 on a disk that fails: each write of a file in turn, for good or once, is reported, leaves
 * nothing behind, and MPI ends as ever. */
#define _GNU_SOURCE
#include "check.h"
#include "io/files/file.h"
#include "io/hdf5/h5.h"
#include "shim/fault.c"

#include <nnmpi/comm.h>

#include <dirent.h>
#include <sys/resource.h>

enum { ROWS = 1000, COLUMNS = 40 };

static float weights[ROWS][COLUMNS];
static char path[64];

/* A small checkpoint: arrays in one piece and in chunks, attributes, text, many groups. */
static int fill(nn_h5 *file) {
    const int64_t dim[] = {ROWS, COLUMNS};
    char name[64];
    NN_TRY(nn_h5_set_text(file, "/", "format", "nnmpi-checkpoint"));
    NN_TRY(nn_h5_write_text(file, "config", "train: {}\n"));
    NN_TRY(nn_h5_write(file, "model/a/weight", NN_F32, 2, dim, 0, 0, weights));
    NN_TRY(nn_h5_write(file, "model/b/weight", NN_F32, 2, dim, 100, 0, weights));
    NN_TRY(nn_h5_write(file, "model/c/weight", NN_F32, 2, dim, 100, 1, weights));
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "optimizer/velocity/layer%d/bias", i);
        NN_TRY(nn_h5_write(file, name, NN_F32, 1, dim + 1, 0, 0, weights));
        NN_TRY(nn_h5_set_int(file, name, "step", i));
    }
    return 0;
}

static int save(void) {
    nn_h5 *file = NULL;
    NN_TRY(nn_h5_create(path, &file));
    int rc = fill(file);
    char first[256];
    snprintf(first, sizeof first, "%s", nn_error_message());
    int close_rc = nn_h5_close(file);
    CHECK(rc == 0 || close_rc == rc); /* a failure is not forgotten */
    return rc < 0 ? rc : close_rc;
}

static int open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static bool reads_back(void) {
    static float back[ROWS][COLUMNS];
    nn_h5 *file = NULL;
    if (nn_h5_open(path, &file) < 0)
        return false;
    int rc = nn_h5_read(file, "model/c/weight", 0, ROWS, NN_F32, back);
    CHECK_EQ_INT(nn_h5_close(file), 0);
    return rc == 0 && memcmp(back, weights, sizeof back) == 0;
}

static void each_call_fails(const char *what, bool sticky, int error, const char *words) {
    long at = 1;
    for (;; at++) {
        int before = open_descriptors();
        fault_arm(what, at, sticky, error, path);
        int rc = save();
        long calls = fault_calls();
        fault_arm(NULL, 0, false, 0, NULL);
        CHECK_EQ_INT(open_descriptors(), before);
        if (calls < at) {
            CHECK_EQ_INT(rc, 0);
            break;
        }
        CHECK_EQ_INT(rc, NN_EIO);
        CHECK_CONTAINS(nn_error_message(), path);
        CHECK_CONTAINS(nn_error_message(), words);
    }
    CHECK(at > 1);
    CHECK(reads_back());
}

/* What is no failure: interruptions and writes done by halves. */
static void each_call_stutters(const char *what, int error) {
    for (long at = 1; at <= 20; at++) {
        fault_arm(what, at, at == 20 && error == FAULT_SHORT, error, path);
        CHECK_EQ_INT(save(), 0);
        fault_arm(NULL, 0, false, 0, NULL);
        CHECK(reads_back());
    }
}

/* After an error of the disk the file is unusable, and "no" is never the answer to where something
 * is. */
static void reading_fails(void) {
    static float back[ROWS][COLUMNS];
    nn_h5 *file = NULL;
    char expected[256];
    CHECK_EQ_INT(nn_h5_open(path, &file), 0);
    fault_arm("pread", 1, false, EIO, path);
    CHECK_EQ_INT(nn_h5_read(file, "model/a/weight", 0, ROWS, NN_F32, back), NN_EFORMAT);
    snprintf(expected, sizeof expected,
             "cannot find data set 'model/a/weight' of '%s': Input/output error", path);
    CHECK_STR(nn_error_message(), expected);
    CHECK_EQ_INT(nn_h5_read(file, "model/a/weight", 0, ROWS, NN_F32, back), NN_EFORMAT);
    CHECK_CONTAINS(nn_error_message(), "Input/output error");
    CHECK_EQ_INT(nn_h5_close(file), NN_EFORMAT);

    CHECK_EQ_INT(nn_h5_open(path, &file), 0);
    CHECK_EQ_INT(nn_h5_read(file, "model/a/weight", 0, 1, NN_F32, back), 0);
    fault_arm("pread", 1, false, EIO, path);
    CHECK_EQ_INT(nn_h5_read(file, "model/a/weight", 0, ROWS, NN_F32, back), NN_EFORMAT);
    snprintf(expected, sizeof expected,
             "cannot read data set 'model/a/weight' of '%s': Input/output error", path);
    CHECK_STR(nn_error_message(), expected);
    CHECK_EQ_INT(nn_h5_close(file), NN_EFORMAT);

    for (int error = 0; error < 2; error++) {
        CHECK_EQ_INT(nn_h5_open(path, &file), 0);
        fault_arm("pread", 1, error == 1, error == 0 ? EINTR : FAULT_SHORT, path);
        CHECK_EQ_INT(nn_h5_read(file, "model/a/weight", 0, ROWS, NN_F32, back), 0);
        CHECK(memcmp(back, weights, sizeof back) == 0);
        fault_arm(NULL, 0, false, 0, NULL);
        CHECK_EQ_INT(nn_h5_close(file), 0);
    }
}

/* The kernel's own limit instead of a simulated one. */
static void file_too_large(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = sizeof weights;
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ_INT(save(), NN_EIO);
    CHECK_CONTAINS(nn_error_message(), "File too large");
    limit.rlim_cur = before;
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ_INT(save(), 0);
    CHECK(reads_back());
}

int main(void) {
    nn_comm *comm = NULL;
    if (nn_comm_init(&comm) < 0)
        return 1;
    snprintf(path, sizeof path, "io_h5_fault.%d.h5", nn_comm_rank(comm) + 10 * (int)getpid());
    for (int i = 0; i < ROWS * COLUMNS; i++)
        (&weights[0][0])[i] = (float)((i * 7919) % 10007);
    each_call_fails("pwrite", true, ENOSPC, "the disk is full (No space left on device)");
    each_call_fails("pwrite", false, EIO, "Input/output error");
    each_call_fails("ftruncate", true, EIO, "Input/output error");
    each_call_fails("close", false, EDQUOT, "quota");
    each_call_fails("open", true, EACCES, "Permission denied");
    each_call_stutters("pwrite", EINTR);
    each_call_stutters("pwrite", FAULT_SHORT);
    reading_fails();
    file_too_large();
    CHECK_EQ_INT(unlink(path), 0);
    nn_comm_free(comm);
    return check_done();
}
