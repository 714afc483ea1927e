#include "data/fingerprint.h"

#include "base/numbers/rng.h"
#include "base/text.h"
#include "data/output.h"
#include "data/values/convert.h"
#include "io/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    WHOLE = 1 << 20, /* bytes of an array that is hashed as a whole; of larger ones, rows at */
    PLACES = 32,     /* so many places at most, */
    PIECE = 4096,    /* a row or so many bytes at each, as a disk reads them, */
    MOST = 4 << 20,  /* and about so many bytes in all */
    DIGITS = 32,     /* of the hash */
    LINES = 16       /* more than a fingerprint has: what a file says may be longer */
};
#define NOT_READ "-" /* in the place of a hash */

/* The parts of an array that are hashed: of so many rows, and which. */
typedef struct sample {
    int64_t rows, parts; /* of a part; all of the array */
    size_t chosen;
    nn_permutation order;
} sample;

/* `row_bytes`: as they are hashed. */
static sample choose(int64_t samples, size_t row_bytes) {
    size_t bytes = row_bytes ? row_bytes : 1, part = bytes < PIECE ? PIECE / bytes * bytes : bytes;
    size_t most = MOST / part < 1 ? 1 : MOST / part < PLACES ? MOST / part : PLACES;
    sample s = {.rows = samples, .parts = 1, .chosen = 1};

    if ((uint64_t)samples > WHOLE / bytes) {
        s.rows = (int64_t)(part / bytes);
        s.parts = (samples + s.rows - 1) / s.rows;
        s.chosen = (uint64_t)s.parts < most ? (size_t)s.parts : most;
    }
    s.order = nn_permutation_of(0, 0, (uint64_t)s.parts);
    return s;
}

static bool are_labels(const nn_split *split, char field) {
    return field == 'y' && nn_split_has_labels(split);
}

/* Labels in whatever type they are stored. */
static void add_labels(nn_digest *digest, nn_dtype type, const void *stored, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t label = nn_stored_integer(type, stored, i);
        nn_digest_add(digest, &label, sizeof label);
    }
}

static int hash_part(const nn_dataset *ds, const nn_split *split, char field, const sample *s,
                     size_t part, void *rows, nn_digest *digest) {
    const nn_field *array = nn_split_field(split, field);
    int64_t first = (int64_t)nn_permutation_at(&s->order, part) * s->rows;
    int64_t count = split->samples - first < s->rows ? split->samples - first : s->rows;

    NN_TRY(nn_dataset_read(ds, split, field, first, count, rows));
    if (are_labels(split, field))
        add_labels(digest, array->type, rows, (size_t)count * nn_split_positions(split));
    else
        nn_digest_add(digest, rows, (size_t)count * array->row_bytes);
    return NN_OK;
}

static int hash(const nn_dataset *ds, const nn_split *split, char field, char hex[NN_DIGEST_HEX]) {
    size_t bytes = nn_split_field(split, field)->row_bytes;
    size_t hashed = are_labels(split, field) ? nn_split_positions(split) * sizeof(int64_t) : bytes;
    sample s = choose(split->samples, hashed);
    nn_digest *digest = NULL;
    char *rows = NULL;
    int rc;

    NN_TRY_GOTO(NN_NEW(&rows, (size_t)s.rows * bytes + 1, "rows for the data's fingerprint"));
    NN_TRY_GOTO(nn_digest_new(&digest));
    for (size_t i = 0; rc == NN_OK && i < s.chosen; i++)
        rc = hash_part(ds, split, field, &s, i, rows, digest);
done:
    if (digest)
        nn_digest_end(digest, hex);
    nn_free(rows);
    return rc;
}

/* What a function gives may be asked for once a row, and need not be the same again. */
static bool is_readable(const nn_dataset *ds, const nn_split *split, char field) {
    return !split->supplied && (!ds->ops->rows || ds->ops->rows(ds, split, field));
}

/* "[60000] of [28, 28]" */
static char *size_of(nn_dataset *ds, const nn_split *split, const nn_field *array) {
    nn_shape row = nn_field_stored_shape(array);
    char shape[NN_SHAPE_TEXT];

    return nn_pool_printf(&ds->pool, "[%" PRId64 "]%s%s", split->samples, row.rank ? " of " : "",
                          row.rank ? nn_shape_text(&row, shape) : "");
}

static int add_line(nn_dataset *ds, const nn_split *split, char field) {
    const nn_field *array = nn_split_field(split, field);
    const char *type = are_labels(split, field) ? "labels" : nn_dtype_name(array->type);
    char path[NN_FIELD_PATH], hex[NN_DIGEST_HEX] = NOT_READ, *size = size_of(ds, split, array);

    if (!size)
        return NN_EMEMORY;
    if (is_readable(ds, split, field))
        NN_TRY(hash(ds, split, field, hex));
    ds->fingerprint =
        nn_pool_printf(&ds->pool, "%s%s %s %s %.*s\n", ds->fingerprint ? ds->fingerprint : "",
                       nn_field_path(split->name, field, path), type, size, DIGITS, hex);
    return ds->fingerprint ? NN_OK : NN_EMEMORY;
}

