/* Byte pair encodings: how texts are divided, which pairs are joined, and that any bytes come back.
 */
#include "data/importers/text/bpe.h"

#include "base/numbers/rng.h"
#include "check.h"
#include "data/importers/text/units.h"
#include "data/tokens.h"

#include <stdio.h>
#include <string.h>

/* `expected`: the pieces of a text, with | between them. */
static void check_pieces(const char *text, const char *expected) {
    char found[256] = "";
    size_t n = strlen(text), used = 0;

    for (size_t at = 0, length; at < n; at += length) {
        length = nn_unit_length(NN_TOKENS_BPE, (const unsigned char *)text + at, n - at);
        memcpy(found + used, text + at, length);
        used += length;
        if (at + length < n)
            found[used++] = '|';
    }
    CHECK_STR(found, expected);
}

/* As the expression of GPT-2 divides. */
static void check_division(void) {
    check_pieces("Hello world", "Hello| world");
    check_pieces("it's they'll 'quoted' I'LL", "it|'s| they|'ll| '|quoted|'| I|'|LL");
    check_pieces("a  b   c", "a| | b|  | c");
    check_pieces("a \n\n b", "a| \n\n| b");
    check_pieces("a\nb\n", "a|\n|b|\n");
    check_pieces("x  ", "x|  ");
    check_pieces("12ab 3.5 %&\xc2\xbd", "12|ab| 3|.|5| %&|\xc2\xbd"); /* 1/2 is a number */
    check_pieces("\xc3\xa9t\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87",
                 "\xc3\xa9t\xc3\xa9| \xe4\xb8\xad\xe6\x96\x87");
    check_pieces("a\xc2\xa0\xe3\x80\x80z", "a|\xc2\xa0|\xe3\x80\x80|z"); /* blanks beyond ASCII */
    check_pieces("a\xff\xfe z\xc3", "a|\xff\xfe| z|\xc3");               /* no UTF-8 */
}

static size_t spell(const unsigned char *unit, size_t length, char *out) {
    size_t count = 0;

    out[0] = '\0';
    for (size_t i = 0; i < length; i++)
        count += nn_token_spell(unit[i], out + count);
    return count;
}

/* Units of the text, and how often each occurs. */
static void divide(const unsigned char *text, size_t n, nn_labels *units, int64_t *seen) {
    char name[2 * NN_UNIT_MOST + 1];

    for (size_t at = 0, length; at < n; at += length) {
        length = nn_unit_length(NN_TOKENS_BPE, text + at, n - at);
        spell(text + at, length, name);
        CHECK(nn_labels_add(units, name) == 0);
        seen[nn_labels_find(units, name)]++;
    }
}

static void check_round_trip(const nn_labels *vocabulary, const unsigned char *text, size_t n) {
    static char back[2 * NN_UNIT_MOST + 1];
    int32_t token[NN_UNIT_MOST];
    char name[2 * NN_UNIT_MOST + 1];

    for (size_t at = 0, length; at < n; at += length) {
        size_t got = 0, bytes = 0, count;
        length = nn_unit_length(NN_TOKENS_BPE, text + at, n - at);
        spell(text + at, length, name);
        count = nn_bpe_encode(vocabulary, name, INT64_MAX, token);
        for (size_t i = 0; i < count && CHECK(token[i] >= 0); i++) {
            const char *part = vocabulary->label[token[i]].text;
            got += (size_t)snprintf(back + got, sizeof back - got, "%s", part);
            bytes += nn_token_bytes("bpe", part);
        }
        CHECK_STR(back, name);
        CHECK(bytes == length);
    }
}

