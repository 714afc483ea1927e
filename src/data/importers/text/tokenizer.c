#include "data/importers/text/tokenizer.h"

#include "base/text.h"
#include "data/importers/labels.h"
#include "data/importers/text/bpe.h"
#include "data/importers/text/units.h"
#include "data/tokens.h"

#include <ctype.h>
#include <string.h>

struct nn_tokenizer {
    int kind;
    nn_labels vocabulary; /* of bytes none */
    int64_t unknown;
};

static int add_names(nn_tokenizer *t, const char *const *name, size_t count) {
    char byte[3];

    if (t->kind == NN_TOKENS_BYTES)
        return NN_OK;
    t->vocabulary.limit = count;
    for (size_t i = 0; i < count; i++) {
        NN_TRY(nn_labels_add(&t->vocabulary, name[i]));
        if (t->vocabulary.count != i + 1)
            return nn_fail(NN_EFORMAT, "the vocabulary has '%.40s' twice", name[i]);
    }
    t->unknown = count > 0 && strcmp(name[0], nn_token_unknown) == 0 ? 0 : -1;
    for (unsigned b = 0; t->kind == NN_TOKENS_BPE && b < NN_BYTE_TOKENS; b++) {
        nn_token_spell((unsigned char)b, byte);
        if (nn_labels_find(&t->vocabulary, byte) < 0)
            return nn_fail(NN_EFORMAT, "the vocabulary has no token '%s' for the byte 0x%02x", byte,
                           b);
    }
    return NN_OK;
}

int nn_tokenizer_new(const char *kind, const char *const *name, size_t count, nn_tokenizer **out) {
    nn_tokenizer *t;
    int rc;

    NN_TRY(NN_NEW(&t, 1, "tokenizer"));
    t->unknown = -1;
    t->kind = nn_token_kind_of(kind);
    NN_TRY_GOTO(nn_labels_init(&t->vocabulary));
    if (t->kind < 0)
        NN_TRY_GOTO(
            nn_fail(NN_EFORMAT, "its tokens are '%.40s'; there are %s", kind, NN_TOKEN_KINDS));
    NN_TRY_GOTO(add_names(t, name, count));
    *out = t;
    return NN_OK;
done:
    nn_tokenizer_free(t);
    return rc;
}

void nn_tokenizer_free(nn_tokenizer *t) {
    if (!t)
        return;
    nn_labels_release(&t->vocabulary);
    nn_free(t);
}

size_t nn_tokenizer_count(const nn_tokenizer *t) {
    return t->kind == NN_TOKENS_BYTES ? NN_BYTE_TOKENS : t->vocabulary.count;
}

int64_t nn_tokenizer_find(const nn_tokenizer *t, const char *name) {
    return t->kind == NN_TOKENS_BYTES ? -1 : nn_labels_find(&t->vocabulary, name);
}

int64_t nn_tokenizer_unknown(const nn_tokenizer *t) {
    return t->unknown;
}

/* A unit as a token of chars and words. */
static int find_unit(const nn_tokenizer *t, const char *text, size_t length, int32_t *out) {
    char unit[NN_UNIT_MOST + 1], shown[NN_TOKEN_SHOWN];
    int64_t number;

    memcpy(unit, text, length);
    unit[length] = '\0';
    number = nn_labels_find(&t->vocabulary, unit);
    *out = (int32_t)(number < 0 ? t->unknown : number);
    if (*out >= 0)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "'%s' is no token of the model's vocabulary, which has no %s to stand for it",
                   nn_token_shown(unit, shown), nn_token_unknown);
}

/* Its tokens to out[length], *count of them. */
static int encode_unit(const nn_tokenizer *t, const char *text, size_t length, int32_t *out,
                       size_t *count) {
    char unit[2 * NN_UNIT_MOST + 1];
    size_t used = 0;

    *count = 1;
    switch (t->kind) {
    case NN_TOKENS_BYTES:
        *out = (unsigned char)*text;
        return NN_OK;
    case NN_TOKENS_BPE:
        for (size_t i = 0; i < length; i++)
            used += nn_token_spell((unsigned char)text[i], unit + used);
        *count = nn_bpe_encode(&t->vocabulary, unit, INT64_MAX, out);
        return NN_OK;
    case NN_TOKENS_WORDS:
        *count = *text == '\n' || !isspace((unsigned char)*text);
        return *count ? find_unit(t, text, length, out) : NN_OK;
    default:
        return find_unit(t, text, length, out);
    }
}

int nn_tokenizer_encode(const nn_tokenizer *t, const char *text, size_t length, nn_pool *pool,
                        int32_t **token, size_t *count) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t n;

    *token = nn_pool_alloc(pool, (length + 1) * sizeof **token); /* a byte gives at most one */
    if (!*token)
        return NN_EMEMORY;
    *count = 0;
    for (size_t at = 0, unit; at < length; at += unit, *count += n) {
        unit = nn_unit_length(t->kind, bytes + at, length - at);
        NN_TRY(encode_unit(t, text + at, unit, *token + *count, &n));
    }
    return NN_OK;
}

size_t nn_tokenizer_decode(const nn_tokenizer *t, int64_t before, int32_t token,
                           char bytes[NN_TOKEN_BYTES]) {
    const char *name = t->kind == NN_TOKENS_BYTES ? NULL : t->vocabulary.label[token].text;
    size_t length = 0;

    if (!name) {
        *bytes = (char)token;
        return 1;
    }
    if (t->kind == NN_TOKENS_WORDS && before >= 0 && *name != '\n' &&
        *t->vocabulary.label[before].text != '\n')
        bytes[length++] = ' ';
    if (t->kind == NN_TOKENS_BPE) {
        length = nn_token_unspell(name, bytes, NN_TOKEN_BYTES);
        return length < NN_TOKEN_BYTES ? length : NN_TOKEN_BYTES;
    }
    for (; *name && length < NN_TOKEN_BYTES; name++)
        bytes[length++] = *name;
    return length;
}
