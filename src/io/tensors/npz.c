/* NumPy's .npz: a ZIP archive of .npy files (numpy.lib.format), each a line of Python,
 * {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, and the numbers. What nnmpi says of
 * the model is a member that is no array. */
#include "base/bytes.h"
#include "io/tensors/tensors.h"
#include "io/tensors/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABOUT "nnmpi.yaml"
#define ENDING ".npy"
#define MAGIC "\x93NUMPY"
enum { MAGIC_SIZE = 6, HEAD = 10 /* bytes before the line of version 1 */, ALIGN = 64 };

/* ---- reading --------------------------------------------------------------------------------- */

/* The line, as it is read. */
typedef struct line {
    const nn_file_tensors *list;
    const char *name, *at; /* `at` ends with a NUL */
} line;

static int bad_line(const line *l, const char *wanted) {
    return nn_fail(NN_EFORMAT, "%s: the header of '%s' should go on with %s at '%.20s'",
                   l->list->file, l->name, wanted, l->at);
}

/* Goes past blanks, and past `text` if it stands there. */
static bool skip(line *l, const char *text) {
    l->at += strspn(l->at, " \n");
    if (strncmp(l->at, text, strlen(text)) != 0)
        return false;
    l->at += strlen(text);
    return true;
}

static int read_descr(line *l, nn_file_tensor *t) {
    const nn_element *e = nn_elements;
    size_t length;
    if (!skip(l, "'"))
        return bad_line(l, "a type in quotes (no structured ones)");
    length = strcspn(l->at, "'");
    while (e->name &&
           !(e->numpy && strlen(e->numpy) == length && memcmp(e->numpy, l->at, length) == 0))
        e++;
    if (e->name || (l->list->skips && *l->at != '>'))
        t->type = e;
    if (!t->type && *l->at == '>')
        return nn_fail(NN_EFORMAT,
                       "%s: '%s' holds big-endian numbers; save a.astype('<%.*s') instead",
                       l->list->file, l->name, length ? (int)length - 1 : 0, l->at + 1);
    if (!t->type)
        return bad_line(l, "a type of numbers as '<f4', little-endian");
    l->at += length;
    return skip(l, "'") ? 0 : bad_line(l, "a quote");
}

static int read_shape(line *l, nn_file_tensor *t) {
    if (!skip(l, "("))
        return bad_line(l, "(");
    for (t->rank = 0; !skip(l, ")"); t->rank++) {
        size_t digits = strspn(l->at, "0123456789");
        if (digits == 0 || digits > 18 || t->rank == NN_FILE_TENSOR_RANK)
            return bad_line(l, "at most 8 dimensions and )");
        t->dim[t->rank] = strtoll(l->at, NULL, 10);
        l->at += digits;
        if (!skip(l, ",") && *l->at != ')')
            return bad_line(l, ", or )");
    }
    return 0;
}

static int read_line(line *l, nn_file_tensor *t) {
    int order = -1;
    if (!skip(l, "{"))
        return bad_line(l, "{");
    while (!skip(l, "}")) {
        if (!t->type && skip(l, "'descr':"))
            NN_TRY(read_descr(l, t));
        else if (t->rank < 0 && skip(l, "'shape':"))
            NN_TRY(read_shape(l, t));
        else if (order < 0 && skip(l, "'fortran_order':"))
            order = skip(l, "True") ? 1 : skip(l, "False") ? 0 : -1;
        else
            return bad_line(l, "descr, fortran_order and shape, each once");
        if (!skip(l, ",") && *l->at != '}')
            return bad_line(l, ", or }");
    }
    if (!t->type || t->rank < 0 || order < 0)
        return bad_line(l, "descr, fortran_order and shape");
    t->fortran = order;
    return 0;
}

