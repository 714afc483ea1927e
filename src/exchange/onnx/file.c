#include "exchange/onnx/file.h"

#include "exchange/onnx/schema.h"
#include "io/files/file.h"

#include <string.h>

/* A message being read: what its fields go to. */
typedef int take_fn(nn_onnx_file *file, void *to, const nn_pb_reader *r, const nn_pb_field *field);

static int read_message(nn_onnx_file *file, nn_pb_reader r, take_fn *take, void *to) {
    nn_pb_field field;
    bool more;
    for (;;) {
        NN_TRY(nn_pb_next(&r, &field, &more));
        if (!more)
            return 0;
        NN_TRY(take(file, to, &r, &field));
    }
}

/* The message that a field is. */
static int read_inner(nn_onnx_file *file, const nn_pb_reader *r, const nn_pb_field *field,
                      take_fn *take, void *to) {
    return read_message(file, nn_pb_inner(r, field), take, to);
}

/* Up to the first NUL, as names are compared. */
static int read_text(const nn_onnx_file *file, const nn_pb_field *field, const char **text) {
    size_t length = field->count < INT32_MAX ? field->count : INT32_MAX;
    *text = nn_pool_printf(file->constants.pool, "%.*s", (int)length,
                           field->count ? (const char *)field->bytes : "");
    return *text ? 0 : NN_EMEMORY;
}

#define IS(wire_, number_) (field->wire == (wire_) && field->number == (number_))

/* ---- tensors --------------------------------------------------------------------------------- */

typedef struct tensor {
    nn_file_tensor t;
    size_t bytes;
    int field; /* where its numbers stand; 0: none so far */
    bool elsewhere, too_deep, twice;
    int64_t *number; /* of fields but raw_data: as numbers or bits, each in 64 bits */
    size_t numbers, capacity;
} tensor;

/* A field of numbers, packed or not, at the end of an array: varints, or `size` bytes each. */
static int add_numbers(const nn_onnx_file *file, const nn_pb_reader *r, const nn_pb_field *field,
                       int size, int64_t **number, size_t *count, size_t *capacity) {
    nn_pb_reader packed = nn_pb_inner(r, field);
    uint64_t value = field->value;
    bool one = field->wire == (size == 0 ? NN_PB_VARINT : size == 4 ? NN_PB_32 : NN_PB_64);
    while (one || packed.at < packed.end) {
        if (!one)
            NN_TRY(size == 0 ? nn_pb_varint(&packed, &value) : nn_pb_fixed(&packed, size, &value));
        NN_TRY(NN_GROW(file->constants.pool, number, *count, capacity));
        (*number)[(*count)++] = (int64_t)value;
        one = false;
    }
    return 0;
}

static int add_dims(const nn_onnx_file *file, const nn_pb_reader *r, const nn_pb_field *field,
                    tensor *to) {
    int64_t *dim = NULL;
    size_t count = 0, capacity = 0;
    NN_TRY(add_numbers(file, r, field, 0, &dim, &count, &capacity));
    for (size_t i = 0; i < count; i++) {
        to->too_deep = to->too_deep || to->t.rank == NN_FILE_TENSOR_RANK || dim[i] < 0;
        if (!to->too_deep)
            to->t.dim[to->t.rank++] = dim[i];
    }
    return 0;
}

static int take_numbers(const nn_onnx_file *file, const nn_pb_reader *r, const nn_pb_field *field,
                        tensor *to) {
    int size = field->number == NN_TENSOR_FLOATS ? 4 : field->number == NN_TENSOR_DOUBLES ? 8 : 0;
    bool raw = field->number == NN_TENSOR_RAW;
    to->twice = to->twice || (to->field && (raw || to->field != field->number));
    to->field = field->number;
    if (!raw)
        return add_numbers(file, r, field, size, &to->number, &to->numbers, &to->capacity);
    to->t.bytes = field->bytes;
    to->bytes = field->count;
    return 0;
}

