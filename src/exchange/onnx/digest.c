#include "exchange/onnx/file.h"

#include <string.h>

/* Numbers come before what they count, and texts with their NUL, so that no two graphs are the same
 * bytes. */
static void add_number(nn_digest *digest, int64_t number) {
    nn_digest_add(digest, &number, sizeof number);
}

static void add_text(nn_digest *digest, const char *text) {
    add_number(digest, text != NULL);
    if (text)
        nn_digest_add(digest, text, strlen(text) + 1);
}

static void add_texts(nn_digest *digest, size_t count, const char *const *text) {
    add_number(digest, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        add_text(digest, text[i]);
}

static void add_numbers(nn_digest *digest, size_t count, const int64_t *number) {
    add_number(digest, (int64_t)count);
    nn_digest_add(digest, number, count * sizeof *number);
}

static void add_attribute(nn_digest *digest, const nn_onnx_attribute *a) {
    add_text(digest, a->name);
    add_text(digest, a->text);
    add_number(digest, a->number);
    nn_digest_add(digest, &a->real, sizeof a->real);
    add_texts(digest, a->text_count, a->texts);
    add_numbers(digest, a->count, a->numbers);
    add_number(digest, (int64_t)a->tensor);
}

static void add_op(nn_digest *digest, const nn_onnx_op *op) {
    add_text(digest, op->op);
    add_text(digest, op->domain);
    add_texts(digest, op->inputs, op->input);
    add_texts(digest, op->outputs, op->output);
    add_number(digest, (int64_t)op->attributes);
    for (size_t i = 0; i < op->attributes; i++)
        add_attribute(digest, &op->attribute[i]);
}

static void add_constant(nn_digest *digest, const nn_file_tensor *t) {
    add_text(digest, t->name);
    add_text(digest, t->type->name);
    add_numbers(digest, (size_t)t->rank, t->dim);
    nn_digest_add(digest, t->bytes, t->count * t->type->size);
}

static void add_ports(nn_digest *digest, size_t count, const nn_onnx_port *port) {
    add_number(digest, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        add_text(digest, port[i].name);
        add_numbers(digest, (size_t)port[i].rank, port[i].dim);
    }
}

int nn_onnx_digest(const nn_onnx_file *file, const char *about, char hex[NN_DIGEST_HEX]) {
    nn_digest *digest;
    NN_TRY(nn_digest_new(&digest));
    add_text(digest, about);
    add_number(digest, file->opset);
    add_number(digest, (int64_t)file->ops);
    for (size_t i = 0; i < file->ops; i++)
        add_op(digest, &file->op[i]);
    add_number(digest, (int64_t)file->constants.count);
    for (size_t i = 0; i < file->constants.count; i++)
        add_constant(digest, &file->constants.tensor[i]);
    add_ports(digest, file->inputs, file->input);
    add_ports(digest, file->outputs, file->output);
    nn_digest_end(digest, hex);
    return 0;
}
