#include "data/tokens.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char *const nn_token_kinds[] = {"bytes", "chars", "words", "bpe", NULL};
const char nn_token_unknown[] = "<unk>";

enum { BEYOND = 0x100, BYTES = 256 }; /* BEYOND: the character of the first unprintable byte */

bool nn_tokens_are_bytes(const char *kind) {
    return kind && strcmp(kind, nn_token_kinds[NN_TOKENS_BYTES]) == 0;
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

/* The byte that a character of two bytes spells, or BYTES. */
static unsigned spelled_by(const char *text) {
    unsigned c = ((unsigned char)text[0] & 0x1fU) << 6 | ((unsigned char)text[1] & 0x3fU);
    unsigned byte = 0;

    if (c < BEYOND)
        return is_printable(c) ? c : BYTES;
    while (byte < BYTES && (is_printable(byte) || BEYOND + unprintable_below(byte) != c))
        byte++;
    return byte;
}

size_t nn_token_text(const char *name, unsigned char *out) {
    size_t count = 0;

    for (size_t length; *name; name += length) {
        length = nn_text_utf8(name);
        length = length ? length : 1;
        unsigned byte = length == 2 ? spelled_by(name) : BYTES;
        if (byte < BYTES && out)
            out[count] = (unsigned char)byte;
        else if (out)
            memcpy(out + count, name, length);
        count += byte < BYTES ? 1 : length;
    }
    return count;
}

size_t nn_token_bytes(const char *kind, const char *name) {
    if (nn_tokens_are_bytes(kind) || (name && strcmp(name, nn_token_unknown) == 0))
        return 1;
    if (name && strcmp(kind, nn_token_kinds[NN_TOKENS_CHARS]) == 0)
        return strlen(name);
    return name && strcmp(kind, nn_token_kinds[NN_TOKENS_BPE]) == 0 ? nn_token_text(name, NULL) : 0;
}
