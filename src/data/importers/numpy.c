/* Arrays of NumPy: an archive .npz with an array for each field of each split, or .npy files. Files
 * are read as a whole; what an archive has compressed, too. */
#include "base/log.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/importers/beside.h"
#include "data/importers/importer.h"
#include "data/output.h"
#include "data/values/convert.h"
#include "io/files/file.h"
#include "io/tensors/tensors.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const nn_option nn_npz_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_npz_options, path), NULL, NULL,
     "archive of NumPy, .npz, as np.savez and np.savez_compressed write them"},
    {"x", NN_OPT_STRING, offsetof(nn_npz_options, x), "", NULL,
     "name of the array of the training samples; by default x_train, X_train, train_x, "
     "train_images, x, X, images or data, the first that is there. Where `train` stands in a name, "
     "the arrays of the same name with valid or val, and test, are the other splits"},
    {"y", NN_OPT_STRING, offsetof(nn_npz_options, y), "", NULL,
     "that of what is to be learned, integers [N] being classes; by default y_train, Y_train, "
     "train_y, train_labels, y, Y, labels, targets or target"},
    {"w", NN_OPT_STRING, offsetof(nn_npz_options, w), "", NULL,
     "that of the weights of the samples; by default w_train, train_w or w"},
    {"len", NN_OPT_STRING, offsetof(nn_npz_options, len), "", NULL,
     "that of the lengths of sequences; by default len_train, train_len or len"},
    NN_OPTION_END,
};

const nn_option nn_npy_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_npy_options, path), NULL, NULL,
     "array of NumPy, .npy: samples, one a row"},
    {"targets", NN_OPT_STRING, offsetof(nn_npy_options, targets), "", NULL,
     "that of what is to be learned, integers [N] being classes; by default, for a file called "
     "x... or ...images..., the one beside it called y... or ...labels..., if there is one"},
    NN_OPTION_END,
};

/* What elements are stored as. */
static const struct {
    const char *element;
    nn_dtype type;
    bool same; /* the bytes are the same */
} types[] = {
    {"F32", NN_F32, true},  {"F64", NN_F64, true},  {"F16", NN_F32, false}, {"I8", NN_I8, true},
    {"U8", NN_U8, true},    {"BOOL", NN_U8, true},  {"I16", NN_I16, true},  {"I32", NN_I32, true},
    {"U16", NN_I32, false}, {"U32", NN_I64, false}, {"I64", NN_I64, true},  {"U64", NN_I64, false},
};

#define MOST_INTEGER 9223372036854775808.0 /* 2^63, which uint64 can reach */

typedef struct array {
    const char *split;
    char field;
    const char *file;
    const nn_file_tensor *tensor;
    nn_dtype type;
    bool direct; /* the file's bytes are those that are stored */
    nn_shape row;
} array;

typedef struct task {
    nn_pool pool;
    nn_file_tensors x, y; /* y: where it stands in a file of its own */
    size_t count;
    array array[NN_MAX_SPLITS * 4]; /* of a split x comes first */
    nn_output output;
} task;

/* ---- what there is -------------------------------------------------------------------------- */

/* One array as a field of a split; `file` is where it stands. */
static int add_array(task *t, const nn_file_tensors *file, const nn_file_tensor *tensor,
                     const char *split, char field) {
    array a = {.split = split,
               .field = field,
               .file = file->file,
               .tensor = tensor,
               .row = {.rank = tensor->rank - 1}};
    char shape[NN_FILE_TENSOR_TEXT];
    size_t k = 0;

    nn_file_tensor_shape_text(tensor, shape);
    if (tensor->rank < 1 || tensor->rank > NN_MAX_RANK + 1 || tensor->count == 0)
        return nn_fail(NN_EFORMAT,
                       "%s: '%s' is %s; samples [N, ...] have 1 to %d dimensions, none of them 0",
                       file->file, tensor->name, shape, NN_MAX_RANK + 1);
    while (strcmp(types[k].element, tensor->type->name) != 0)
        k++;
    a.type = types[k].type;
    a.direct = types[k].same && !tensor->fortran;
    for (int i = 0; i < a.row.rank; i++)
        a.row.dim[i] = tensor->dim[i + 1];
    if (field != 'x' && a.row.rank == 1 && a.row.dim[0] == 1) /* classes [N, 1] are [N] */
        a.row.rank = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->array[i].split == split && t->array[i].tensor->dim[0] != tensor->dim[0])
            return nn_fail(NN_EFORMAT,
                           "%s: '%s' is %s, but there are %" PRId64
                           " samples: they do not belong together",
                           file->file, tensor->name, shape, t->array[i].tensor->dim[0]);
    t->array[t->count++] = a;
    return NN_OK;
}

