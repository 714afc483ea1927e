/* Text as windows of tokens for models that predict the next one: x are the tokens of a window, y
 * those that follow each of them. All tokens of the text are held in memory, 4 bytes each, in up
 * to half of it. */
#include "base/text.h"

#include "base/log.h"
#include "base/system/limits.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/importers/gz.h"
#include "data/importers/importer.h"
#include "data/importers/labels.h"
#include "data/output.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 16, WORD = 64, MOST_TOKENS = 1 << 24 };
enum { BYTES, CHARS, WORDS };

const char *const nn_text_tokens[] = {"bytes", "chars", "words", NULL};
const char nn_text_unknown[] = "<unk>";

const nn_option nn_text_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_text_options, path), NULL, NULL,
     "text file, gzip'd or not"},
    {"tokens", NN_OPT_CHOICE, offsetof(nn_text_options, tokens), "chars", "bytes|chars|words",
     "what is a token: a byte (0 to 255), a character of UTF-8, or a word, sign or end of a line"},
    {"context", NN_OPT_INT, offsetof(nn_text_options, context), "64", "[1, 65536]",
     "tokens of a window"},
    {"most", NN_OPT_INT, offsetof(nn_text_options, most), "10000", "[1, 16777215]",
     "different words or characters that get a number, the most frequent ones; all others are "
     "<unk>, number 0"},
    {"valid", NN_OPT_REAL, offsetof(nn_text_options, valid), "0", "[0, 1)",
     "fraction of the text, at its end, that becomes /valid"},
    {"unlabelled", NN_OPT_BOOL, offsetof(nn_text_options, unlabelled), "false", NULL,
     "nothing is to be learned: x goes up to the last token, and there is no y"},
    {"vocabulary", NN_OPT_NODE, offsetof(nn_text_options, vocabulary), "", NULL,
     "the tokens in the order of their numbers, as a model was trained with them, which predict "
     "and eval fill in"},
    NN_OPTION_END,
};

typedef struct task {
    const nn_text_options *options;
    nn_pool pool;
    nn_labels known; /* tokens by their text, in order of appearance or as given */
    int64_t *seen;   /* [known.count]: how often */
    size_t seen_room;
    const char **name; /* [names]: of each number; NULL: bytes */
    size_t names;
    int32_t *token; /* [count]: the text; not in the pool, which would keep every smaller one */
    size_t count, room;
    int64_t line, strange; /* strange: tokens that the vocabulary does not have, and the first */
    char *stranger;
    char word[WORD + 8]; /* what the reader is in */
    size_t length;
    nn_output output;
} task;

/* ---- tokens ---------------------------------------------------------------------------------- */

static int grow_tokens(task *t) {
    double most = fmin(nn_memory_of_process(), nn_memory_of_node("", NULL)) / 2;
    size_t room = t->room ? t->room + t->room / 2 : PIECE;
    int32_t *grown = NULL;

    if ((double)t->room * sizeof *grown < most)
        grown = realloc(t->token, room * sizeof *grown);
    if (!grown)
        return nn_fail(NN_EMEMORY,
                       "%s: no memory for more than %zu tokens, 4 bytes each: take a part of the "
                       "text",
                       t->options->path, t->count);
    t->token = grown;
    t->room = room;
    return NN_OK;
}

static int put_token(task *t, int64_t number) {
    if (t->count == t->room)
        NN_TRY(grow_tokens(t));
    t->token[t->count++] = (int32_t)number;
    return NN_OK;
}

static int put_strange(task *t) {
    if (t->strange++ == 0) {
        t->stranger = nn_pool_strdup(&t->pool, t->word);
        if (!t->stranger)
            return NN_EMEMORY;
    }
    return put_token(t, 0);
}

