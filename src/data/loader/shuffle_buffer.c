#include "data/loader/shuffle_buffer.h"

int nn_shuffle_buffer_init(nn_shuffle_buffer *w, const nn_order *order) {
    w->order = *order;
    w->held[0] = w->held[1] = w->loading = -1;
    for (size_t i = 0; i < w->readers; i++) {
        nn_field_reader *c = w->reader[i];
        size_t rows = (size_t)(order->chunk * order->buffer);
        NN_TRY(NN_NEW(&c->buffer, 2 * rows * c->row_bytes, "a shuffle buffer"));
    }
    return NN_OK;
}

int64_t nn_shuffle_buffer_index(const nn_shuffle_buffer *w, int64_t number, int64_t row) {
    return number % 2 * w->order.chunk * w->order.buffer + row;
}

static int read_chunk(nn_shuffle_buffer *w, int64_t number, int64_t i) {
    int64_t first, count, row = nn_shuffle_buffer_index(w, number, i * w->order.chunk);

    nn_order_chunk(&w->order, number % w->order.buffers, i, &first, &count);
    for (size_t k = 0; k < w->readers; k++) {
        nn_field_reader *c = w->reader[k];
        NN_TRY(nn_dataset_read(c->ds, c->split, c->name, first, count,
                               c->buffer + (size_t)row * c->row_bytes));
    }
    return NN_OK;
}

int nn_shuffle_buffer_read(nn_shuffle_buffer *w, int64_t number, bool *more) {
    *more = false;
    if (w->held[number % 2] == number)
        return NN_OK;
    if (w->loading != number) {
        w->loading = number;
        w->next = 0;
        w->held[number % 2] = -1;
    }
    nn_order_begin(&w->order, number / w->order.buffers);
    NN_TRY(read_chunk(w, number, w->next));
    w->next++;
    *more = w->next < nn_order_chunks(&w->order, number % w->order.buffers);
    if (!*more) {
        w->held[number % 2] = number;
        w->loading = -1;
    }
    return NN_OK;
}

int nn_shuffle_buffer_need(nn_shuffle_buffer *w, int64_t number) {
    bool more = true;

    while (more)
        NN_TRY(nn_shuffle_buffer_read(w, number, &more));
    return NN_OK;
}