/* "a [3, 4], b [3]", cut short where there are many. */
static const char *list_of(nn_file_tensors *file) {
    char text[400] = "", shape[NN_FILE_TENSOR_TEXT];
    size_t length = 0;
    const char *list;

    for (size_t i = 0; i < file->count && length < sizeof text - 1; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %s", i ? ", " : "",
                                   file->tensor[i].name,
                                   nn_file_tensor_shape_text(&file->tensor[i], shape));
    list = nn_pool_strdup(file->pool, text);
    return list && *list ? list : "none of numbers";
}

typedef struct field_names {
    char field;
    const char *option; /* "x" */
    const char *said;   /* by the option, or NULL */
    const char *const *usual;
} field_names;

/* The array of the training samples' field; *out NULL where there is none and none is asked for. */
static int find_train(nn_file_tensors *file, const field_names *names, const nn_file_tensor **out) {
    *out = NULL;
    for (const char *const *name = names->usual; *name && !names->said && !*out; name++)
        *out = nn_file_tensors_find(file, *name);
    if (names->said)
        *out = nn_file_tensors_find(file, names->said);
    if (*out || (!names->said && names->field != 'x'))
        return NN_OK;
    return nn_fail(NN_EUSAGE, "%s: no array '%s' (%s, --%s); it has %s", file->file,
                   names->said ? names->said : *names->usual, names->option, names->option,
                   list_of(file));
}

/* The array of the same name with `with` in the place of "train"; NULL: there is none. */
static const nn_file_tensor *find_like(nn_file_tensors *file, const char *name, const char *with) {
    const char *train = strstr(name, "train");
    const char *other = train ? nn_pool_printf(file->pool, "%.*s%s%s", (int)(train - name), name,
                                               with, train + strlen("train"))
                              : NULL;

    return other ? nn_file_tensors_find(file, other) : NULL;
}

static int add_field(task *t, nn_file_tensors *file, const field_names *names) {
    static const char *const others[][2] = {{"valid", "valid"}, {"valid", "val"}, {"test", "test"}};
    const nn_file_tensor *train, *found;
    const char *last = NULL;

    NN_TRY(find_train(file, names, &train));
    if (!train)
        return NN_OK;
    NN_TRY(add_array(t, file, train, "train", names->field));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        found = last == others[i][0] ? NULL : find_like(file, train->name, others[i][1]);
        if (!found)
            continue;
        last = others[i][0];
        NN_TRY(add_array(t, file, found, last, names->field));
    }
    return NN_OK;
}

static int read_npz(task *t, const nn_npz_options *o) {
    static const char *const x[] = {"x_train", "X_train", "train_x", "train_images", "x", "X",
                                    "images",  "data",    NULL};
    static const char *const y[] = {"y_train", "Y_train", "train_y", "train_labels", "y",
                                    "Y",       "labels",  "targets", "target",       NULL};
    static const char *const w[] = {"w_train", "train_w", "w", NULL};
    static const char *const len[] = {"len_train", "train_len", "len", NULL};
    const field_names fields[] = {{'x', "x", o->x, x},
                                  {'y', "y", o->y, y},
                                  {'w', "w", o->w, w},
                                  {NN_FIELD_LENGTH, "len", o->len, len}};

    t->x = (nn_file_tensors){.pool = &t->pool, .file = o->path, .skips = true};
    NN_TRY(nn_format_npz.read(&t->x));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        NN_TRY(add_field(t, &t->x, &fields[i]));
    return NN_OK;
}

