#define _GNU_SOURCE
#include "comm/between/wire.h"

#include "base/mem.h"
#include "base/system/thread.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "comm/wait.h"

#include <stdio.h>
#include <time.h>

/* Longer messages go in packets: Open MPI sends one of 64 MiB at half the rate of the network, and
 * packets let what is needed sooner overtake. */
#define LEAST_PACKET ((size_t)1 << 16)
#define PAGE ((size_t)1 << 12)
#define PACKET ((size_t)1 << 18)
/* Most bytes handed to MPI at a time: enough for any network while the thread naps. They cannot be
 * overtaken any more, so that on a slow network it is what that takes in WINDOW_SECONDS. */
#define WINDOW ((size_t)1 << 22)
#define WINDOW_SECONDS 2e-3
/* Between two looks of the thread. A socket holds what a network of 100 Gbit/s takes in this time.
 */
#define NAP_NS 100000
/* Requests that a look asks MPI for: large networks have thousands under way. */
#define TESTED ((size_t)256)
/* Looks in vain until the thread sleeps, and for how long it does, unless there is work. */
#define PATIENCE 1000
#define SLEEP_NS 10000000

/* What a request is for. */
struct packet {
    nn_channel *channel;
    size_t bytes; /* 0: it comes */
};

struct nn_wire {
    nn_comm *comm;
    MPI_Comm world; /* a duplicate: no message meets one of another part */
    MPI_Request *request;
    struct packet *packet; /* of each request */
    int *done;             /* requests that a look has found complete, */
    MPI_Status *status;    /* and how they have ended */
    size_t under_way, capacity;
    size_t next; /* request that the next look begins with */
    size_t packet_most, window;
    nn_channel *waiting; /* to go out, by priority */
    size_t out;          /* bytes that are being sent */
    nn_thread thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool runs, sleeps, ends; /* the thread */
    atomic_bool failed;
    char message[MPI_MAX_ERROR_STRING + 64];
};

/* ---- requests, under the lock ---------------------------------------------------------------- */

static void check(nn_wire *w, int mpi_rc, const char *call) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    if (mpi_rc == MPI_SUCCESS || w->failed)
        return;
    MPI_Error_string(mpi_rc, text, &length);
    snprintf(w->message, sizeof w->message, "%s failed: %s", call, text);
    w->failed = true;
}

static void wake(nn_wire *w) {
    if (w->sleeps)
        pthread_cond_signal(&w->work);
}

static size_t packet_bytes(const nn_wire *w, const nn_parcel *parcel, size_t at) {
    return parcel->count - at < w->packet_most ? parcel->count - at : w->packet_most;
}

static size_t packets_of(const nn_wire *w, const nn_parcel *parcel, size_t parcels) {
    size_t packets = 0;
    for (size_t i = 0; i < parcels; i++)
        packets += (parcel[i].count + w->packet_most - 1) / w->packet_most;
    return packets;
}

static MPI_Request *new_request(nn_wire *w, nn_channel *channel, size_t bytes) {
    w->packet[w->under_way] = (struct packet){channel, bytes};
    return &w->request[w->under_way++];
}

/* To the next parcel with bytes to go. */
static void skip_empty(nn_channel *c) {
    for (; c->parcel < c->outs && c->at == c->out[c->parcel].count; c->at = 0)
        c->parcel++;
}

/* The next packet of the channel that is first in line. */
static void send_packet(nn_wire *w) {
    nn_channel *c = w->waiting;
    const nn_parcel *p = &c->out[c->parcel];
    size_t bytes = packet_bytes(w, p, c->at);
    check(w,
          MPI_Isend((char *)p->bytes + c->at, (int)bytes, MPI_BYTE, p->rank, c->tag, w->world,
                    new_request(w, c, bytes)),
          "MPI_Isend");
    w->out += bytes;
    c->at += bytes;
    skip_empty(c);
    if (c->parcel == c->outs)
        w->waiting = c->next;
}

static void send_packets(nn_wire *w) {
    while (w->waiting && w->out < w->window && !w->failed)
        send_packet(w);
}

/* The request of a packet is complete. */
static void moved(nn_wire *w, const struct packet *packet) {
    nn_channel *c = packet->channel;
    atomic_size_t *left = packet->bytes ? &c->going : &c->coming;
    w->out -= packet->bytes;
    if (atomic_fetch_sub(left, 1) == 1 && c->moved)
        c->moved(c->ctx, c);
}

/* Requests [begin, end) that are complete give their place to the last ones. */
static void close_up(nn_wire *w, size_t begin, size_t end) {
    for (size_t i = end; i-- > begin;)
        if (w->request[i] == MPI_REQUEST_NULL) {
            w->request[i] = w->request[--w->under_way];
            w->packet[i] = w->packet[w->under_way];
        }
}

