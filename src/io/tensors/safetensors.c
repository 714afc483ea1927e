/* safetensors (https://huggingface.co/docs/safetensors): eight bytes with the length of a header in
 * JSON, {"name": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}, ...}, then the numbers
 * of all tensors, without gaps. */
#include "base/bytes.h"
#include "base/json/json.h"
#include "io/files/file.h"
#include "io/tensors/tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH 8                /* bytes of the header's length */
#define LARGEST 100000000       /* of the header, as the format has it */
#define METADATA "__metadata__" /* strings, by name */
#define ABOUT "nnmpi"           /* the name of ours */

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reading {
    nn_json_reader json;
    nn_file_tensors *list;
    const char *data; /* behind the header, ... */
    size_t size;      /* ... so many bytes */
} reading;

/* What is read of a key of an object. */
typedef int item_fn(reading *r, const char *key, void *to);

static int read_object(reading *r, item_fn *item, void *to) {
    char *key;
    bool more;
    NN_TRY(nn_json_begin(&r->json, '{'));
    for (;;) {
        NN_TRY(nn_json_next(&r->json, '}', &more));
        if (!more)
            return 0;
        NN_TRY(nn_json_read_key(&r->json, &key));
        NN_TRY(item(r, key, to));
    }
}

static int read_metadata(reading *r, const char *key, void *to) {
    char *text;
    (void)to;
    NN_TRY(nn_json_read_string(&r->json, &text));
    if (strcmp(key, ABOUT) == 0)
        r->list->about = text;
    return 0;
}

static int read_type(reading *r, nn_file_tensor *t) {
    char *name;
    NN_TRY(nn_json_read_string(&r->json, &name));
    for (t->type = nn_elements; t->type->name; t->type++)
        if (strcmp(t->type->name, name) == 0)
            return 0;
    return nn_json_place(&r->json, nn_fail(NN_EFORMAT,
                                           "'%s' has the dtype '%s', which nnmpi cannot "
                                           "read: F32, F64, F16, BF16 and integers",
                                           t->name, name));
}

/* A list of at most `most` numbers. */
static int read_list(reading *r, int most, int *count, int64_t *number) {
    bool more;
    NN_TRY(nn_json_begin(&r->json, '['));
    for (*count = 0;; ++*count) {
        NN_TRY(nn_json_next(&r->json, ']', &more));
        if (!more)
            return 0;
        if (*count == most)
            return nn_json_place(&r->json, nn_fail(NN_EFORMAT, "a list of more than %d", most));
        NN_TRY(nn_json_read_count(&r->json, &number[*count]));
    }
}

/* A tensor as it is read. */
typedef struct tensor {
    nn_file_tensor t;
    int64_t place[2];
} tensor;

/* What is said of it, each once. */
static int read_item(reading *r, const char *key, void *to) {
    tensor *of = to;
    nn_file_tensor *t = &of->t;
    int64_t *place = of->place;
    int count;
    if (strcmp(key, "dtype") == 0 && !t->type)
        return read_type(r, t);
    if (strcmp(key, "shape") == 0 && t->rank < 0)
        return read_list(r, NN_FILE_TENSOR_RANK, &t->rank, t->dim);
    if (strcmp(key, "data_offsets") == 0 && place[1] < 0) {
        NN_TRY(read_list(r, 2, &count, place));
        if (count == 2 && place[0] <= place[1] && (uint64_t)place[1] <= r->size)
            return 0;
        return nn_json_place(&r->json, nn_fail(NN_EFORMAT,
                                               "data_offsets of '%s' are a beginning and an end "
                                               "within the %zu bytes of data",
                                               t->name, r->size));
    }
    return nn_json_place(
        &r->json, nn_fail(NN_EFORMAT, "'%s' has a second or unknown key '%s'", t->name, key));
}

static int read_tensor(reading *r, const char *name) {
    tensor of = {{.name = name, .rank = -1}, {-1, -1}};
    NN_TRY(read_object(r, read_item, &of));
    if (!of.t.type || of.t.rank < 0 || of.place[1] < 0)
        return nn_json_place(&r->json, nn_fail(NN_EFORMAT, "'%s' has no %s", name,
                                               !of.t.type      ? "dtype"
                                               : of.t.rank < 0 ? "shape"
                                                               : "data_offsets"));
    of.t.bytes = (const unsigned char *)r->data + of.place[0];
    return nn_file_tensors_add(r->list, of.t, (size_t)(of.place[1] - of.place[0]));
}

static int read_entry(reading *r, const char *key, void *to) {
    return strcmp(key, METADATA) == 0 ? read_object(r, read_metadata, to) : read_tensor(r, key);
}

static int by_place(const void *a, const void *b) {
    const nn_file_tensor *const *x = a, *const *y = b;
    if ((*x)->bytes != (*y)->bytes)
        return (*x)->bytes < (*y)->bytes ? -1 : 1;
    return ((*x)->count > 0) - ((*y)->count > 0);
}