/* The text in t->word, which then is empty. */
static int end_word(task *t) {
    int64_t number;

    if (t->length == 0)
        return NN_OK;
    t->word[t->length] = '\0';
    for (const char *at = t->word; *at; at += nn_text_utf8(at))
        if (nn_text_utf8(at) == 0)
            return nn_fail(NN_EFORMAT,
                           "%s:%" PRId64 ": byte 0x%02x begins no character of UTF-8: convert the "
                           "file (iconv -t UTF-8), or take tokens: bytes (--tokens)",
                           t->options->path, t->line, (unsigned char)*at);
    t->length = 0;
    if (t->names == 0)
        NN_TRY(nn_labels_add(&t->known, t->word));
    number = nn_labels_find(&t->known, t->word);
    if (number < 0)
        return put_strange(t);
    if (t->names == 0) {
        NN_TRY(NN_GROW(&t->pool, &t->seen, (size_t)number, &t->seen_room));
        t->seen[number]++;
    }
    return put_token(t, number);
}

static int add_byte(task *t, char c) {
    t->word[t->length++] = c;
    return NN_OK;
}

static int take_char(task *t, unsigned char c) {
    static const size_t wanted[] = {2, 2, 3,
                                    4}; /* by two bits of the first byte, which is 0xc0 on */
    unsigned char first;

    if ((c & 0xc0) != 0x80) /* what was begun is cut off */
        NN_TRY(end_word(t));
    NN_TRY(add_byte(t, (char)c));
    first = (unsigned char)t->word[0];
    return first >= 0xc0 && t->length < wanted[first >> 4 & 3] ? NN_OK : end_word(t);
}

/* Letters, digits, _ and ' stand together, and so does all that is not ASCII; other signs alone. */
static int take_of_word(task *t, unsigned char c) {
    bool blank = isspace(c), inside = isalnum(c) || c == '_' || c == '\'' || c >= 0x80;

    if (!inside || (t->length >= WORD && (c & 0xc0) != 0x80) || t->length == WORD + 4)
        NN_TRY(end_word(t));
    if (blank && c != '\n')
        return NN_OK;
    NN_TRY(add_byte(t, (char)c));
    return inside ? NN_OK : end_word(t);
}

static int take_byte(task *t, unsigned char c) {
    if (t->options->tokens == BYTES)
        return put_token(t, c);
    if (c == '\0')
        return nn_fail(NN_EFORMAT,
                       "%s:%" PRId64
                       ": a byte 0, which no text has: take tokens: bytes (--tokens), "
                       "if this is the file",
                       t->options->path, t->line);
    NN_TRY(t->options->tokens == CHARS ? take_char(t, c) : take_of_word(t, c));
    t->line += c == '\n';
    return NN_OK;
}

static int read_pieces(task *t, nn_gz *file, unsigned char *buffer) {
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
    size_t got = PIECE;

    for (bool first = true; got == PIECE; first = false) {
        NN_TRY(nn_gz_read(file, buffer, PIECE, &got));
        bool skip = first && t->options->tokens != BYTES && got >= sizeof mark &&
                    memcmp(buffer, mark, sizeof mark) == 0;
        for (size_t i = skip ? sizeof mark : 0; i < got; i++)
            NN_TRY(take_byte(t, buffer[i]));
    }
    return end_word(t);
}

static int read_text(task *t) {
    nn_gz *file = NULL;
    unsigned char *buffer = NULL;
    int rc;

    t->line = 1;
    NN_TRY_GOTO(nn_gz_open(t->options->path, &file));
    NN_TRY_GOTO(NN_NEW(&buffer, PIECE, "text"));
    NN_TRY_GOTO(read_pieces(t, file, buffer));
done:
    nn_gz_close(file);
    nn_free(buffer);
    return rc;
}

/* ---- the vocabulary -------------------------------------------------------------------------- */