static int take_tensor_field(nn_onnx_file *file, void *ctx, const nn_pb_reader *r,
                             const nn_pb_field *field) {
    tensor *to = ctx;
    switch (field->number) {
    case NN_TENSOR_DIMS:
        return add_dims(file, r, field, to);
    case NN_TENSOR_RAW:
    case NN_TENSOR_FLOATS:
    case NN_TENSOR_INT32S:
    case NN_TENSOR_INT64S:
    case NN_TENSOR_DOUBLES:
    case NN_TENSOR_UINT64S:
        return take_numbers(file, r, field, to);
    case NN_TENSOR_NAME:
        return field->wire == NN_PB_BYTES ? read_text(file, field, &to->t.name) : 0;
    case NN_TENSOR_PLACE:
        to->elsewhere = field->value != 0;
        return 0;
    case NN_TENSOR_TYPE:
        for (const nn_element *e = nn_elements; e->name; e++)
            if ((uint64_t)e->onnx == field->value)
                to->t.type = e;
        return 0;
    default:
        return 0;
    }
}

/* The field that has numbers of that type, where that is not raw_data. */
static int field_of(const nn_element *type) {
    static const int field[] = {[NN_TENSOR_IS_FLOAT] = NN_TENSOR_FLOATS,
                                [NN_TENSOR_IS_INT64] = NN_TENSOR_INT64S,
                                [NN_TENSOR_IS_DOUBLE] = NN_TENSOR_DOUBLES,
                                [NN_TENSOR_IS_UINT32] = NN_TENSOR_UINT64S,
                                [NN_TENSOR_IS_UINT64] = NN_TENSOR_UINT64S};
    bool other = (size_t)type->onnx >= sizeof field / sizeof *field || !field[type->onnx];
    return other ? NN_TENSOR_INT32S : field[type->onnx];
}

/* What is wrong with it; NULL: nothing. */
static const char *check_tensor(const tensor *of) {
    if (of->elsewhere)
        return "stands in another file, and no other file is opened: write the model as one";
    if (of->too_deep)
        return "has more than 8 dimensions or one below 0";
    if (!of->t.type)
        return "has a type that cannot be parameters";
    if (of->twice)
        return "has its numbers twice";
    if (of->field && of->field != NN_TENSOR_RAW && of->field != field_of(of->t.type))
        return "has its numbers in a field for those of another type";
    return NULL;
}

/* Numbers of 64 bits become those of the type where they stand. */
static void narrow(tensor *of) {
    unsigned char *out = (unsigned char *)of->number;
    size_t size = of->t.type->size;
    for (size_t i = 0; i < of->numbers; i++) {
        int64_t number = of->number[i];
        memcpy(out + i * size, &number, size);
    }
    of->t.bytes = out;
    of->bytes = of->numbers * size;
}