static int read_npy(task *t, const nn_npy_options *o) {
    const char *targets = o->targets;

    t->x = (nn_file_tensors){.pool = &t->pool, .file = o->path};
    NN_TRY(nn_npy_read(&t->x));
    NN_TRY(add_array(t, &t->x, &t->x.tensor[0], "train", 'x'));
    if (!targets)
        NN_TRY(nn_find_targets(&t->pool, o->path, &targets));
    if (!targets)
        return NN_OK;
    t->y = (nn_file_tensors){.pool = &t->pool, .file = targets};
    NN_TRY(nn_npy_read(&t->y));
    return add_array(t, &t->y, &t->y.tensor[0], "train", 'y');
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Elements as they are stored, or as doubles. */
static int write_rows(task *t, const array *a, double *number, int64_t rows) {
    const nn_file_tensor *tensor = a->tensor;
    size_t width = nn_shape_count(&a->row), size = tensor->type->size;

    for (int64_t first = 0; first < tensor->dim[0]; first += rows) {
        int64_t count = tensor->dim[0] - first < rows ? tensor->dim[0] - first : rows;
        size_t begin = (size_t)first * width;
        for (size_t i = 0; number && i < (size_t)count * width; i++) {
            const unsigned char *at =
                tensor->bytes + nn_file_tensor_place(tensor, begin + i) * size;
            number[i] = tensor->type->get ? tensor->type->get(at) : (double)*at;
            if (a->type == NN_I64 && number[i] >= MOST_INTEGER)
                return nn_fail(NN_EFORMAT,
                               "%s: '%s' holds %.0f; whole numbers are less than 2^63: convert it "
                               "to floats (a.astype('f4'))",
                               a->file, tensor->name, number[i]);
        }
        NN_TRY(nn_output_rows(&t->output, a->split, a->field, first, count,
                              number ? NN_F64 : a->type,
                              number ? (const void *)number : tensor->bytes + begin * size));
    }
    return NN_OK;
}

static int write_array(task *t, const array *a) {
    size_t width = nn_shape_count(&a->row);
    int64_t rows = nn_chunk_rows(width * sizeof(double));
    double *number = NULL;
    int rc;

    NN_TRY(nn_output_declare(&t->output, a->split, a->field, a->type, a->tensor->dim[0], &a->row));
    if (!a->direct)
        NN_TRY(NN_NEW(&number, (size_t)rows * width, "rows"));
    rc = write_rows(t, a, number, rows);
    nn_free(number);
    return rc;
}

/* Bytes of images are read as 0 to 1. */
static int write(task *t, const char *out) {
    uint64_t bytes = 0;

    for (size_t i = 0; i < t->count; i++)
        bytes += (uint64_t)t->array[i].tensor->count * nn_dtype_size(t->array[i].type);
    NN_TRY(nn_output_init(&t->output, out, bytes));
    if (t->array[0].type == NN_U8 && t->array[0].row.rank >= 2)
        NN_TRY(nn_h5_set_real(t->output.file, "/", "scale", 1.0 / 255));
    for (size_t i = 0; i < t->count; i++)
        NN_TRY(write_array(t, &t->array[i]));
    return NN_OK;
}

static int end(task *t, int rc, const char *out) {
    if (rc >= 0)
        rc = write(t, out);
    rc = nn_output_end(&t->output, rc);
    nn_pool_release(&t->pool);
    return rc;
}

static int npz_run(const void *options, const char *out) {
    task t = {0};
    int rc = read_npz(&t, options);

    return end(&t, rc, out);
}

static int npy_run(const void *options, const char *out) {
    task t = {0};
    int rc = read_npy(&t, options);

    if (rc >= 0 && t.y.file)
        rc = nn_file_spare(out, t.y.file);
    return end(&t, rc, out);
}

const nn_importer_ops nn_importer_npz = {
    .entry = {"npz",
              "Arrays of NumPy in one file; bytes of images are scaled to 0..1 when read. The file "
              "is read as a whole.",
              nn_npz_table, sizeof(nn_npz_options)},
    .argument = "path",
    .run = npz_run,
};

const nn_importer_ops nn_importer_npy = {
    .entry = {"npy",
              "An array of NumPy and its targets; bytes of images are scaled to 0..1 when read. "
              "Files are read as a whole.",
              nn_npy_table, sizeof(nn_npy_options)},
    .argument = "path",
    .run = npy_run,
};
