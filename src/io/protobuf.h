/* The wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), as far as
 * ONNX and TensorBoard have it. They need no more than this, so the library and its compiler are no
 * dependency. */
#ifndef NN_IO_PROTOBUF_H
#define NN_IO_PROTOBUF_H

#include "base/bytes.h"

/* Append a field of that number to a message. */
void nn_pb_put_int(nn_bytes *message, int field, int64_t value);
void nn_pb_put_float(nn_bytes *message, int field, float value);
void nn_pb_put_double(nn_bytes *message, int field, double value);
void nn_pb_put_bytes(nn_bytes *message, int field, const void *bytes, size_t count);
void nn_pb_put_text(nn_bytes *message, int field, const char *text);
/* A message in it, which is released. */
void nn_pb_put_message(nn_bytes *message, int field, nn_bytes *inner);

typedef enum nn_pb_wire { NN_PB_VARINT, NN_PB_64, NN_PB_BYTES, NN_PB_32 = 5 } nn_pb_wire;

/* A field as it is read. */
typedef struct nn_pb_field {
    int number;
    nn_pb_wire wire;
    uint64_t value;             /* of a varint or of fixed size */
    const unsigned char *bytes; /* of NN_PB_BYTES ... */
    size_t count;               /* ... so many */
} nn_pb_field;

/* A message being read. */
typedef struct nn_pb_reader {
    const char *file;                /* in messages */
    const unsigned char *start, *at; /* of the file; where reading stands */
    const unsigned char *end;        /* of the message */
} nn_pb_reader;

/* The next field, or *more is false at the end of the message. NN_EFORMAT with the place. */
int nn_pb_next(nn_pb_reader *r, nn_pb_field *field, bool *more);
/* The message that a field of NN_PB_BYTES is; an empty one for others. */
nn_pb_reader nn_pb_inner(const nn_pb_reader *r, const nn_pb_field *field);
/* A varint, or a number of 4 or 8 bytes, from those of a packed field. */
int nn_pb_varint(nn_pb_reader *r, uint64_t *value);
int nn_pb_fixed(nn_pb_reader *r, int size, uint64_t *value);

#endif
