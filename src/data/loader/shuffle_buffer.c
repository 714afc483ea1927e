#include "data/loader/shuffle_buffer.h"

void nn_shuffle_buffer_init(nn_shuffle_buffer *b, const nn_order *order) {
    b->order = *order;
    b->held[0] = b->held[1] = b->loading = -1;
}

/* Where one buffer is all there is, it stays. */
int64_t nn_shuffle_buffer_rows(const nn_shuffle_buffer *b) {
    return (b->order.buffers > 1 ? 2 : 1) * b->order.chunk * b->order.buffer;
}

int64_t nn_shuffle_buffer_index(const nn_shuffle_buffer *b, int64_t number, int64_t row) {
    return b->begin + number % 2 * b->order.chunk * b->order.buffer + row;
}

static int read_chunk(nn_shuffle_buffer *b, int64_t number, int64_t i) {
    int64_t first, count, row = nn_shuffle_buffer_index(b, number, i * b->order.chunk);

    nn_order_chunk(&b->order, number % b->order.buffers, i, &first, &count);
    for (size_t k = 0; k < b->readers; k++) {
        nn_field_reader *c = b->reader[k];
        NN_TRY(nn_dataset_read(c->ds, c->split, c->name, b->first + first, count,
                               c->buffer + (size_t)row * c->row_bytes));
    }
    return NN_OK;
}

int nn_shuffle_buffer_read(nn_shuffle_buffer *b, int64_t number, bool *more) {
    *more = false;
    if (b->held[number % 2] == number)
        return NN_OK;
    if (b->loading != number) {
        b->loading = number;
        b->next = 0;
        b->held[number % 2] = -1;
    }
    nn_order_begin(&b->order, number / b->order.buffers);
    NN_TRY(read_chunk(b, number, b->next));
    b->next++;
    *more = b->next < nn_order_chunks(&b->order, number % b->order.buffers);
    if (!*more) {
        b->held[number % 2] = number;
        b->loading = -1;
    }
    return NN_OK;
}

int nn_shuffle_buffer_need(nn_shuffle_buffer *b, int64_t number) {
    bool more = true;

    while (more)
        NN_TRY(nn_shuffle_buffer_read(b, number, &more));
    return NN_OK;
}
