/* Texts as tokens and back, for every kind of token. */
#include "data/importers/text/tokenizer.h"

#include "calls.h"
#include "data/importers/text/bpe.h"

static nn_pool pool;

/* What tokens say together, to `out`. */
static void decode(const nn_tokenizer *t, const int32_t *token, size_t count, char *out) {
    char bytes[NN_TOKEN_BYTES];
    int64_t before = -1;
    size_t length = 0;
    for (size_t i = 0; i < count; before = token[i++]) {
        size_t n = nn_tokenizer_decode(t, before, token[i], bytes);
        memcpy(out + length, bytes, n);
        length += n;
    }
    out[length] = '\0';
}

static void test_round(const char *kind, const char *const *name, size_t names, const char *text,
                       const char *back, size_t tokens) {
    nn_tokenizer *t;
    int32_t *token;
    size_t count;
    char out[256];
    WORKS(nn_tokenizer_new(kind, name, names, &t));
    WORKS(nn_tokenizer_encode(t, text, strlen(text), &pool, &token, &count));
    CHECK_EQ_INT(count, tokens);
    decode(t, token, count, out);
    CHECK_STR(out, back);
    nn_tokenizer_free(t);
}

static const char *const chars[] = {"<unk>", "a", "b", "\xc3\xa9"};
static const char *const words[] = {"<unk>", "\n", "a", "b", "."};
#define NAMES(list) list, sizeof(list) / sizeof *(list)

static void test_bpe(void) {
    nn_labels bytes;
    const char **name;
    const char text[] = " \xc3\xa9t\xc3\xa9\n and 'tis\x01\xff";
    WORKS(nn_labels_init(&bytes));
    WORKS(nn_bpe_add_bytes(&bytes));
    WORKS(nn_labels_add(&bytes, "an"));
    WORKS(nn_labels_add(&bytes, "<|endoftext|>"));
    WORKS(nn_labels_names(&bytes, &name));
    test_round("bpe", name, bytes.count, text, text, strlen(text) - 1);
    nn_tokenizer *t;
    WORKS(nn_tokenizer_new("bpe", name, bytes.count, &t));
    CHECK_EQ_INT(nn_tokenizer_find(t, "<|endoftext|>"), 257);
    CHECK_EQ_INT(nn_tokenizer_unknown(t), -1);
    nn_tokenizer_free(t);
    nn_labels_release(&bytes);
}

static void test_refused(void) {
    nn_tokenizer *t;
    int32_t *token;
    size_t count;
    FAILS(nn_tokenizer_new("letters", NAMES(chars), &t), NN_EFORMAT, "its tokens are 'letters'");
    FAILS(nn_tokenizer_new("bpe", NAMES(chars), &t), NN_EFORMAT, "has no token '\xc4\x80' for");
    FAILS(nn_tokenizer_new("chars", (const char *[]){"a", "a"}, 2, &t), NN_EFORMAT, "'a' twice");
    WORKS(nn_tokenizer_new("chars", chars + 1, 2, &t));
    FAILS(nn_tokenizer_encode(t, "abc", 3, &pool, &token, &count), NN_EFORMAT,
          "'c' is no token of the model's vocabulary, which has no <unk>");
    nn_tokenizer_free(t);
}

int main(void) {
    test_round("bytes", NULL, 0, "a\xff", "a\xff", 2);
    test_round("chars", NAMES(chars),
               "ab\xc3\xa9"
               "c",
               "ab\xc3\xa9<unk>", 4);
    test_round("words", NAMES(words), " a b.\n c  a", "a b .\n<unk> a", 6);
    test_bpe();
    test_refused();
    nn_pool_release(&pool);
    return check_done();
}