/* What MPI_Testsome says, or, where it says that some request has failed, what is wrong with that.
 */
static int what_failed(const nn_wire *w, int mpi_rc, int count) {
    int class = mpi_rc;
    if (mpi_rc != MPI_SUCCESS)
        MPI_Error_class(mpi_rc, &class);
    for (int i = 0; class == MPI_ERR_IN_STATUS && i < count; i++)
        if (w->status[i].MPI_ERROR != MPI_SUCCESS)
            return w->status[i].MPI_ERROR;
    return mpi_rc;
}

/* What has gone may stand in MPI's own memory (UCX over TCP: until the socket takes it), and moves
 * only when MPI is called: this rank may be waiting, without MPI, for one of its node that waits
 * for another node that waits for this. A program may end MPI and leave a training open. */
static void push(nn_wire *w) {
    int is_one, ended;
    MPI_Finalized(&ended);
    if (!ended)
        check(w, MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, w->world, &is_one, MPI_STATUS_IGNORE),
              "MPI_Iprobe");
}

/* Tests some of the open requests. True: something has moved, or there is more to look at. Once a
 * request has failed, nothing counts as moved any more. */
static bool look(nn_wire *w) {
    int count = 0;
    send_packets(w);
    if (w->under_way == 0 && !w->failed)
        push(w);
    if (w->under_way == 0 || w->failed)
        return false;
    size_t begin = w->next < w->under_way ? w->next : 0;
    size_t end = w->under_way - begin < TESTED ? w->under_way : begin + TESTED;
    int mpi_rc = MPI_Testsome((int)(end - begin), w->request + begin, &count, w->done, w->status);
    check(w, what_failed(w, mpi_rc, count), "a message between nodes");
    if (w->failed)
        return false;
    w->next = count > 0 ? begin : end;
    if (count <= 0)
        return end < w->under_way;
    /* the channels first: what they announce is put behind all that is under way */
    for (int i = 0; i < count; i++) {
        struct packet packet = w->packet[begin + (size_t)w->done[i]];
        moved(w, &packet);
    }
    close_up(w, begin, end);
    send_packets(w);
    return true;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void nap(void) {
    const struct timespec time = {.tv_nsec = NAP_NS};
    nanosleep(&time, NULL);
}

/* Under the lock, until there is work (true) or it is time for another look. */
static bool doze(nn_wire *w) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SLEEP_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    w->sleeps = true;
    int rc = pthread_cond_timedwait(&w->work, &w->lock, &until);
    w->sleeps = false;
    return rc == 0;
}

