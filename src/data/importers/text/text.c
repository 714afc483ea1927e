/* Text as a stream of tokens, for models that predict the next one. What is read goes, divided into
 * units, to a temporary file of their numbers; once the vocabulary is known, the tokens of each
 * unit to the data set. So the memory it takes is that of the different units. */
#include "base/text.h"

#include "base/log.h"
#include "data/dataset.h"
#include "data/importers/gz.h"
#include "data/importers/text/bpe.h"
#include "data/importers/text/inner.h"
#include "data/importers/text/units.h"
#include "io/files/file.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 16, MOST_UNITS = 1 << 24, MOST_TOKENS = 1 << 24 };

const nn_option nn_text_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_text_options, path), NULL, NULL,
     "text file, gzip'd or not"},
    {"tokens", NN_OPT_CHOICE, offsetof(nn_text_options, tokens), "chars", NN_TOKEN_KINDS,
     "what is a token: a byte (0 to 255), a character of UTF-8, a word, sign or end of a line, or "
     "what byte pair encoding joins, as GPT-2's"},
    {"context", NN_OPT_INT, offsetof(nn_text_options, context), "64", "[1, 65536]",
     "tokens of a window, unless whoever reads the file says otherwise"},
    {"vocabulary", NN_OPT_INT, offsetof(nn_text_options, vocabulary), "0", "[0, 16777215]",
     "different tokens: the most frequent words or characters with <unk>, number 0, for all "
     "others; or how many bpe makes, at least 256. 0: up to 10000"},
    {"vocabulary_file", NN_OPT_STRING, offsetof(nn_text_options, vocabulary_file), "", NULL,
     "file of tokens (.h5) whose vocabulary is taken, or GPT-2's vocab.json, beside which is "
     "merges.txt"},
    {"valid", NN_OPT_REAL, offsetof(nn_text_options, valid), "0", "[0, 1)",
     "fraction of the text, at its end, that becomes /valid"},
    {"unlabelled", NN_OPT_BOOL, offsetof(nn_text_options, unlabelled), "false", NULL,
     "nothing is to be learned: x goes up to the last token, and there is no y"},
    {"classes", NN_OPT_NODE, offsetof(nn_text_options, classes), "", NULL,
     "the tokens in the order of their numbers, as a model was trained with them, which predict "
     "and eval fill in"},
    NN_OPTION_END,
};

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    text_task *t;
    FILE *numbers; /* of the units, uint32 each, in the order of the text */
    int64_t line;
} reader;

static int fail_numbers(void) {
    return nn_fail(NN_EIO, "a temporary file beside the data set: %s", nn_errno_text(errno));
}

static int put_number(reader *r, uint32_t number) {
    r->t->seen[number]++;
    return fwrite(&number, sizeof number, 1, r->numbers) == 1 ? NN_OK : fail_numbers();
}

static int refuse_byte(const reader *r, unsigned char c) {
    const char *path = r->t->options->path;

    if (c == '\0')
        return nn_fail(NN_EFORMAT,
                       "%s:%" PRId64
                       ": a byte 0, which no text has: take tokens: bytes or bpe (--tokens), "
                       "if this is the file",
                       path, r->line);
    return nn_fail(NN_EFORMAT,
                   "%s:%" PRId64 ": byte 0x%02x begins no character of UTF-8: convert the "
                   "file (iconv -t UTF-8), or take tokens: bytes or bpe (--tokens)",
                   path, r->line, c);
}

/* A unit as a text: of bpe spelled, else as it is. */
static int spell(const reader *r, const unsigned char *unit, size_t length, char *text) {
    if (r->t->options->tokens == NN_TOKENS_BPE) {
        for (size_t i = 0; i < length; i++)
            text += nn_token_spell(unit[i], text);
        return NN_OK;
    }
    memcpy(text, unit, length);
    text[length] = '\0';
    for (size_t i = 0, n; i < length; i += n) {
        n = nn_text_utf8(text + i);
        if (n == 0 || !text[i])
            return refuse_byte(r, unit[i]);
    }
    return NN_OK;
}

