#define _GNU_SOURCE
#include "io/crc32c.h"
#include "io/files/file.h"
#include "io/tensorboard/inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "events.out.tfevents."
enum { NAME = 256 };

/* Fields of Event, and of SessionLog. */
enum { WALL_TIME = 1, STEP, FILE_VERSION, SUMMARY = 5, SESSION_LOG = 7 };
enum { STATUS = 1, START = 1 };

double nn_events_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- records --------------------------------------------------------------------------------- */

/* CRCs that stand beside what they are of would be weak if it held CRCs itself. */
static uint32_t masked(const void *bytes, size_t count) {
    uint32_t crc = nn_crc32c(bytes, count);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static int fail(const nn_events *e, const char *what) {
    return nn_fail(NN_EIO, "cannot %s '%s': %s", what, e->path, nn_errno_text(errno));
}

/* A record that is cut off ends the file for its readers, whatever follows. */
static int append(nn_events *e) {
    for (size_t done = 0; done < e->record.count;) {
        ssize_t written = write(e->fd, e->record.at + done, e->record.count - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            int rc = fail(e, "append to");
            (void)!ftruncate(e->fd, (off_t)e->size);
            return rc;
        }
        done += (size_t)written;
    }
    e->size += (int64_t)e->record.count;
    return 0;
}

/* An event of one more field, whose content is released. */
static int write_event(nn_events *e, int64_t step, int field, nn_bytes *content) {
    nn_bytes event = {0}, head = {0};
    nn_pb_put_double(&event, WALL_TIME, nn_events_now());
    nn_pb_put_int(&event, STEP, step);
    nn_pb_put_message(&event, field, content);
    nn_bytes_number(&head, event.count, 8);
    e->record.count = 0;
    if (!event.failed && !head.failed) {
        nn_bytes_put(&e->record, head.at, head.count);
        nn_bytes_number(&e->record, masked(head.at, head.count), 4);
        nn_bytes_put(&e->record, event.at, event.count);
        nn_bytes_number(&e->record, masked(event.at, event.count), 4);
    }
    int rc = event.failed || head.failed || e->record.failed ? NN_EMEMORY : append(e);
    nn_bytes_release(&event);
    nn_bytes_release(&head);
    return rc;
}

int nn_events_write(nn_events *e, int64_t step) {
    return e->summary.count ? write_event(e, step, SUMMARY, &e->summary) : 0;
}

void nn_events_put(nn_events *e, const char *tag, nn_bytes *value) {
    enum { VALUE = 1, TAG = 1 };
    nn_pb_put_text(value, TAG, tag);
    nn_pb_put_message(&e->summary, VALUE, value);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* The time in the name of the newest file; 0: there is none. */
static int newest(const char *dir, long long *time) {
    DIR *folder = opendir(dir);
    *time = 0;
    if (!folder)
        return nn_fail(NN_EIO, "cannot read the folder '%s': %s", dir, nn_errno_text(errno));
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0) {
            long long other = strtoll(entry->d_name + strlen(PREFIX), NULL, 10);
            *time = other > *time ? other : *time;
        }
    closedir(folder);
    return 0;
}

static int make_file(nn_events *e, const char *dir) {
    char host[NAME] = "";
    long long now = (long long)nn_events_now(), before;
    NN_TRY(newest(dir, &before));
    gethostname(host, sizeof host - 1);
    e->path = nn_pool_printf(&e->pool, "%s/" PREFIX "%010lld.%s.%ld", dir,
                             now > before ? now : before + 1, host, (long)getpid());
    if (!e->path)
        return NN_EMEMORY;
    e->fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    return e->fd < 0 ? fail(e, "make") : 0;
}

/* The version, and that the session starts: from its step on, all values are to come. */
static int begin_file(nn_events *e, int64_t step) {
    nn_bytes version = {0}, session = {0};
    nn_bytes_put_text(&version, "brain.Event:2");
    NN_TRY(write_event(e, 0, FILE_VERSION, &version));
    nn_pb_put_int(&session, STATUS, START);
    return write_event(e, step, SESSION_LOG, &session);
}

int nn_events_open(const char *dir, int64_t step, nn_events **out) {
    nn_events *e;
    int rc;
    NN_TRY(NN_NEW(&e, 1, "event file"));
    e->fd = -1;
    rc = make_file(e, dir);
    if (rc == 0)
        rc = begin_file(e, step);
    if (rc < 0)
        nn_events_close(e);
    *out = rc < 0 ? NULL : e;
    return rc;
}

void nn_events_close(nn_events *e) {
    if (!e)
        return;
    if (e->fd >= 0)
        close(e->fd);
    nn_bytes_release(&e->summary);
    nn_bytes_release(&e->record);
    nn_pool_release(&e->pool);
    nn_free(e);
}
