#include "data/tokens.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char *const nn_token_kinds[] = {"bytes", "chars", "words", "bpe", NULL};
const char nn_token_unknown[] = "<unk>";

enum { BEYOND = 0x100 }; /* the character of the first unprintable byte */

int nn_token_kind_of(const char *name) {
    for (int kind = 0; name && nn_token_kinds[kind]; kind++)
        if (strcmp(name, nn_token_kinds[kind]) == 0)
            return kind;
    return -1;
}

bool nn_tokens_are_bytes(const char *kind) {
    return nn_token_kind_of(kind) == NN_TOKENS_BYTES;
}

static bool is_printable(unsigned byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
}

/* Unprintable bytes below this one. */
static unsigned unprintable_below(unsigned byte) {
    unsigned count = 0;

    for (unsigned b = 0; b < byte; b++)
        count += !is_printable(b);
    return count;
}

const char *nn_token_shown(const char *name, char text[NN_TOKEN_SHOWN]) {
    size_t used = 0;

    for (size_t length; *name; name += length) {
        unsigned char c = (unsigned char)*name;
        length = nn_text_utf8(name);
        bool plain = length > 1 || (length == 1 && c >= ' ' && c != 0x7f);
        length = length ? length : 1;
        if (used + (plain ? length : 4) > 40)
            break;
        if (plain)
            memcpy(text + used, name, length);
        else
            snprintf(text + used, NN_TOKEN_SHOWN - used, "\\x%02x", c);
        used += plain ? length : 4;
    }
    text[used] = '\0';
    return text;
}

size_t nn_token_spell(unsigned char byte, char text[3]) {
    unsigned c = is_printable(byte) ? byte : BEYOND + unprintable_below(byte);

    if (c < 0x80) {
        memcpy(text, (char[]){(char)c, '\0'}, 2);
        return 1;
    }
    memcpy(text, (char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)), '\0'}, 3);
    return 2;
}

/* The byte that a character of two bytes spells, -1: none. */
static int spelled_byte(const char *text) {
    unsigned c = ((unsigned char)text[0] & 0x1fU) << 6 | ((unsigned char)text[1] & 0x3fU);

    if (c < BEYOND)
        return is_printable(c) ? (int)c : -1;
    for (unsigned b = 0, before = c - BEYOND; b < NN_BYTE_TOKENS; b++)
        if (!is_printable(b) && before-- == 0)
            return (int)b;
    return -1;
}

size_t nn_token_unspell(const char *name, char *bytes, size_t room) {
    size_t count = 0;

    for (size_t length, n; *name; name += length, count += n) {
        length = nn_text_utf8(name);
        length = length ? length : 1;
        int byte = length == 2 ? spelled_byte(name) : -1;
        n = byte >= 0 ? 1 : length;
        if (!bytes || count + n > room)
            continue;
        memcpy(bytes + count, byte >= 0 ? (const char[]){(char)byte} : name, n);
    }
    return count;
}

size_t nn_token_bytes(const char *kind, const char *name) {
    int known = nn_token_kind_of(kind);

    if (known == NN_TOKENS_BYTES || (name && strcmp(name, nn_token_unknown) == 0))
        return 1;
    if (name && known == NN_TOKENS_CHARS)
        return strlen(name);
    return name && known == NN_TOKENS_BPE ? nn_token_unspell(name, NULL, 0) : 0;
}