static int take_vocabulary(task *t) {
    const nn_node *given = t->options->vocabulary;

    if (t->options->tokens == BYTES || !given || nn_node_is_null(given))
        return NN_OK;
    if (given->kind != NN_NODE_LIST || given->count == 0)
        return nn_node_fail(given, "vocabulary is a list of texts, the first is %s",
                            nn_text_unknown);
    t->name = nn_pool_alloc(&t->pool, given->count * sizeof *t->name);
    if (!t->name)
        return NN_EMEMORY;
    for (size_t i = 0; i < given->count; i++) {
        if (given->item[i]->kind != NN_NODE_SCALAR)
            return nn_node_fail(given->item[i], "vocabulary is a list of texts");
        t->name[i] = given->item[i]->text;
        NN_TRY(nn_labels_add(&t->known, t->name[i]));
        if (t->known.count != i + 1)
            return nn_node_fail(given->item[i], "vocabulary has '%.40s' twice", t->name[i]);
    }
    t->names = given->count;
    return NN_OK;
}

typedef struct found {
    const char *text;
    int64_t seen;
    size_t at; /* among those that are known */
} found;

static int by_frequency(const void *a, const void *b) {
    const found *x = a, *y = b;

    return x->seen != y->seen ? (x->seen < y->seen) - (x->seen > y->seen)
                              : strcmp(x->text, y->text);
}

static int by_text(const void *a, const void *b) {
    return strcmp(((const found *)a)->text, ((const found *)b)->text);
}

/* Numbers for the most frequent ones, from 1 on: words in that order, characters in that of
 * Unicode. */
static int make_vocabulary(task *t) {
    size_t count = t->known.count, most = (size_t)t->options->most;
    found *all = nn_pool_alloc(&t->pool, (count + 1) * sizeof *all);
    int32_t *number = nn_pool_alloc(&t->pool, (count + 1) * sizeof *number);

    t->name = nn_pool_alloc(&t->pool, (count + 1) * sizeof *t->name);
    if (!all || !number || !t->name)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++)
        all[i] = (found){t->known.label[i].text, t->seen[i], i};
    qsort(all, count, sizeof *all, by_frequency);
    t->names = 1 + (count < most ? count : most);
    if (t->options->tokens == CHARS)
        qsort(all, t->names - 1, sizeof *all, by_text);
    t->name[0] = nn_text_unknown;
    for (size_t i = 1; i < t->names; i++) {
        t->name[i] = all[i - 1].text;
        number[all[i - 1].at] = (int32_t)i;
    }
    for (size_t i = 0; i < t->count; i++)
        t->token[i] = number[t->token[i]];
    return NN_OK;
}

/* ---- windows --------------------------------------------------------------------------------- */

/* A part of the text as a split. */
typedef struct part {
    const char *split;
    size_t first, positions; /* tokens of x */
    int64_t windows;
} part;

static int plan_part(const task *t, part *p, const char *split, size_t first, size_t count) {
    size_t context = (size_t)t->options->context, after = t->options->unlabelled ? 0 : 1;

    *p = (part){split, first, count > after ? count - after : 0, 1};
    if (p->positions == 0 || (p->positions < context && t->options->valid > 0))
        return nn_fail(
            NN_EFORMAT,
            "%s: %zu tokens are for /%s, but a window has %zu and one that follows: take "
            "a longer text, or a smaller context (--context)",
            t->options->path, count, split, context);
    if (p->positions >= context)
        p->windows = (int64_t)((p->positions + context - 1) / context);
    return NN_OK;
}

/* The last window begins earlier, so that it is full, too; a text that is shorter is filled up. */
static void fill_window(const task *t, const part *p, int64_t window, int32_t *x, int32_t *y) {
    size_t context = (size_t)t->options->context, begin = (size_t)window * context;

    if (p->positions >= context && begin > p->positions - context)
        begin = p->positions - context;
    for (size_t i = 0; i < context; i++) {
        bool inside = begin + i < p->positions;
        const int32_t *at = t->token + p->first + begin + i;
        x[i] = inside ? at[0] : 0;
        if (y)
            y[i] = inside ? at[1] : 0;
    }
}

