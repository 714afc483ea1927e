/* Text as messages and files need it: bounded lines, and numbers that do not depend on the locale.
 */
#ifndef NN_BASE_TEXT_H
#define NN_BASE_TEXT_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Formats one line into out[size]: line breaks and other control characters become blanks, blanks
 * at the end are dropped, what does not fit ends in "...". */
void nn_text_line(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Bytes of the UTF-8 sequence that begins here, 0 when there is none: RFC 3629, so no overlong
 * forms, no surrogates, nothing above U+10FFFF. The text ends with a NUL. */
size_t nn_text_utf8(const char *text);

/* The whole of `text` as a number; false when it is none. An integer may be written 1e3 or 2.0 when
 * it is exact; a real is decimal, or an infinity as C or YAML write it; NaN is no number. */
bool nn_text_to_int(const char *text, int64_t *out);
bool nn_text_to_real(const char *text, double *out);

/* NaN has no sign where people read it, whatever the machine made of it. */
static inline double nn_plain_nan(double value) {
    return isnan(value) ? (double)NAN : value;
}

/* Writes the shortest of %.15g, %.16g and %.17g that reads back as the same double, at most
 * NN_TEXT_REAL bytes with the NUL; returns the length. */
#define NN_TEXT_REAL 32
size_t nn_text_from_real(char out[NN_TEXT_REAL], double value);

/* Characters of UTF-8, each taken for a column wide. */
int nn_text_columns(const char *text);

/* Writes a name that others may have given, filled up with blanks to `width` columns; what a
 * terminal would obey (control characters) becomes blanks. */
void nn_text_put_name(FILE *out, const char *name, int width);
/* The same on the right of exactly `width` columns, at least 3: a longer one ends in "...". */
void nn_text_put_cell(FILE *out, const char *name, int width);

/* Writes a field of CSV, in quotes where it has to be (RFC 4180); a byte that is no UTF-8 becomes
 * U+FFFD. */
void nn_text_put_field(FILE *out, const char *text);

/* Writes `text` as lines of up to `width` characters, of which all but the first begin with
 * `indent` blanks; the first one has got `column` characters already. No newline at the end. */
void nn_text_wrap(FILE *out, const char *text, int column, int indent, int width);

/* `word` as a shell reads it, in single quotes where it has to be: itself or in `text`, where what
 * does not fit is cut. */
#define NN_SHELL_TEXT 4096
const char *nn_text_shell(const char *word, char text[NN_SHELL_TEXT]);

/* "12.3 MB" in `text`, which is returned. */
#define NN_BYTES_TEXT 32
const char *nn_bytes_text(double bytes, char text[NN_BYTES_TEXT]);

/* Does the name of a file end in one of these, in any case, and begin before it? NULL ends them. */
bool nn_text_has_ending(const char *path, const char *const *endings);

#endif
