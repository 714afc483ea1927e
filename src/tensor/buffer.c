#include "tensor/buffer.h"

#include <pthread.h>

/* Sizes have two bits behind the leading one, so that at most a quarter of a block is not used. */
#define QUARTERS 4
#define LEAST_LOG 6
#define CLASSES ((sizeof(size_t) * 8 - LEAST_LOG) * QUARTERS + 1)

static struct {
    pthread_mutex_t lock;
    nn_buffer *waiting[CLASSES];
    size_t used, most, idle; /* bytes in use, the most that were, and those that wait */
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The class that has room for `bytes`, and its size. */
static size_t class_of(size_t bytes, size_t *size) {
    if (bytes <= (size_t)1 << LEAST_LOG) {
        *size = (size_t)1 << LEAST_LOG;
        return 0;
    }
    size_t log = sizeof(long) * 8 - 1 - (size_t)__builtin_clzl(bytes - 1);
    size_t quarter = (size_t)1 << (log - 2), n = (bytes - 1) / quarter;
    *size = (n + 1) * quarter;
    return (log - LEAST_LOG) * QUARTERS + n - QUARTERS + 1;
}

static nn_buffer *take_waiting(size_t class, size_t size) {
    pthread_mutex_lock(&heap.lock);
    nn_buffer *found = heap.waiting[class];
    if (found) {
        heap.waiting[class] = found->next;
        heap.idle -= size;
    }
    heap.used += size;
    heap.most = heap.used > heap.most ? heap.used : heap.most;
    pthread_mutex_unlock(&heap.lock);
    return found;
}

nn_buffer *nn_buffer_alloc(size_t bytes) {
    size_t size, class = class_of(bytes, &size);
    nn_buffer *buffer = take_waiting(class, size);
    if (!buffer && nn_alloc((void **)&buffer, 1, sizeof *buffer + size, "a tensor") < 0) {
        pthread_mutex_lock(&heap.lock);
        heap.used -= size;
        pthread_mutex_unlock(&heap.lock);
        return NULL;
    }
    buffer->refs = 1;
    buffer->version = 0;
    buffer->size = size;
    return buffer;
}

nn_buffer *nn_buffer_retain(nn_buffer *buffer) {
    atomic_fetch_add_explicit(&buffer->refs, 1, memory_order_relaxed);
    return buffer;
}

/* What waits is never more than what was in use at a time. */
void nn_buffer_release(nn_buffer *buffer) {
    if (!buffer || atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel) > 1)
        return;
    size_t size, class = class_of(buffer->size, &size);
    pthread_mutex_lock(&heap.lock);
    bool keep = heap.idle + size <= heap.most;
    heap.used -= size;
    if (keep) {
        buffer->next = heap.waiting[class];
        heap.waiting[class] = buffer;
        heap.idle += size;
    }
    pthread_mutex_unlock(&heap.lock);
    if (!keep)
        nn_free(buffer);
}

void nn_buffer_trim(void) {
    nn_buffer *all = NULL;
    pthread_mutex_lock(&heap.lock);
    for (size_t i = 0; i < CLASSES; i++)
        while (heap.waiting[i]) {
            nn_buffer *buffer = heap.waiting[i];
            heap.waiting[i] = buffer->next;
            buffer->next = all;
            all = buffer;
        }
    heap.idle = 0;
    heap.most = heap.used;
    pthread_mutex_unlock(&heap.lock);
    while (all) {
        nn_buffer *next = all->next;
        nn_free(all);
        all = next;
    }
}
