/* Where the vocabulary of a text comes from: the model, a file, or the text itself. */
#include "base/json/json.h"
#include "base/text.h"
#include "data/importers/text/bpe.h"
#include "data/importers/text/inner.h"
#include "data/importers/text/units.h"
#include "io/files/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_SIZE = 10000, MOST_BYTES = 1 << 28 /* of a vocabulary in JSON */ };

static bool is_bpe(const text_task *t) {
    return t->options->tokens == NN_TOKENS_BPE;
}

/* ---- of a model ------------------------------------------------------------------------------ */

static int take_classes(text_task *t) {
    const nn_node *given = t->options->classes;

    if (given->kind != NN_NODE_LIST || given->count == 0)
        return nn_node_fail(given, "classes is a list of texts, the tokens");
    for (size_t i = 0; i < given->count; i++) {
        if (given->item[i]->kind != NN_NODE_SCALAR)
            return nn_node_fail(given->item[i], "classes is a list of texts, the tokens");
        NN_TRY(nn_labels_add(&t->vocabulary, given->item[i]->text));
        if (t->vocabulary.count != i + 1)
            return nn_node_fail(given->item[i], "classes has '%.40s' twice", given->item[i]->text);
    }
    return NN_OK;
}

/* ---- of files -------------------------------------------------------------------------------- */

static int add_names(text_task *t, const char *path, const char *const *name, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!name[i])
            return nn_fail(NN_EFORMAT,
                           "%s: no token has the number %zu, but there are %zu: they are numbered "
                           "from 0 on without gaps",
                           path, i, count);
        NN_TRY(nn_labels_add(&t->vocabulary, name[i]));
        if (t->vocabulary.count != i + 1)
            return nn_fail(NN_EFORMAT, "%s: the token '%.40s' is there twice", path, name[i]);
    }
    return NN_OK;
}

/* Of a token stream. */
static int read_stream_names(text_task *t, const char *path, nn_h5 *file) {
    const char *wanted = nn_token_kinds[t->options->tokens];
    char **name, *kind;
    size_t count;

    if (!nn_h5_has_attr(file, "/", "tokens") || !nn_h5_has_attr(file, "/", "classes"))
        return nn_fail(NN_EFORMAT,
                       "%s has no attributes tokens and classes: it is no file of tokens with a "
                       "vocabulary, as nnmpi data import text writes",
                       path);
    NN_TRY(nn_h5_get_text(file, "/", "tokens", &t->pool, &kind));
    if (strcmp(kind, wanted) != 0)
        return nn_fail(NN_EUSAGE, "%s: its tokens are %s, not %s: take tokens: %s (--tokens)", path,
                       kind, wanted, kind);
    NN_TRY(nn_h5_get_texts(file, "/", "classes", &t->pool, &name, &count));
    return add_names(t, path, (const char *const *)name, count);
}

static int read_stream(text_task *t, const char *path) {
    nn_h5 *file = NULL;
    int rc;

    NN_TRY(nn_h5_open(path, &file));
    rc = read_stream_names(t, path, file);
    (void)nn_h5_close(file);
    return rc;
}

/* {"token": number, ...} as name[count], which the pool owns; NULL: no token has the number. */
static int read_json(nn_json_reader *r, const char ***name, size_t *count) {
    size_t most = r->length / sizeof "\"\":0" + 1; /* an item takes no less */
    int64_t number;
    bool more;
    char *key;

    *name = nn_pool_alloc(r->pool, most * sizeof **name);
    if (!*name)
        return NN_EMEMORY;
    NN_TRY(nn_json_begin(r, '{'));
    for (*count = 0;;) {
        NN_TRY(nn_json_next(r, '}', &more));
        if (!more)
            return nn_json_end(r);
        NN_TRY(nn_json_read_key(r, &key));
        NN_TRY(nn_json_read_count(r, &number));
        if (!*key)
            return nn_fail(NN_EFORMAT, "%s: the token with the number %" PRId64 " is an empty text",
                           r->file, number);
        if (number >= (int64_t)most || (*name)[number])
            return nn_fail(NN_EFORMAT,
                           "%s: the token '%.40s' has the number %" PRId64
                           ", which another one has, or which is beyond their count",
                           r->file, key, number);
        (*name)[number] = key;
        *count = (size_t)number >= *count ? (size_t)number + 1 : *count;
    }
}

/* merges.txt as it is read. */
typedef struct merges {
    const char *path;
    int64_t line, before; /* before: the token of the merge before, at first the last byte */
    bool *made;           /* [vocabulary.count]: a merge makes it */
} merges;

/* The merge of two tokens. It is what the order of the tokens says, else encoding by that order
 * would be something else. */