/* Which pairs are joined, in which order. */
static void check_merges(void) {
    static const char text[] = "hug hug hug hug hug pug pug pun pun bun hugs hugs hugs";
    static int64_t seen[64];
    nn_labels units, vocabulary;
    int32_t token[8];

    CHECK(nn_labels_init(&units) == 0 && nn_labels_init(&vocabulary) == 0);
    divide((const unsigned char *)text, sizeof text - 1, &units, seen);
    CHECK(nn_bpe_add_bytes(&vocabulary) == 0);
    CHECK_EQ_INT((int64_t)vocabulary.count, 256);
    CHECK_STR(vocabulary.label[0].text, "!");
    CHECK_STR(vocabulary.label[220].text, "\xc4\xa0"); /* a blank, as in GPT-2's */
    CHECK(nn_bpe_train(&units, seen, 260, &vocabulary) == 0);
    /* ug 10, then hug 8, then of " hug" 7 and nothing else so often */
    CHECK_STR(vocabulary.label[256].text, "ug");
    CHECK_STR(vocabulary.label[257].text, "hug");
    CHECK_STR(vocabulary.label[258].text, "\xc4\xa0hug");
    CHECK_EQ_INT((int64_t)nn_bpe_encode(&vocabulary, "\xc4\xa0hugs", INT64_MAX, token), 2);
    CHECK_EQ_INT(token[0], 258);
    CHECK_EQ_INT((int64_t)nn_bpe_encode(&vocabulary, "hug", 257, token), 2);
    CHECK(nn_bpe_train(&units, seen, 100000, &vocabulary) == 0); /* until no pair occurs twice */
    CHECK(vocabulary.count < 280);
    nn_labels_release(&units);
    nn_labels_release(&vocabulary);
}

/* Bytes at random, of which some are blanks and letters, and a run longer than a unit. */
static void check_any_bytes(void) {
    enum { BYTES = 30000 };
    static unsigned char text[BYTES + 1];
    static int64_t seen[BYTES];
    nn_labels units, vocabulary;

    for (size_t i = 0; i < BYTES; i++) {
        uint64_t drawn = nn_mix64(i);
        text[i] = i < 3000          ? 'a'
                  : drawn >> 32 & 1 ? (unsigned char)drawn
                                    : (unsigned char)"e th\n"[drawn % 5];
    }
    CHECK(nn_labels_init(&units) == 0 && nn_labels_init(&vocabulary) == 0);
    divide(text, BYTES, &units, seen);
    CHECK(nn_bpe_add_bytes(&vocabulary) == 0);
    check_round_trip(&vocabulary, text, 2000);
    CHECK(nn_bpe_train(&units, seen, 600, &vocabulary) == 0);
    CHECK_EQ_INT((int64_t)vocabulary.count, 600);
    check_round_trip(&vocabulary, text, BYTES);
    nn_labels_release(&units);
    nn_labels_release(&vocabulary);
}

/* What messages show: no half of a character, nothing that a terminal obeys. */
static void check_shown(void) {
    char text[NN_TOKEN_SHOWN];

    CHECK_STR(nn_token_shown("the", text), "the");
    CHECK_STR(nn_token_shown("\n", text), "\\x0a");
    CHECK_STR(nn_token_shown("a\xffz\x7f", text), "a\\xffz\\x7f");
    CHECK_STR(nn_token_shown("123456789012345678901234567890123456789\xc3\xa9z", text),
              "123456789012345678901234567890123456789");
    CHECK_STR(nn_token_shown("12345678901234567890123456789012345678\xc3\xa9z", text),
              "12345678901234567890123456789012345678\xc3\xa9");
}

int main(void) {
    check_shown();
    check_division();
    check_merges();
    check_any_bytes();
    CHECK_EQ_INT((int64_t)nn_token_bytes("bpe", "\xc4\xa0the"), 4);
    CHECK_EQ_INT((int64_t)nn_token_bytes("bpe", "<|\xc5\x84\xe4\xb8\xad|>"),
                 9); /* no byte is U+0144 */
    CHECK_EQ_INT((int64_t)nn_token_bytes("chars", "\xc3\xa9"), 2);
    CHECK_EQ_INT((int64_t)nn_token_bytes("bytes", NULL), 1);
    CHECK_EQ_INT((int64_t)nn_token_bytes("words", "the"), 0);
    return check_done();
}
