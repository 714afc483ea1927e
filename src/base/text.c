#define _GNU_SOURCE
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes of the control character that begins here, of ASCII or C1 (C2 80 to C2 9F in UTF-8); 0: it
 * is none. */
static size_t control_at(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    if (iscntrl(*c))
        return *c != '\0';
    return *c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f ? 2 : 0;
}

size_t nn_text_utf8(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;

    if (length > 1 && (s[0] < 0xc2 || s[0] > 0xf4 || s[1] < low || s[1] > high))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return length;
}

void nn_text_line(char *out, size_t size, const char *format, va_list args) {
    static const char dots[] = "...";
    int wanted = vsnprintf(out, size, format, args);
    size_t length;

    if (wanted < 0)
        out[0] = '\0';
    length = strlen(out);
    for (char *c = out; *c; c++)
        memset(c, ' ', control_at(c));
    while (length > 0 && out[length - 1] == ' ')
        out[--length] = '\0';
    if (wanted >= 0 && (size_t)wanted >= size && size > sizeof dots)
        memcpy(out + size - sizeof dots, dots, sizeof dots);
}

/* strtod that always takes '.' for the decimal point; asking for "C" costs no allocation. */
static double c_strtod(const char *text, char **end) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = strtod_l(text, end, c);

    freelocale(c);
    return value;
}

static bool infinity_from(const char *text, double *out) {
    static const char *const spellings[] = {"inf", ".inf", "infinity"};
    bool negative = *text == '-';

    if (*text == '-' || *text == '+')
        text++;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (strcasecmp(text, spellings[i]) == 0) {
            *out = negative ? -INFINITY : INFINITY;
            return true;
        }
    }
    return false;
}

bool nn_text_to_real(const char *text, double *out) {
    char *end;
    double value;

    if (infinity_from(text, out))
        return true;
    if (*text == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    value = c_strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value))
        return false;
    *out = value;
    return true;
}

bool nn_text_to_int(const char *text, int64_t *out) {
    const double exact = 9007199254740992.0; /* 2^53: above it doubles skip integers */
    double value;

    if (*text != '\0' && text[strspn(text, "0123456789+-")] == '\0') {
        char *end;
        errno = 0;
        *out = strtoll(text, &end, 10);
        return errno == 0 && end != text && *end == '\0';
    }
    if (!nn_text_to_real(text, &value) || fabs(value) > exact || floor(value) < value)
        return false;
    *out = (int64_t)value;
    return true;
}

size_t nn_text_from_real(char out[NN_TEXT_REAL], double value) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale(c);
    int length = 0;

    value = nn_plain_nan(value);
    for (int digits = 15; digits <= 17; digits++) {
        double back;
        length = snprintf(out, NN_TEXT_REAL, "%.*g", digits, value);
        back = strtod(out, NULL);
        if (back >= value && back <= value)
            break;
    }
    uselocale(before);
    freelocale(c);
    return (size_t)length;
}

const char *nn_text_shell(const char *word, char text[NN_SHELL_TEXT]) {
    size_t plain = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-+=:,./@%");
    size_t used = 0;
    if (plain > 0 && word[plain] == '\0')
        return word;
    text[used++] = '\'';
    for (; *word && used + sizeof "'\\'''" <= NN_SHELL_TEXT; word++)
        used += (size_t)snprintf(text + used, NN_SHELL_TEXT - used, *word == '\'' ? "'\\''" : "%c",
                                 *word);
    memcpy(text + used, "'", 2);
    return text;
}

const char *nn_bytes_text(double bytes, char text[NN_BYTES_TEXT]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1000;
    snprintf(text, NN_BYTES_TEXT, unit ? "%.3g %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

static bool begins_column(char byte) {
    return ((unsigned char)byte & 0xC0) != 0x80;
}

int nn_text_columns(const char *text) {
    int columns = 0;
    for (; *text; text++)
        columns += begins_column(*text);
    return columns;
}

/* Its first columns. */
static void put_columns(FILE *out, const char *name, int most) {
    for (size_t skip; *name && (most > 0 || !begins_column(*name)); name += skip ? skip : 1) {
        skip = control_at(name);
        most -= begins_column(*name);
        fputc(skip ? ' ' : *name, out);
    }
}

void nn_text_put_name(FILE *out, const char *name, int width) {
    int columns = nn_text_columns(name);
    put_columns(out, name, columns);
    fprintf(out, "%*s", width > columns ? width - columns : 0, "");
}

void nn_text_put_cell(FILE *out, const char *name, int width) {
    int columns = nn_text_columns(name);
    bool cut = columns > width;
    fprintf(out, "%*s", cut ? 0 : width - columns, "");
    put_columns(out, name, cut ? width - 3 : columns);
    fputs(cut ? "..." : "", out);
}

void nn_text_put_field(FILE *out, const char *text) {
    bool quote = strpbrk(text, ",\"\r\n") != NULL;

    if (quote)
        fputc('"', out);
    for (size_t bytes; *text; text += bytes ? bytes : 1) {
        bytes = nn_text_utf8(text);
        if (*text == '"')
            fputc('"', out);
        fwrite(bytes ? text : "\xef\xbf\xbd", 1, bytes ? bytes : 3, out);
    }
    if (quote)
        fputc('"', out);
}

void nn_text_wrap(FILE *out, const char *text, int column, int indent, int width) {
    bool first = true;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        int length = (int)strcspn(text, " ");
        if (!first && column + 1 + length > width) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        column += fprintf(out, first ? "%.*s" : " %.*s", length, text);
        first = false;
        text += length;
    }
}

bool nn_text_has_ending(const char *path, const char *const *endings) {
    size_t length = strlen(path);

    for (; *endings; endings++) {
        size_t n = strlen(*endings);
        if (length > n && strcasecmp(path + length - n, *endings) == 0)
            return true;
    }
    return false;
}
