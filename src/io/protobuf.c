#include "io/protobuf.h"

#include <string.h>

/* ---- writing --------------------------------------------------------------------------------- */

static void put_varint(nn_bytes *message, uint64_t value) {
    unsigned char bytes[10];
    size_t count = 0;
    for (; value > 0x7f; value >>= 7)
        bytes[count++] = (unsigned char)(0x80 | value);
    bytes[count++] = (unsigned char)value;
    nn_bytes_put(message, bytes, count);
}

static void put_tag(nn_bytes *message, int field, nn_pb_wire wire) {
    put_varint(message, (uint64_t)field << 3 | wire);
}

void nn_pb_put_int(nn_bytes *message, int field, int64_t value) {
    put_tag(message, field, NN_PB_VARINT);
    put_varint(message, (uint64_t)value);
}

void nn_pb_put_float(nn_bytes *message, int field, float value) {
    put_tag(message, field, NN_PB_32);
    nn_bytes_put(message, &value, sizeof value);
}

void nn_pb_put_double(nn_bytes *message, int field, double value) {
    put_tag(message, field, NN_PB_64);
    nn_bytes_put(message, &value, sizeof value);
}

void nn_pb_put_bytes(nn_bytes *message, int field, const void *bytes, size_t count) {
    put_tag(message, field, NN_PB_BYTES);
    put_varint(message, count);
    nn_bytes_put(message, bytes, count);
}

void nn_pb_put_text(nn_bytes *message, int field, const char *text) {
    nn_pb_put_bytes(message, field, text, strlen(text));
}

void nn_pb_put_message(nn_bytes *message, int field, nn_bytes *inner) {
    nn_pb_put_bytes(message, field, inner->at, inner->count);
    message->failed = message->failed || inner->failed;
    nn_bytes_release(inner);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int damaged(const nn_pb_reader *r, const char *what) {
    return nn_fail(NN_EFORMAT, "%s: byte %zu: %s", r->file, (size_t)(r->at - r->start), what);
}

int nn_pb_varint(nn_pb_reader *r, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end)
            return damaged(r, "a number is cut off");
        unsigned char byte = *r->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 0;
    }
    return damaged(r, "a number of more than 64 bits");
}

static int read_bytes(nn_pb_reader *r, nn_pb_field *field) {
    uint64_t count;
    NN_TRY(nn_pb_varint(r, &count));
    if (count > (size_t)(r->end - r->at))
        return damaged(r, "a field is longer than the message it stands in");
    field->bytes = r->at;
    field->count = (size_t)count;
    r->at += count;
    return 0;
}

int nn_pb_fixed(nn_pb_reader *r, int size, uint64_t *value) {
    if (r->end - r->at < size)
        return damaged(r, "a number is cut off");
    *value = nn_bytes_get(r->at, size);
    r->at += size;
    return 0;
}

int nn_pb_next(nn_pb_reader *r, nn_pb_field *field, bool *more) {
    uint64_t tag;
    *field = (nn_pb_field){0};
    *more = r->at < r->end;
    if (!*more)
        return 0;
    NN_TRY(nn_pb_varint(r, &tag));
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return damaged(r, "no field of Protocol Buffers begins here");
    field->number = (int)(tag >> 3);
    field->wire = (nn_pb_wire)(tag & 7);
    switch (field->wire) {
    case NN_PB_VARINT:
        return nn_pb_varint(r, &field->value);
    case NN_PB_64:
        return nn_pb_fixed(r, 8, &field->value);
    case NN_PB_BYTES:
        return read_bytes(r, field);
    case NN_PB_32:
        return nn_pb_fixed(r, 4, &field->value);
    default:
        return damaged(r, "no type of Protocol Buffers that is in use");
    }
}

nn_pb_reader nn_pb_inner(const nn_pb_reader *r, const nn_pb_field *field) {
    const unsigned char *at = field->wire == NN_PB_BYTES ? field->bytes : r->at;
    return (nn_pb_reader){r->file, r->start, at, at + field->count};
}