static int write_windows(task *t, const part *p, int64_t rows, int32_t *x, int32_t *y) {
    size_t context = (size_t)t->options->context;

    for (int64_t first = 0; first < p->windows; first += rows) {
        int64_t count = p->windows - first < rows ? p->windows - first : rows;
        for (int64_t i = 0; i < count; i++)
            fill_window(t, p, first + i, x + (size_t)i * context,
                        y ? y + (size_t)i * context : NULL);
        NN_TRY(nn_output_rows(&t->output, p->split, 'x', first, count, NN_I32, x));
        if (y)
            NN_TRY(nn_output_rows(&t->output, p->split, 'y', first, count, NN_I32, y));
    }
    return NN_OK;
}

/* Of the one window that is not full. */
static int write_length(task *t, const part *p) {
    int32_t length = (int32_t)p->positions;
    nn_shape number = {0};

    if (length >= t->options->context)
        return NN_OK;
    NN_TRY(nn_output_declare(&t->output, p->split, NN_FIELD_LENGTH, NN_I32, 1, &number));
    return nn_output_rows(&t->output, p->split, NN_FIELD_LENGTH, 0, 1, NN_I32, &length);
}

static int write_part(task *t, const part *p) {
    size_t context = (size_t)t->options->context;
    nn_dtype type = t->names <= 256 ? NN_U8 : NN_I32;
    nn_shape row = {1, {t->options->context}};
    int64_t rows = nn_chunk_rows(context * sizeof(int32_t));
    int32_t *x = NULL, *y = NULL;
    int rc;

    rows = rows < p->windows ? rows : p->windows;
    NN_TRY_GOTO(NN_NEW(&x, (size_t)rows * context, "windows"));
    NN_TRY_GOTO(nn_output_declare(&t->output, p->split, 'x', type, p->windows, &row));
    if (!t->options->unlabelled) {
        NN_TRY_GOTO(NN_NEW(&y, (size_t)rows * context, "windows"));
        NN_TRY_GOTO(nn_output_declare(&t->output, p->split, 'y', type, p->windows, &row));
    }
    NN_TRY_GOTO(write_windows(t, p, rows, x, y));
    NN_TRY_GOTO(write_length(t, p));
done:
    nn_free(x);
    nn_free(y);
    return rc;
}

static int write(task *t, const char *out) {
    size_t valid = (size_t)((double)t->count * t->options->valid);
    part train = {0}, tail = {0};

    NN_TRY(plan_part(t, &train, "train", 0, t->count - valid));
    if (t->options->valid > 0)
        NN_TRY(plan_part(t, &tail, "valid", t->count - valid, valid));
    NN_TRY(nn_output_init(&t->output, out, (uint64_t)t->count * 2 * sizeof(int32_t)));
    NN_TRY(nn_h5_set_text(t->output.file, "/", "tokens", nn_text_tokens[t->options->tokens]));
    if (t->name)
        NN_TRY(nn_h5_set_texts(t->output.file, "/", "classes", t->name, t->names));
    NN_TRY(write_part(t, &train));
    return t->options->valid > 0 ? write_part(t, &tail) : NN_OK;
}

static int read_all(task *t) {
    NN_TRY(nn_labels_init(&t->known));
    t->known.limit = MOST_TOKENS;
    NN_TRY(take_vocabulary(t));
    NN_TRY(read_text(t));
    if (t->strange)
        nn_warn("%s: '%.40s' is a token that the model was not trained on, as are %" PRId64
                " of %zu: they are %s",
                t->options->path, t->stranger, t->strange, t->count, t->name[0]);
    return t->options->tokens == BYTES || t->name ? NN_OK : make_vocabulary(t);
}

static int text_run(const void *options, const char *out) {
    task t = {.options = options};
    int rc;

    NN_TRY_GOTO(read_all(&t));
    NN_TRY_GOTO(write(&t, out));
done:
    rc = nn_output_end(&t.output, rc);
    nn_labels_release(&t.known);
    free(t.token);
    nn_pool_release(&t.pool);
    return rc;
}

const nn_importer_ops nn_importer_text = {
    .entry = {"text", "A text as windows of tokens, to learn which one comes next.", nn_text_table,
              sizeof(nn_text_options)},
    .argument = "path",
    .run = text_run,
};