static int check_merge(text_task *t, merges *m, char *pair) {
    char *space = strchr(pair, ' '), *whole;
    int32_t part[NN_UNIT_MOST];
    int64_t left, right, joined;

    if (!space || space == pair || !space[1] || strchr(space + 1, ' '))
        return nn_fail(NN_EFORMAT, "%s:%" PRId64 ": '%.40s' is no pair of tokens", m->path, m->line,
                       pair);
    *space = '\0';
    whole = nn_pool_printf(&t->pool, "%s%s", pair, space + 1);
    if (!whole)
        return NN_EMEMORY;
    left = nn_labels_find(&t->vocabulary, pair);
    right = nn_labels_find(&t->vocabulary, space + 1);
    joined = nn_labels_find(&t->vocabulary, whole);
    if (left < 0 || right < 0 || joined < 0)
        return nn_fail(NN_EFORMAT, "%s:%" PRId64 ": '%.40s' is no token of the vocabulary", m->path,
                       m->line,
                       left < 0    ? pair
                       : right < 0 ? space + 1
                                   : whole);
    if (joined <= m->before || nn_bpe_encode(&t->vocabulary, whole, joined, part) != 2 ||
        part[0] != left || part[1] != right)
        return nn_fail(NN_EFORMAT,
                       "%s:%" PRId64
                       ": '%.40s' does not follow from the numbers of the tokens: those that are "
                       "read are numbered in the order of their merges, as GPT-2's",
                       m->path, m->line, whole);
    m->before = joined;
    m->made[joined] = true;
    return NN_OK;
}

/* Special tokens: no text is to become one of those that no merge makes. */
static int check_others(const text_task *t, const merges *m) {
    int32_t part[NN_UNIT_MOST];

    for (size_t i = 0; i < t->vocabulary.count; i++) {
        const char *name = t->vocabulary.label[i].text;
        if (!m->made[i] && *name && name[nn_text_utf8(name)] &&
            nn_bpe_encode(&t->vocabulary, name, INT64_MAX, part) == 1)
            return nn_fail(NN_EFORMAT, "%s: no line makes the token '%.40s' of two others", m->path,
                           name);
    }
    return NN_OK;
}

static int read_merges(text_task *t, const char *path) {
    merges m = {.path = path, .before = NN_BYTE_TOKENS - 1};
    char *text, *end, *next;
    size_t length;

    m.made = nn_pool_alloc(&t->pool, t->vocabulary.count * sizeof *m.made);
    if (!m.made)
        return NN_EMEMORY;
    NN_TRY(nn_file_read_below(&t->pool, path, MOST_BYTES, &text, &length));
    for (end = text + length; text < end; text = next + 1) {
        next = text + strcspn(text, "\n");
        *next = '\0';
        if (next > text && next[-1] == '\r') /* as Windows ends lines */
            next[-1] = '\0';
        m.line++;
        if (*text && (m.line > 1 || strncmp(text, "#version", 8) != 0))
            NN_TRY(check_merge(t, &m, text));
    }
    return check_others(t, &m);
}

/* GPT-2's vocab.json, and merges.txt beside it. */
static int read_merges_beside(text_task *t, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *beside =
        nn_pool_printf(&t->pool, "%.*smerges.txt", slash ? (int)(slash + 1 - path) : 0, path);

    if (!beside)
        return NN_EMEMORY;
    if (!nn_file_exists(beside))
        return nn_fail(NN_EFORMAT,
                       "%s: there is no %s, which has to stand beside it (GPT-2's vocab.bpe is the "
                       "same by another name)",
                       path, beside);
    return read_merges(t, beside);
}

static int check_bytes(const text_task *t, const char *path);

static int read_vocabulary(text_task *t, const char *path) {
    nn_json_reader r = {.pool = &t->pool, .file = path};
    const char **name;
    char *text;
    size_t count;

    NN_TRY(nn_file_read_below(&t->pool, path, MOST_BYTES, &text, &r.length));
    r.text = text;
    if (nn_json_peek(&r) != '{')
        return nn_fail(NN_EFORMAT,
                       "%s is no vocabulary: that is a file of tokens (.h5), or for tokens: bpe "
                       "GPT-2's vocab.json, {\"token\": number, ...}",
                       path);
    if (!is_bpe(t))
        return nn_fail(NN_EUSAGE,
                       "%s: a vocabulary of this form is for tokens: bpe (--tokens); those of "
                       "others come from files of tokens (.h5)",
                       path);
    NN_TRY(read_json(&r, &name, &count));
    NN_TRY(add_names(t, path, name, count));
    NN_TRY(check_bytes(t, path));
    return read_merges_beside(t, path);
}

/* ---- of the text itself ---------------------------------------------------------------------- */

typedef struct found {
    const char *text;
    int64_t seen;
} found;