static int take_unit(reader *r, const unsigned char *unit, size_t length) {
    char text[2 * NN_UNIT_MOST + 1];
    text_task *t = r->t;

    if (t->options->tokens == NN_TOKENS_BYTES)
        return put_number(r, *unit);
    NN_TRY(spell(r, unit, length, text));
    r->line += *unit == '\n';
    if (t->options->tokens == NN_TOKENS_WORDS && *unit != '\n' && isspace(*unit))
        return NN_OK;
    NN_TRY(nn_labels_add(&t->units, text));
    if (t->units.count > MOST_UNITS)
        return nn_fail(NN_EFORMAT,
                       "%s: more than %d different %s: is this a text? Take tokens: bytes "
                       "(--tokens)",
                       t->options->path, MOST_UNITS,
                       t->options->tokens == NN_TOKENS_CHARS ? "characters" : "words");
    int64_t number = nn_labels_find(&t->units, text);
    NN_TRY(NN_GROW(&t->pool, &t->seen, (size_t)number, &t->seen_room));
    return put_number(r, (uint32_t)number);
}

/* buffer[NN_UNIT_MOST + PIECE + 1] */
static int read_units(reader *r, nn_gz *file, unsigned char *buffer) {
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
    int tokens = r->t->options->tokens;
    bool exact = tokens == NN_TOKENS_BYTES || tokens == NN_TOKENS_BPE, first = true;
    size_t have = 0, at = 0, got = PIECE;

    while (got == PIECE) {
        memmove(buffer, buffer + at, have - at);
        have -= at;
        NN_TRY(nn_gz_read(file, buffer + have, PIECE, &got));
        have += got;
        buffer[have] = '\0';
        at = first && !exact && have >= sizeof mark && memcmp(buffer, mark, sizeof mark) == 0
                 ? sizeof mark
                 : 0;
        first = false;
        while (at < have && (got < PIECE || have - at > NN_UNIT_MOST)) {
            size_t length = nn_unit_length(tokens, buffer + at, have - at);
            NN_TRY(take_unit(r, buffer + at, length));
            at += length;
        }
    }
    return NN_OK;
}

static int read_text(reader *r) {
    unsigned char *buffer = NULL;
    nn_gz *file = NULL;
    int rc;

    r->line = 1;
    NN_TRY_GOTO(nn_gz_open(r->t->options->path, &file));
    NN_TRY_GOTO(NN_NEW(&buffer, NN_UNIT_MOST + PIECE + 1, "text"));
    NN_TRY_GOTO(read_units(r, file, buffer));
done:
    nn_gz_close(file);
    nn_free(buffer);
    return rc;
}

/* ---- units become tokens --------------------------------------------------------------------- */

static int map_bytes(text_task *t) {
    for (size_t i = 0; i < NN_BYTE_TOKENS; i++) {
        t->token[i] = (int32_t)i;
        t->begin[i + 1] = i + 1;
    }
    return NN_OK;
}

static int map_units(text_task *t) {
    bool bpe = t->options->tokens == NN_TOKENS_BPE;
    int64_t strange = 0, all = 0;
    const char *stranger = NULL;
    char shown[NN_TOKEN_SHOWN];

    for (size_t u = 0; u < t->units.count; u++) {
        const char *text = t->units.label[u].text;
        int64_t number = bpe ? 0 : nn_labels_find(&t->vocabulary, text);
        int32_t *out = t->token + t->begin[u];
        all += t->seen[u];
        *out = number < 0 ? 0 : (int32_t)number;
        t->begin[u + 1] =
            t->begin[u] + (bpe ? nn_bpe_encode(&t->vocabulary, text, INT64_MAX, out) : 1);
        if (number >= 0)
            continue;
        strange += t->seen[u];
        stranger = stranger ? stranger : text;
    }
    if (stranger && strcmp(t->vocabulary.label[0].text, nn_token_unknown) != 0)
        return nn_fail(NN_EFORMAT,
                       "%s: '%s' is a token that the vocabulary does not have, as are %" PRId64
                       " of %" PRId64 "; it has no %s (token 0) to stand for them",
                       t->options->path, nn_token_shown(stranger, shown), strange, all,
                       nn_token_unknown);
    if (stranger && (t->options->classes || t->options->vocabulary_file))
        nn_warn("%s: '%s' is a token that the vocabulary does not have, as are %" PRId64
                " of %" PRId64 ": they are %s",
                t->options->path, nn_token_shown(stranger, shown), strange, all,
                t->vocabulary.label[0].text);
    return NN_OK;
}