static int add_split(nn_dataset *ds, const nn_split *split) {
    NN_TRY(add_line(ds, split, 'x'));
    if (split->has_y)
        NN_TRY(add_line(ds, split, 'y'));
    if (split->has_w)
        NN_TRY(add_line(ds, split, 'w'));
    return split->has_length ? add_line(ds, split, NN_FIELD_LENGTH) : NN_OK;
}

int nn_dataset_fingerprint(nn_dataset *ds, const char *valid) {
    ds->fingerprint = NULL;
    for (size_t i = 0; i < ds->splits; i++)
        if (strcmp(ds->split[i].name, "train") == 0 ||
            (valid && strcmp(ds->split[i].name, valid) == 0))
            NN_TRY(add_split(ds, &ds->split[i]));
    return NN_OK;
}

/* ---- comparison ------------------------------------------------------------------------------ */

/* A line of a fingerprint, which may come from a file: "<path> <type and shape> <hash>". */
typedef struct line {
    const char *path, *form, *hash; /* path: the text from here on; NULL: the end */
    int path_length, form_length, hash_length;
} line;

/* The line that begins here; *next: where the one after it does. */
static line read_line(const char *text, const char **next) {
    size_t length = strcspn(text, "\n"), path = strcspn(text, " \n"), hash = length;
    line l = {.path = *text ? text : NULL, .path_length = (int)path};

    *next = text + length + (text[length] == '\n');
    while (hash > path && text[hash - 1] != ' ')
        hash--;
    l.form = text + path + (path < length);
    l.form_length = hash > path + 1 ? (int)(hash - path - 2) : 0;
    l.hash = text + hash;
    l.hash_length = (int)(length - hash);
    return l;
}

static bool same(const char *a, int a_length, const char *b, int b_length) {
    return a_length == b_length && memcmp(a, b, (size_t)a_length) == 0;
}

/* The line of that array, or of any of its split. */
static line find_line(const char *text, const line *wanted, bool any_of_split) {
    int length = wanted->path_length;
    line l;

    while (any_of_split && length > 0 && wanted->path[length - 1] != '/')
        length--;
    for (l = read_line(text, &text); l.path; l = read_line(text, &text))
        if (same(l.path, any_of_split && l.path_length > length ? length : l.path_length,
                 wanted->path, length))
            return l;
    return l;
}

static bool has_split(const nn_dataset *ds, const line *l) {
    char name[16];
    int length = l->path_length > 1 ? (int)strcspn(l->path + 1, "/ \n") : 0;

    snprintf(name, sizeof name, "%.*s", length, l->path + 1);
    return nn_dataset_split(ds, name) != NULL;
}

__attribute__((format(printf, 2, 3))) static void say(char text[NN_FINGERPRINT_TEXT],
                                                      const char *format, ...) {
    size_t used = strlen(text);
    va_list args;

    if (used > 0)
        used += (size_t)snprintf(text + used, NN_FINGERPRINT_TEXT - used, ", ");
    if (used >= NN_FINGERPRINT_TEXT - 1)
        return;
    va_start(args, format);
    nn_text_line(text + used, NN_FINGERPRINT_TEXT - used, format, args);
    va_end(args);
}

static void compare_line(const nn_dataset *ds, const line *before, char *text) {
    line now = find_line(ds->fingerprint, before, false);

    if (!now.path) {
        if (!has_split(ds, before) || find_line(ds->fingerprint, before, true).path)
            say(text, "%.*s is not there any more", before->path_length, before->path);
    } else if (!same(now.form, now.form_length, before->form, before->form_length)) {
        say(text, "%.*s is %.*s now and was %.*s", now.path_length, now.path, now.form_length,
            now.form, before->form_length, before->form);
    } else if (!same(now.hash, now.hash_length, before->hash, before->hash_length) &&
               *now.hash != *NOT_READ && *before->hash != *NOT_READ) {
        say(text, "%.*s holds other values", now.path_length, now.path);
    }
}

bool nn_fingerprint_differs(const nn_dataset *ds, const char *before,
                            char text[NN_FINGERPRINT_TEXT]) {
    const char *at = before;
    int lines = 0;
    line l;

    text[0] = '\0';
    while (lines++ < LINES && (l = read_line(at, &at)).path)
        compare_line(ds, &l, text);
    for (at = ds->fingerprint; (l = read_line(at, &at)).path;)
        if (!find_line(before, &l, false).path && find_line(before, &l, true).path)
            say(text, "%.*s is new", l.path_length, l.path);
    return text[0] != '\0';
}