/* Tensors stand one behind the other, and every byte of the data is of one. */
static int check_places(const reading *r) {
    const nn_file_tensors *list = r->list;
    const nn_file_tensor **in_order;
    const unsigned char *end = (const unsigned char *)r->data;
    int rc = 0;
    NN_TRY(NN_NEW(&in_order, list->count + 1, "places of tensors"));
    for (size_t i = 0; i < list->count; i++)
        in_order[i] = &list->tensor[i];
    qsort(in_order, list->count, sizeof(*in_order), by_place);
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        const nn_file_tensor *t = in_order[i];
        if (t->bytes != end)
            rc = nn_fail(NN_EFORMAT, "%s: '%s' %s the tensor before it", list->file, t->name,
                         t->bytes < end ? "overlaps" : "leaves a gap behind");
        end = t->bytes + t->count * t->type->size;
    }
    nn_free(in_order);
    if (rc == 0 && end != (const unsigned char *)r->data + r->size)
        rc = nn_fail(NN_EFORMAT, "%s has bytes behind the last tensor, or is cut off", list->file);
    return rc;
}

static int safetensors_read(nn_file_tensors *list) {
    size_t size;
    char *text;
    NN_TRY(nn_file_read(list->pool, list->file, &text, &size));
    uint64_t header = size < LENGTH ? 0 : nn_bytes_get((unsigned char *)text, LENGTH);
    if (size < LENGTH || header > LARGEST || header > size - LENGTH)
        return nn_fail(
            NN_EFORMAT,
            "%s is no safetensors file, or is cut off: it has %zu bytes, and the first 8 "
            "say that a header of %" PRIu64 " bytes follows (at most %d)",
            list->file, size, header, LARGEST);
    reading r = {.json = {.pool = list->pool,
                          .file = list->file,
                          .text = text + LENGTH,
                          .length = header,
                          .offset = LENGTH},
                 .list = list,
                 .data = text + LENGTH + header,
                 .size = size - LENGTH - header};
    NN_TRY(read_object(&r, read_entry, NULL));
    NN_TRY(nn_json_end(&r.json));
    NN_TRY(nn_file_tensors_check_names(list));
    return check_places(&r);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_tensor(nn_json *json, const nn_file_tensor *t, size_t place) {
    nn_json_open(json, t->name, '{');
    nn_json_string(json, "dtype", t->type->name);
    nn_json_open(json, "shape", '[');
    for (int i = 0; i < t->rank; i++)
        nn_json_int(json, NULL, t->dim[i]);
    nn_json_close(json, ']');
    nn_json_open(json, "data_offsets", '[');
    nn_json_int(json, NULL, (int64_t)place);
    nn_json_int(json, NULL, (int64_t)(place + t->count * t->type->size));
    nn_json_close(json, ']');
    nn_json_close(json, '}');
}

/* {"__metadata__": {"format": "pt", ...}: names and layouts are PyTorch's, which its readers ask
 * for. */
static void put_header(nn_json *json, const nn_file_tensors *list) {
    size_t place = 0;
    nn_json_open(json, NULL, '{');
    nn_json_open(json, METADATA, '{');
    nn_json_string(json, "format", "pt");
    if (list->about)
        nn_json_string(json, ABOUT, list->about);
    nn_json_close(json, '}');
    for (size_t i = 0; i < list->count; i++) {
        put_tensor(json, &list->tensor[i], place);
        place += list->tensor[i].count * list->tensor[i].type->size;
    }
    nn_json_close(json, '}');
}

/* Bytes that a header takes at most: a character becomes six where it is escaped. */
static size_t most_of(const nn_file_tensors *list) {
    size_t most = 256 + (list->about ? 6 * strlen(list->about) : 0);
    for (size_t i = 0; i < list->count; i++)
        most += 320 + 6 * strlen(list->tensor[i].name);
    return most;
}

static int write_pieces(const nn_file_tensors *list, nn_json *json, nn_piece *piece) {
    unsigned char length[LENGTH];
    put_header(json, list);
    while (json->length % LENGTH) /* so that the numbers stand aligned */
        json->text[json->length++] = ' ';
    if (json->length > LARGEST)
        return nn_fail(
            NN_EIO,
            "%s: names and text about the model take %zu bytes, and safetensors has room "
            "for %d: write it as .npz",
            list->file, json->length, LARGEST);
    for (int i = 0; i < LENGTH; i++)
        length[i] = (unsigned char)((uint64_t)json->length >> 8 * i);
    piece[0] = (nn_piece){length, LENGTH};
    piece[1] = (nn_piece){json->text, json->length};
    for (size_t i = 0; i < list->count; i++)
        piece[2 + i] =
            (nn_piece){list->tensor[i].bytes, list->tensor[i].count * list->tensor[i].type->size};
    return nn_file_write_pieces(list->file, piece, 2 + list->count);
}

static int safetensors_write(const nn_file_tensors *list) {
    nn_piece *piece = NULL;
    char *text = NULL;
    size_t most = most_of(list);
    nn_json json;
    int rc;
    NN_TRY_GOTO(NN_NEW(&piece, 2 + list->count, "a safetensors file"));
    NN_TRY_GOTO(NN_NEW(&text, most + LENGTH, "the header of a safetensors file"));
    nn_json_init(&json, text, most);
    NN_TRY_GOTO(write_pieces(list, &json, piece));
done:
    nn_free(piece);
    nn_free(text);
    return rc;
}

const nn_file_tensor_format nn_format_safetensors = {".safetensors", safetensors_read,
                                                     safetensors_write};