static int by_frequency(const void *a, const void *b) {
    const found *x = a, *y = b;

    return x->seen != y->seen ? (x->seen < y->seen) - (x->seen > y->seen)
                              : strcmp(x->text, y->text);
}

static int by_text(const void *a, const void *b) {
    return strcmp(((const found *)a)->text, ((const found *)b)->text);
}

/* <unk> and the most frequent ones: words in that order, characters in that of Unicode. */
static int take_frequent(text_task *t, size_t most) {
    size_t count = t->units.count, taken = count < most - 1 ? count : most - 1;
    found *all;

    if (most < 2)
        return nn_fail(NN_EUSAGE,
                       "vocabulary (--vocabulary) is %zu, but %s alone is no text: it has at least "
                       "2 tokens",
                       most, nn_token_unknown);
    all = nn_pool_alloc(&t->pool, (count + 1) * sizeof *all);
    if (!all)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++)
        all[i] = (found){t->units.label[i].text, t->seen[i]};
    qsort(all, count, sizeof *all, by_frequency);
    if (t->options->tokens == NN_TOKENS_CHARS)
        qsort(all, taken, sizeof *all, by_text);
    NN_TRY(nn_labels_add(&t->vocabulary, nn_token_unknown));
    for (size_t i = 0; i < taken; i++)
        NN_TRY(nn_labels_add(&t->vocabulary, all[i].text));
    return NN_OK;
}

static int train(text_task *t, size_t most) {
    int64_t wanted = t->options->vocabulary;

    if (most < NN_BYTE_TOKENS)
        return nn_fail(NN_EUSAGE,
                       "vocabulary (--vocabulary) is %zu, but all 256 bytes are tokens of a byte "
                       "pair encoding: it has at least 256",
                       most);
    NN_TRY(nn_bpe_add_bytes(&t->vocabulary));
    NN_TRY(nn_bpe_train(&t->units, t->seen, most, &t->vocabulary));
    if (wanted && t->vocabulary.count < most)
        return nn_fail(NN_EFORMAT,
                       "%s: no pair of tokens occurs twice any more once there are %zu tokens, so "
                       "that vocabulary: %" PRId64
                       " (--vocabulary) cannot be had: take at most %zu, or a longer text",
                       t->options->path, t->vocabulary.count, wanted, t->vocabulary.count);
    return NN_OK;
}

/* Units are encoded by them. */
static int check_bytes(const text_task *t, const char *path) {
    char text[3];

    for (unsigned b = 0; b < NN_BYTE_TOKENS; b++) {
        nn_token_spell((unsigned char)b, text);
        if (nn_labels_find(&t->vocabulary, text) < 0)
            return nn_fail(NN_EFORMAT,
                           "%s: the vocabulary has no token '%s' for the byte 0x%02x: one of bpe "
                           "has all bytes, spelled as in GPT-2's vocab.json",
                           path, text, b);
    }
    return NN_OK;
}

static int read_file(text_task *t, const char *path) {
    NN_TRY(nn_file_check(path, NN_EFORMAT));
    return nn_h5_is_file(path) ? read_stream(t, path) : read_vocabulary(t, path);
}

/* One of them says which tokens there are, of bytes none. */
static int check_options(const nn_text_options *o, bool given) {
    bool file = o->vocabulary_file != NULL;

    if (o->tokens == NN_TOKENS_BYTES && (file || o->vocabulary))
        return nn_fail(NN_EUSAGE,
                       "bytes have no vocabulary, they are 256: leave out %s, or take tokens: "
                       "chars, words or bpe (--tokens)",
                       file ? "vocabulary_file (--vocabulary-file)" : "vocabulary (--vocabulary)");
    if ((given || file) && o->vocabulary)
        return nn_fail(NN_EUSAGE, "%s says which tokens there are: leave out vocabulary%s",
                       given ? "classes" : "vocabulary_file (--vocabulary-file)",
                       given ? "" : " (--vocabulary)");
    if (given && file)
        return nn_fail(NN_EUSAGE, "classes says which tokens there are: leave out vocabulary_file");
    return NN_OK;
}

int text_make_vocabulary(text_task *t) {
    const nn_text_options *o = t->options;
    bool given = o->classes && !nn_node_is_null(o->classes), file = o->vocabulary_file != NULL;
    size_t most = (size_t)(o->vocabulary ? o->vocabulary : DEFAULT_SIZE);

    NN_TRY(check_options(o, given));
    if (o->tokens == NN_TOKENS_BYTES)
        return NN_OK;
    if (given)
        NN_TRY(take_classes(t));
    else if (file)
        NN_TRY(read_file(t, o->vocabulary_file));
    else
        return is_bpe(t) ? train(t, most) : take_frequent(t, most);
    return is_bpe(t) ? check_bytes(t, file ? o->vocabulary_file : o->path) : NN_OK;
}
