#include "data/importers/text/units.h"

#include "base/text.h"
#include "data/importers/text/unicode.h"
#include "data/tokens.h"

#include <ctype.h>
#include <string.h>

enum { CUT = 1024, WORD_CUT = 64 }; /* bytes, after which a unit ends with its character */

/* Letters, digits, _ and ' stand together, and so does all that is not ASCII; other signs alone. */
static bool is_in_word(unsigned char c) {
    return (c < 0x80 && isalnum(c)) || c == '_' || c == '\'' || c >= 0x80;
}

static size_t word_length(const unsigned char *text, size_t n) {
    size_t i = 0;

    while (i < n && is_in_word(text[i]) &&
           (i < WORD_CUT || (i < WORD_CUT + 4 && (text[i] & 0xc0) == 0x80)))
        i++;
    return i ? i : 1;
}

enum { SPACE, LETTER, NUMBER, OTHER };

/* Length of the character that begins here, and its class; a byte that begins none is OTHER. */
static size_t look_at(const unsigned char *text, int *class) {
    size_t length = nn_text_utf8((const char *)text);
    uint32_t c = length > 1 ? text[0] & 0x7fU >> length : text[0];

    for (size_t i = 1; i < length; i++)
        c = c << 6 | (text[i] & 0x3f);
    *class = length == 0               ? OTHER
             : nn_unicode_is_space(c)  ? SPACE
             : nn_unicode_is_letter(c) ? LETTER
             : nn_unicode_is_number(c) ? NUMBER
                                       : OTHER;
    return length ? length : 1;
}

/* 's|'t|'re|'ve|'m|'ll|'d, or 0. */
static size_t contraction_length(const unsigned char *text) {
    static const char *const all[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strncmp((const char *)text, all[i], strlen(all[i])) == 0)
            return strlen(all[i]);
    return 0;
}

/* The first match of GPT-2's expression (Radford et al., 2019):
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t piece_length(const unsigned char *text, size_t n) {
    size_t at = contraction_length(text), last = 0;
    int class, next;

    if (at > 0)
        return at;
    look_at(text, &class);
    if (text[0] == ' ' && n > 1) { /* it belongs to what follows, unless that is white, too */
        look_at(text + 1, &class);
        at = class != SPACE;
    }
    next = class;
    while (at < n && at < CUT) {
        size_t length = look_at(text + at, &next);
        if (next != class)
            break;
        last = at;
        at += length;
    }
    /* The last blank before a word is left to it. */
    return class == SPACE && next != SPACE && last > 0 ? last : at;
}

size_t nn_unit_length(int tokens, const unsigned char *text, size_t n) {
    size_t length;

    switch (tokens) {
    case NN_TOKENS_BYTES:
        return 1;
    case NN_TOKENS_CHARS:
        length = nn_text_utf8((const char *)text);
        return length ? length : 1;
    case NN_TOKENS_WORDS:
        return word_length(text, n);
    default:
        return piece_length(text, n);
    }
}