static int make_tokens(text_task *t) {
    bool bytes = t->options->tokens == NN_TOKENS_BYTES;
    size_t units = bytes ? NN_BYTE_TOKENS : t->units.count, most = units;

    NN_TRY(text_make_vocabulary(t));
    for (size_t u = 0; t->options->tokens == NN_TOKENS_BPE && u < units; u++)
        most += strlen(t->units.label[u].text);
    t->begin = nn_pool_alloc(&t->pool, (units + 1) * sizeof *t->begin);
    t->token = nn_pool_alloc(&t->pool, (most + 1) * sizeof *t->token);
    if (!t->begin || !t->token)
        return NN_EMEMORY;
    t->begin[0] = 0;
    return bytes ? map_bytes(t) : map_units(t);
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct writer {
    text_task *t;
    nn_output output;
    int64_t total, train; /* tokens; of them in /train */
    int64_t done;
    int32_t *piece; /* [PIECE]: tokens from `done` on */
    size_t count;
} writer;

static int declare(writer *w, const char *split, int64_t count) {
    const text_task *t = w->t;
    int64_t context = t->options->context;

    if (t->options->valid > 0 && count <= context)
        return nn_fail(
            NN_EFORMAT,
            "%s: %" PRId64 " tokens are for /%s, but a window has %" PRId64
            " and one that follows: take a longer text, or a smaller context (--context)",
            t->options->path, count, split, context);
    return nn_output_declare_tokens(&w->output, split, (int64_t)t->vocabulary.count, count);
}

/* What is in w->piece, which may be for both splits. */
static int flush(writer *w) {
    int64_t count = (int64_t)w->count, first = w->done;
    int64_t train = first >= w->train ? 0 : w->train - first < count ? w->train - first : count;

    w->done += count;
    w->count = 0;
    if (train > 0)
        NN_TRY(
            nn_output_rows(&w->output, "train", NN_FIELD_TOKENS, first, train, NN_I32, w->piece));
    if (train == count)
        return NN_OK;
    return nn_output_rows(&w->output, "valid", NN_FIELD_TOKENS, first + train - w->train,
                          count - train, NN_I32, w->piece + train);
}

static int write_tokens(writer *w, FILE *numbers) {
    const text_task *t = w->t;
    uint32_t unit;

    if (fseek(numbers, 0, SEEK_SET) != 0) /* what was still to be written is */
        return fail_numbers();
    while (fread(&unit, sizeof unit, 1, numbers) == 1)
        for (size_t i = t->begin[unit]; i < t->begin[unit + 1]; i++) {
            w->piece[w->count++] = t->token[i];
            if (w->count == PIECE)
                NN_TRY(flush(w));
        }
    if (ferror(numbers) || w->done + (int64_t)w->count != w->total)
        return fail_numbers();
    return w->count ? flush(w) : NN_OK;
}

static int write_vocabulary(text_task *t, nn_h5 *file) {
    const char **name = NULL;

    NN_TRY(nn_h5_set_text(file, "/", "tokens", nn_token_kinds[t->options->tokens]));
    NN_TRY(nn_h5_set_int(file, "/", "context", t->options->context));
    if (t->options->unlabelled)
        NN_TRY(nn_h5_set_int(file, "/", "unlabelled", 1));
    if (t->options->tokens == NN_TOKENS_BYTES)
        return NN_OK;
    NN_TRY(nn_labels_names(&t->vocabulary, &name));
    return nn_h5_set_texts(file, "/", "classes", name, t->vocabulary.count);
}

static int64_t count_tokens(const text_task *t) {
    size_t units = t->options->tokens == NN_TOKENS_BYTES ? NN_BYTE_TOKENS : t->units.count;
    int64_t total = 0;

    for (size_t u = 0; u < units; u++)
        total += t->seen[u] * (int64_t)(t->begin[u + 1] - t->begin[u]);
    return total;
}

static int write_all(writer *w, FILE *numbers, const char *out) {
    text_task *t = w->t;
    int64_t valid, least = 2 - t->options->unlabelled;

    w->total = count_tokens(t);
    if (w->total < least)
        return nn_fail(NN_EFORMAT, "%s has %" PRId64 " tokens; a text has at least %" PRId64,
                       t->options->path, w->total, least);
    valid = (int64_t)((double)w->total * t->options->valid);
    w->train = w->total - valid;
    NN_TRY(nn_output_init(
        &w->output, out, (uint64_t)w->total * nn_output_token_bytes((int64_t)t->vocabulary.count)));
    NN_TRY(declare(w, "train", w->train));
    if (t->options->valid > 0)
        NN_TRY(declare(w, "valid", valid));
    NN_TRY(write_vocabulary(t, w->output.file));
    NN_TRY(NN_NEW(&w->piece, PIECE, "tokens"));
    return write_tokens(w, numbers);
}

/* For the numbers of the units, as far as their count is known before the text is read: a character
 * is up to 4 bytes, a packed file is longer than it seems. */
static int check_room(const text_task *t, const char *out) {
    bool bytes = t->options->tokens == NN_TOKENS_BYTES;
    struct stat file;

    if ((!bytes && t->options->tokens != NN_TOKENS_CHARS) || stat(t->options->path, &file) < 0)
        return NN_OK; /* that there is no file, who reads it says */
    return nn_output_check_room(out, (uint64_t)file.st_size * (bytes ? sizeof(uint32_t) : 1));
}

/* A file beside `out` that has no name any more. */
static int open_numbers(text_task *t, const char *out, FILE **file) {
    const char *name = nn_file_temporary(&t->pool, out);

    *file = name ? fopen(name, "w+bx") : NULL;
    if (!*file)
        return name ? nn_fail(NN_EIO, "%s: %s", name, nn_errno_text(errno)) : NN_EMEMORY;
    unlink(name);
    return NN_OK;
}

static int init(text_task *t) {
    NN_TRY(nn_labels_init(&t->units));
    NN_TRY(nn_labels_init(&t->vocabulary));
    t->units.limit = (size_t)MOST_UNITS + 1;
    t->vocabulary.limit = MOST_TOKENS;
    t->seen = nn_pool_alloc(&t->pool, NN_BYTE_TOKENS * sizeof *t->seen);
    t->seen_room = NN_BYTE_TOKENS;
    return t->seen ? NN_OK : NN_EMEMORY;
}

static int text_run(const void *options, const char *out) {
    text_task t = {.options = options};
    reader r = {.t = &t};
    writer w = {.t = &t};
    int rc;

    NN_TRY_GOTO(init(&t));
    NN_TRY_GOTO(check_room(&t, out));
    NN_TRY_GOTO(open_numbers(&t, out, &r.numbers));
    NN_TRY_GOTO(read_text(&r));
    NN_TRY_GOTO(make_tokens(&t));
    NN_TRY_GOTO(write_all(&w, r.numbers, out));
done:
    rc = nn_output_end(&w.output, rc);
    if (r.numbers)
        (void)fclose(r.numbers);
    nn_free(w.piece);
    nn_labels_release(&t.units);
    nn_labels_release(&t.vocabulary);
    nn_pool_release(&t.pool);
    return rc;
}

const nn_importer_ops nn_importer_text = {
    .entry = {"text", "A text as a stream of tokens, to learn which one comes next.", nn_text_table,
              sizeof(nn_text_options)},
    .argument = "path",
    .run = text_run,
};