static int add_tensor(nn_onnx_file *file, const nn_pb_reader *r, const nn_pb_field *field,
                      bool named) {
    tensor to = {.t = {.name = ""}};
    NN_TRY(read_inner(file, r, field, take_tensor_field, &to));
    const char *wrong = check_tensor(&to);
    if (wrong)
        return nn_fail(NN_EFORMAT, "%s: tensor '%s' %s", file->constants.file, to.t.name, wrong);
    if (to.field != NN_TENSOR_RAW)
        narrow(&to);
    if (!named)
        to.t.name = "";
    return nn_file_tensors_add(&file->constants, to.t, to.bytes);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static int take_attribute(nn_onnx_file *file, void *ctx, const nn_pb_reader *r,
                          const nn_pb_field *field) {
    nn_onnx_attribute *a = ctx;
    if (IS(NN_PB_BYTES, NN_ATTRIBUTE_NAME))
        return read_text(file, field, &a->name);
    if (IS(NN_PB_BYTES, NN_ATTRIBUTE_TEXT))
        return read_text(file, field, &a->text);
    if (field->number == NN_ATTRIBUTE_INTS)
        return add_numbers(file, r, field, 0, &a->numbers, &a->count, &a->capacity);
    if (IS(NN_PB_BYTES, NN_ATTRIBUTE_TEXTS)) {
        NN_TRY(NN_GROW(file->constants.pool, &a->texts, a->text_count, &a->text_capacity));
        return read_text(file, field, &a->texts[a->text_count++]);
    }
    if (IS(NN_PB_BYTES, NN_ATTRIBUTE_TENSOR)) {
        NN_TRY(add_tensor(file, r, field, false)); /* its name is no value of the graph */
        a->tensor = file->constants.count;
    }
    if (IS(NN_PB_VARINT, NN_ATTRIBUTE_INT))
        a->number = (int64_t)field->value;
    if (IS(NN_PB_32, NN_ATTRIBUTE_FLOAT)) {
        uint32_t bits = (uint32_t)field->value;
        memcpy(&a->real, &bits, sizeof a->real);
    }
    return 0;
}

static int add_name(nn_onnx_file *file, const nn_pb_field *field, const char ***list, size_t *count,
                    size_t *capacity) {
    NN_TRY(NN_GROW(file->constants.pool, list, *count, capacity));
    return read_text(file, field, &(*list)[(*count)++]);
}

static int take_node(nn_onnx_file *file, void *ctx, const nn_pb_reader *r,
                     const nn_pb_field *field) {
    nn_onnx_op *op = ctx;
    if (field->wire != NN_PB_BYTES)
        return 0;
    switch (field->number) {
    case NN_NODE_INPUT:
        return add_name(file, field, &op->input, &op->inputs, &op->input_capacity);
    case NN_NODE_OUTPUT:
        return add_name(file, field, &op->output, &op->outputs, &op->output_capacity);
    case NN_NODE_NAME:
        return read_text(file, field, &op->name);
    case NN_NODE_OP:
        return read_text(file, field, &op->op);
    case NN_NODE_DOMAIN:
        return read_text(file, field, &op->domain);
    case NN_NODE_ATTRIBUTE:
        NN_TRY(
            NN_GROW(file->constants.pool, &op->attribute, op->attributes, &op->attribute_capacity));
        op->attribute[op->attributes] = (nn_onnx_attribute){.name = ""};
        return read_inner(file, r, field, take_attribute, &op->attribute[op->attributes++]);
    default:
        return 0;
    }
}

const nn_onnx_attribute *nn_onnx_attribute_of(const nn_onnx_op *op, const char *name) {
    for (size_t i = 0; i < op->attributes; i++)
        if (strcmp(op->attribute[i].name, name) == 0)
            return &op->attribute[i];
    return NULL;
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

static int take_dim(nn_onnx_file *file, void *to, const nn_pb_reader *r, const nn_pb_field *field) {
    (void)file;
    (void)r;
    if (IS(NN_PB_VARINT, NN_DIM_VALUE))
        *(int64_t *)to = (int64_t)field->value;
    return 0;
}

static int take_shape(nn_onnx_file *file, void *ctx, const nn_pb_reader *r,
                      const nn_pb_field *field) {
    nn_onnx_port *port = ctx;
    if (!IS(NN_PB_BYTES, NN_TENSOR_SHAPE_DIM))
        return 0;
    if (port->rank == NN_FILE_TENSOR_RANK)
        return nn_fail(NN_EFORMAT, "%s: '%s' has more than 8 dimensions", r->file, port->name);
    return read_inner(file, r, field, take_dim, &port->dim[port->rank++]);
}

static int take_tensor_type(nn_onnx_file *file, void *to, const nn_pb_reader *r,
                            const nn_pb_field *field) {
    return IS(NN_PB_BYTES, NN_TENSOR_TYPE_SHAPE) ? read_inner(file, r, field, take_shape, to) : 0;
}

static int take_type(nn_onnx_file *file, void *to, const nn_pb_reader *r,
                     const nn_pb_field *field) {
    return IS(NN_PB_BYTES, NN_TYPE_TENSOR) ? read_inner(file, r, field, take_tensor_type, to) : 0;
}

static int take_port(nn_onnx_file *file, void *to, const nn_pb_reader *r,
                     const nn_pb_field *field) {
    if (IS(NN_PB_BYTES, NN_VALUE_NAME))
        return read_text(file, field, &((nn_onnx_port *)to)->name);
    return IS(NN_PB_BYTES, NN_VALUE_TYPE) ? read_inner(file, r, field, take_type, to) : 0;
}

static int add_port(nn_onnx_file *file, const nn_pb_reader *r, const nn_pb_field *field,
                    nn_onnx_port **list, size_t *count, size_t *capacity) {
    NN_TRY(NN_GROW(file->constants.pool, list, *count, capacity));
    (*list)[*count] = (nn_onnx_port){.name = ""};
    return read_inner(file, r, field, take_port, &(*list)[(*count)++]);
}

/* ---- graph and model ------------------------------------------------------------------------- */

static int take_graph(nn_onnx_file *file, void *to, const nn_pb_reader *r,
                      const nn_pb_field *field) {
    (void)to;
    if (field->wire != NN_PB_BYTES)
        return 0;
    switch (field->number) {
    case NN_GRAPH_NODE:
        NN_TRY(NN_GROW(file->constants.pool, &file->op, file->ops, &file->op_capacity));
        file->op[file->ops] = (nn_onnx_op){.name = "", .domain = ""};
        NN_TRY(read_inner(file, r, field, take_node, &file->op[file->ops]));
        return file->op[file->ops++].op
                   ? 0
                   : nn_fail(NN_EFORMAT, "%s: a node has no operator", file->constants.file);
    case NN_GRAPH_INITIALIZER:
        return add_tensor(file, r, field, true);
    case NN_GRAPH_INPUT:
        return add_port(file, r, field, &file->input, &file->inputs, &file->input_capacity);
    case NN_GRAPH_OUTPUT:
        return add_port(file, r, field, &file->output, &file->outputs, &file->output_capacity);
    case NN_GRAPH_SPARSE:
        return nn_fail(NN_EFORMAT, "%s has a sparse constant: write it as a dense one",
                       file->constants.file);
    default:
        return 0;
    }
}

typedef struct pair {
    const char *name, *text;
    int64_t number;
} pair;

/* Of an operator set a domain and a version, of metadata a key and a value. */
static int take_pair(nn_onnx_file *file, void *ctx, const nn_pb_reader *r,
                     const nn_pb_field *field) {
    pair *to = ctx;
    (void)r;
    if (IS(NN_PB_BYTES, NN_ENTRY_KEY))
        return read_text(file, field, &to->name);
    if (IS(NN_PB_BYTES, NN_ENTRY_VALUE))
        return read_text(file, field, &to->text);
    if (IS(NN_PB_VARINT, NN_OPSET_VERSION))
        to->number = (int64_t)field->value;
    return 0;
}

static int take_model(nn_onnx_file *file, void *to, const nn_pb_reader *r,
                      const nn_pb_field *field) {
    pair p = {.name = "", .text = ""};
    (void)to;
    if (IS(NN_PB_BYTES, NN_MODEL_GRAPH))
        return read_inner(file, r, field, take_graph, NULL);
    if (!IS(NN_PB_BYTES, NN_MODEL_OPSET) && !IS(NN_PB_BYTES, NN_MODEL_METADATA))
        return 0;
    NN_TRY(read_inner(file, r, field, take_pair, &p));
    if (field->number == NN_MODEL_OPSET && (!*p.name || strcmp(p.name, "ai.onnx") == 0))
        file->opset = p.number;
    if (field->number == NN_MODEL_METADATA && strcmp(p.name, NN_ONNX_ABOUT) == 0)
        file->about = p.text;
    if (field->number == NN_MODEL_METADATA && strcmp(p.name, NN_ONNX_ABOUT_DIGEST) == 0)
        file->about_digest = p.text;
    return 0;
}

int nn_onnx_parse(nn_pool *pool, const char *path, const void *bytes, size_t size,
                  nn_onnx_file *file) {
    nn_pb_reader r = {.file = path, .start = bytes, .at = bytes};
    r.end = r.start + size;
    *file = (nn_onnx_file){.constants = {.pool = pool, .file = path}};
    NN_TRY(read_message(file, r, take_model, NULL));
    if (file->opset == 0 || file->ops == 0)
        return nn_fail(NN_EFORMAT, "%s is no model of ONNX: it has no %s", path,
                       file->opset == 0 ? "operator set" : "nodes");
    return 0;
}

int nn_onnx_read(nn_pool *pool, const char *path, nn_onnx_file *file) {
    char *bytes;
    size_t size;
    NN_TRY(nn_file_read(pool, path, &bytes, &size));
    return nn_onnx_parse(pool, path, bytes, size, file);
}