static void look_after(void *ctx) {
    nn_wire *w = ctx;
    int in_vain = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->ends) {
        in_vain = look(w) ? 0 : in_vain + 1;
        if (in_vain > PATIENCE && w->under_way == 0 && !w->waiting) {
            in_vain = doze(w) ? 0 : PATIENCE;
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        if (in_vain > 0)
            nap();
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

/* ---- for others ------------------------------------------------------------------------------ */

int nn_wire_new(nn_comm *comm, nn_wire **out) {
    pthread_mutexattr_t recursive;
    pthread_condattr_t monotonic;
    nn_wire *w;
    *out = NULL;
    NN_TRY(nn_comm_agree(comm, NN_NEW(&w, 1, "messages between nodes")));
    w->comm = comm;
    w->packet_most = PACKET;
    w->window = WINDOW;
    int rc = nn_mpi_dup(comm, comm->world, &w->world);
    if (rc < 0) {
        nn_free(w);
        return rc;
    }
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE); /* channels announce more */
    pthread_mutex_init(&w->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = w;
    return 0;
}

void nn_wire_reserve(nn_wire *w, const nn_channel *channel) {
    w->capacity +=
        packets_of(w, channel->in, channel->ins) + packets_of(w, channel->out, channel->outs) + 1;
}

static size_t between(size_t least, double x, size_t most) {
    return x < (double)least ? least : x > (double)most ? most : (size_t)x;
}

void nn_wire_set_rate(nn_wire *w, double bandwidth) {
    double window = bandwidth * WINDOW_SECONDS;
    w->packet_most = between(LEAST_PACKET, window / 2, PACKET) / PAGE * PAGE;
    w->window = between(2 * LEAST_PACKET, window, WINDOW);
}

void nn_wire_reserve_sum(nn_wire *w, size_t count) {
    w->capacity += count * sizeof(double) / PACKET + 1;
}

int nn_wire_start(nn_wire *w) {
    NN_TRY(NN_NEW(&w->request, w->capacity, "messages between nodes"));
    NN_TRY(NN_NEW(&w->packet, w->capacity, "messages between nodes"));
    NN_TRY(NN_NEW(&w->done, w->capacity, "messages between nodes"));
    NN_TRY(NN_NEW(&w->status, w->capacity, "messages between nodes"));
    if (!w->comm->threads)
        return 0;
    w->runs = nn_thread_start(&w->thread, look_after, w);
    return w->runs ? 0 : nn_fail(NN_EMEMORY, "no thread can be started for messages between nodes");
}

void nn_wire_stop(nn_wire *w) {
    if (!w || !w->runs)
        return;
    pthread_mutex_lock(&w->lock);
    w->ends = true;
    wake(w);
    pthread_mutex_unlock(&w->lock);
    nn_thread_join(&w->thread);
    w->runs = false;
}

void nn_wire_free(nn_wire *w) {
    if (!w)
        return;
    nn_wire_stop(w);
    if (!w->comm->broken)
        MPI_Comm_free(&w->world);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    nn_free(w->request);
    nn_free(w->packet);
    nn_free(w->done);
    nn_free(w->status);
    nn_free(w);
}

/* All of it is counted before the first packet can come. */
void nn_wire_receive(nn_wire *w, nn_channel *c) {
    size_t packets = packets_of(w, c->in, c->ins);
    pthread_mutex_lock(&w->lock);
    atomic_store(&c->coming, packets);
    for (size_t i = 0; i < c->ins && !w->failed; i++)
        for (size_t at = 0; at < c->in[i].count; at += w->packet_most)
            check(w,
                  MPI_Irecv((char *)c->in[i].bytes + at, (int)packet_bytes(w, &c->in[i], at),
                            MPI_BYTE, c->in[i].rank, c->tag, w->world, new_request(w, c, 0)),
                  "MPI_Irecv");
    if (packets == 0 && c->moved)
        c->moved(c->ctx, c);
    wake(w);
    pthread_mutex_unlock(&w->lock);
}

static void put_in_line(nn_wire *w, nn_channel *c) {
    nn_channel **at = &w->waiting;
    while (*at && (*at)->priority <= c->priority)
        at = &(*at)->next;
    c->next = *at;
    *at = c;
}

void nn_wire_send(nn_wire *w, nn_channel *c) {
    size_t packets = packets_of(w, c->out, c->outs);
    pthread_mutex_lock(&w->lock);
    atomic_store(&c->going, packets);
    c->parcel = c->at = 0;
    skip_empty(c);
    if (packets > 0)
        put_in_line(w, c);
    else if (c->moved)
        c->moved(c->ctx, c);
    send_packets(w);
    wake(w);
    pthread_mutex_unlock(&w->lock);
}

void nn_wire_sum(nn_wire *w, nn_channel *c, MPI_Comm among, const nn_values *values) {
    size_t most = PACKET / values->size; /* bits may depend on it */
    pthread_mutex_lock(&w->lock);
    atomic_store(&c->coming, (values->count + most - 1) / most);
    for (size_t at = 0, n; at < values->count; at += n) {
        n = values->count - at < most ? values->count - at : most;
        const void *from =
            values->from ? (const char *)values->from + at * values->size : MPI_IN_PLACE;
        check(w,
              MPI_Iallreduce(from, (char *)values->at + at * values->size, (int)n, values->type,
                             values->op, among, new_request(w, c, 0)),
              "MPI_Iallreduce");
    }
    wake(w);
    pthread_mutex_unlock(&w->lock);
}

void nn_wire_lock(nn_wire *w) {
    pthread_mutex_lock(&w->lock);
}

void nn_wire_unlock(nn_wire *w) {
    pthread_mutex_unlock(&w->lock);
}

void nn_wire_poll(nn_wire *w) {
    if (pthread_mutex_trylock(&w->lock) != 0)
        return; /* the thread is at it */
    look(w);
    pthread_mutex_unlock(&w->lock);
}

struct wait {
    nn_wire *wire;
    const nn_channel *channel;
};

static bool has_moved(void *ctx) {
    const struct wait *wait = ctx;
    nn_wire_poll(wait->wire);
    return (wait->channel->coming == 0 && wait->channel->going == 0) || wait->wire->failed;
}

int nn_wire_wait(nn_wire *w, const nn_channel *channel, bool crowded) {
    nn_wait_polling(has_moved, &(struct wait){w, channel}, crowded);
    return nn_wire_check(w);
}

bool nn_wire_is_empty(nn_wire *w) {
    pthread_mutex_lock(&w->lock);
    bool empty = w->under_way == 0 && !w->waiting;
    pthread_mutex_unlock(&w->lock);
    return empty;
}

bool nn_wire_failed(const nn_wire *w) {
    return w->failed;
}

int nn_wire_check(nn_wire *w) {
    if (!w->failed)
        return 0;
    int rc = nn_fail(NN_ERANK, "%s", w->message);
    nn_comm_give_up(w->comm);
    return rc;
}
