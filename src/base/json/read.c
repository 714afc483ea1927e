#include "base/json/json.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

int nn_json_place(const nn_json_reader *r, int code) {
    return nn_error_prefix(code, "%s: byte %zu", r->file, r->offset + r->at);
}

char nn_json_peek(nn_json_reader *r) {
    while (r->at < r->length && r->text[r->at] && strchr(" \t\r\n", r->text[r->at]))
        r->at++;
    return r->at < r->length ? r->text[r->at] : '\0';
}

static int expect(nn_json_reader *r, char wanted) {
    if (nn_json_peek(r) != wanted)
        return nn_json_place(r, nn_fail(NN_EFORMAT, "JSON should go on with '%c' here", wanted));
    r->at++;
    return 0;
}

int nn_json_begin(nn_json_reader *r, char bracket) {
    NN_TRY(expect(r, bracket));
    r->first = true;
    return 0;
}

int nn_json_next(nn_json_reader *r, char bracket, bool *more) {
    *more = nn_json_peek(r) != bracket;
    if (!*more)
        r->at++;
    else if (!r->first)
        NN_TRY(expect(r, ','));
    r->first = false;
    return 0;
}

/* Four hexadecimal digits; -1: they are none. */
static int32_t read_hex(nn_json_reader *r) {
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        char c = r->at < r->length ? r->text[r->at] : '\0';
        const char *digit = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
        if (c == '\0' || !digit)
            return -1;
        value = value * 16 + (int32_t)(digit - digits);
        r->at++;
    }
    return value;
}

/* The code point of \uXXXX, or of a pair of surrogates; -1: there is none, or it is NUL. */
static int32_t read_code(nn_json_reader *r) {
    int32_t code = read_hex(r);
    if (code < 0xd800 || code > 0xdfff)
        return code > 0 ? code : -1;
    if (code > 0xdbff || r->length - r->at < 2 || memcmp(r->text + r->at, "\\u", 2) != 0)
        return -1;
    r->at += 2;
    int32_t low = read_hex(r);
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((code - 0xd800) << 10) + low - 0xdc00 : -1;
}

static char *put_code(char *out, int32_t code) {
    static const int lead[] = {0, 0xc0, 0xe0, 0xf0};
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *out++ = (char)(lead[more] | code >> 6 * more);
    while (more-- > 0)
        *out++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    return out;
}

static int read_escape(nn_json_reader *r, char **out) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->length ? r->text[r->at++] : '\0';
    const char *letter = c ? strchr(letters, c) : NULL;
    int32_t code = letter ? meanings[letter - letters] : c == 'u' ? read_code(r) : -1;
    if (code < 0)
        return nn_json_place(
            r, nn_fail(NN_EFORMAT, "no escape sequence of JSON that stands for a character"));
    *out = put_code(*out, code);
    return 0;
}

/* Bytes up to the closing quote, which escapes only make more than the characters need. */
static size_t length_of(const nn_json_reader *r) {
    size_t end = r->at;
    while (end < r->length && r->text[end] != '"')
        end += r->text[end] == '\\' ? 2 : 1;
    return end < r->length ? end - r->at : SIZE_MAX;
}

int nn_json_read_string(nn_json_reader *r, char **string) {
    NN_TRY(expect(r, '"'));
    size_t length = length_of(r), end = r->at + length;
    if (length == SIZE_MAX)
        return nn_json_place(r, nn_fail(NN_EFORMAT, "a string that does not end"));
    char *out = *string = nn_pool_alloc(r->pool, length + 1);
    if (!out)
        return NN_EMEMORY;
    while (r->at < end) {
        const char *c = r->text + r->at;
        size_t bytes = nn_text_utf8(c);
        if (bytes == 0 || (unsigned char)*c < 0x20)
            return nn_json_place(
                r, nn_fail(NN_EFORMAT, "a character that may not stand in a string of JSON"));
        r->at += bytes;
        if (*c == '\\') {
            NN_TRY(read_escape(r, &out));
        } else {
            memcpy(out, c, bytes);
            out += bytes;
        }
    }
    r->at++;
    return 0;
}

int nn_json_read_key(nn_json_reader *r, char **key) {
    NN_TRY(nn_json_read_string(r, key));
    return expect(r, ':');
}

int nn_json_read_count(nn_json_reader *r, int64_t *count) {
    char c = nn_json_peek(r);
    size_t first = r->at;
    bool fits = true;
    *count = 0;
    for (; c >= '0' && c <= '9'; c = r->at < r->length ? r->text[r->at] : '\0') {
        fits = fits && !__builtin_mul_overflow(*count, 10, count) &&
               !__builtin_add_overflow(*count, c - '0', count);
        r->at++;
    }
    bool whole = r->at > first && !(r->at > first + 1 && r->text[first] == '0') &&
                 (c == '\0' || !strchr(".eE", c));
    return whole && fits
               ? 0
               : nn_json_place(
                     r, nn_fail(NN_EFORMAT, "a whole number from 0 to 2^63 - 1 should be here"));
}

int nn_json_read_real(nn_json_reader *r, double *value) {
    char number[64];
    nn_json_peek(r);
    size_t length = strspn(r->text + r->at, "+-.0123456789eE");
    snprintf(number, sizeof number, "%.*s", (int)(length < sizeof number ? length : 0),
             r->text + r->at);
    if (!nn_text_to_real(number, value))
        return nn_json_place(r, nn_fail(NN_EFORMAT, "a number should be here"));
    r->at += length;
    return 0;
}

static int skip_all(nn_json_reader *r, char bracket) {
    bool more;
    NN_TRY(nn_json_begin(r, bracket));
    bracket = bracket == '{' ? '}' : ']';
    for (;;) {
        char *key;
        NN_TRY(nn_json_next(r, bracket, &more));
        if (!more)
            return 0;
        if (bracket == '}')
            NN_TRY(nn_json_read_key(r, &key));
        NN_TRY(nn_json_skip(r));
    }
}

int nn_json_skip(nn_json_reader *r) {
    static const char *const words[] = {"true", "false", "null"};
    char *string, first = nn_json_peek(r);
    double number;
    if (first == '{' || first == '[')
        return skip_all(r, first);
    if (first == '"')
        return nn_json_read_string(r, &string);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(r->text + r->at, words[i], strlen(words[i])) == 0) {
            r->at += strlen(words[i]);
            return 0;
        }
    return nn_json_read_real(r, &number);
}

int nn_json_end(nn_json_reader *r) {
    nn_json_peek(r);
    return r->at == r->length
               ? 0
               : nn_json_place(r, nn_fail(NN_EFORMAT, "more than one value of JSON"));
}