static int read_npy(nn_file_tensors *list, const char *name, const unsigned char *bytes,
                    size_t size) {
    nn_file_tensor t = {.name = name, .rank = -1};
    size_t head = HEAD, length = 0;
    bool known = size >= HEAD && memcmp(bytes, MAGIC, MAGIC_SIZE) == 0;
    if (known && bytes[MAGIC_SIZE] == 1) {
        length = nn_bytes_get(bytes + 8, 2);
    } else if (known && (bytes[MAGIC_SIZE] == 2 || bytes[MAGIC_SIZE] == 3) && size >= HEAD + 2) {
        head = HEAD + 2;
        length = nn_bytes_get(bytes + 8, 4);
    }
    if (length == 0 || length > size - head)
        return nn_fail(NN_EFORMAT, "%s: '%s' is no array of NumPy, or is cut off", list->file,
                       name);
    line l = {.list = list, .name = name};
    l.at = nn_pool_printf(list->pool, "%.*s", (int)(length < 65535 ? length : 65535),
                          (const char *)bytes + head);
    if (!l.at)
        return NN_EMEMORY;
    NN_TRY(read_line(&l, &t));
    t.bytes = bytes + head + length;
    if (!t.type->name) /* of texts, in a list that skips them */
        return 0;
    return nn_file_tensors_add(list, t, size - head - length);
}

static int take_member(void *ctx, const char *name, const unsigned char *bytes, size_t size) {
    nn_file_tensors *list = ctx;
    size_t length = strlen(name), tail = strlen(ENDING);
    if (strcmp(name, ABOUT) == 0) {
        list->about = nn_pool_printf(list->pool, "%.*s", (int)size, (const char *)bytes);
        return list->about ? 0 : NN_EMEMORY;
    }
    if (length > tail && strcmp(name + length - tail, ENDING) == 0)
        length -= tail;
    name = nn_pool_printf(list->pool, "%.*s", (int)length, name);
    return name ? read_npy(list, name, bytes, size) : NN_EMEMORY;
}

static int npz_read(nn_file_tensors *list) {
    NN_TRY(nn_zip_read(list->pool, list->file, take_member, list));
    return nn_file_tensors_check_names(list);
}

int nn_npy_read(nn_file_tensors *list) {
    char *bytes;
    size_t size;
    NN_TRY(nn_file_read(list->pool, list->file, &bytes, &size));
    return read_npy(list, "array", (const unsigned char *)bytes, size);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The head of a .npy file, whose numbers then stand aligned. */
static char *head_of(const nn_file_tensors *list, const nn_file_tensor *t, size_t *size) {
    char shape[NN_FILE_TENSOR_TEXT] = "";
    size_t length = 0;
    for (int i = 0; i < t->rank; i++)
        length +=
            (size_t)snprintf(shape + length, sizeof shape - length, "%" PRId64 "%s", t->dim[i],
                             t->rank == 1      ? ","
                             : i + 1 < t->rank ? ", "
                                               : "");
    char *head = nn_pool_printf(list->pool,
                                "%.*s{'descr': '%s', 'fortran_order': False, 'shape': (%s), }%*s",
                                HEAD, "          ", t->type->numpy, shape, ALIGN, "\n");
    if (!head)
        return NULL;
    *size = strlen(head) / ALIGN * ALIGN;
    memcpy(head, MAGIC "\x01", MAGIC_SIZE + 2); /* version 1.0 */
    head[8] = (char)((*size - HEAD) & 0xff);
    head[9] = (char)((*size - HEAD) >> 8);
    head[*size - 1] = '\n';
    return head;
}

static int fill_members(const nn_file_tensors *list, nn_zip_member *member) {
    for (size_t i = 0; i < list->count; i++) {
        const nn_file_tensor *t = &list->tensor[i];
        size_t size;
        char *head = head_of(list, t, &size);
        member[i].name = nn_pool_printf(list->pool, "%s" ENDING, t->name);
        if (!head || !member[i].name)
            return NN_EMEMORY;
        member[i].part[0] = (nn_piece){head, size};
        member[i].part[1] = (nn_piece){t->bytes, t->count * t->type->size};
    }
    if (list->about)
        member[list->count] =
            (nn_zip_member){ABOUT, {{list->about, strlen(list->about)}, {NULL, 0}}};
    return 0;
}

static int npz_write(const nn_file_tensors *list) {
    nn_zip_member *member = nn_pool_alloc(list->pool, (list->count + 1) * sizeof *member);
    if (!member)
        return NN_EMEMORY;
    NN_TRY(fill_members(list, member));
    return nn_zip_write(list->file, member, list->count + (list->about != NULL));
}

const nn_file_tensor_format nn_format_npz = {".npz", npz_read, npz_write};
