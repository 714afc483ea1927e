/* JSON: a writer into a caller's buffer, without allocation, so that the step path may use it; and
 * a reader that goes through a text once and builds no tree (RFC 8259). */
#ifndef NN_BASE_JSON_JSON_H
#define NN_BASE_JSON_JSON_H

#include "base/mem.h"

typedef struct nn_json {
    char *text;
    size_t size, length;
    bool comma;    /* the next item needs a comma */
    bool overflow; /* did not fit: text is not valid */
} nn_json;

void nn_json_init(nn_json *json, char *buffer, size_t size);
/* `key` is NULL inside arrays and at the top. */
void nn_json_open(nn_json *json, const char *key, char bracket); /* '{' or '[' */
void nn_json_close(nn_json *json, char bracket);                 /* '}' or ']' */
void nn_json_string(nn_json *json, const char *key, const char *value);
void nn_json_int(nn_json *json, const char *key, int64_t value);
/* Shortest form that reads back as the same double (%.17g at most); NaN and Inf become null. */
void nn_json_real(nn_json *json, const char *key, double value);
void nn_json_bool(nn_json *json, const char *key, bool value);
/* An array of reals. */
void nn_json_reals(nn_json *json, const char *key, size_t count, const double *values);

/* Functions that read fail with NN_EFORMAT, and say at which byte of which file what is missing. */
typedef struct nn_json_reader {
    nn_pool *pool;    /* owns the strings */
    const char *file; /* in messages */
    const char *text;
    size_t length, at; /* of the text; where reading stands */
    size_t offset;     /* of the text in the file, for messages */
    bool first;        /* nothing was read since the last bracket was opened */
} nn_json_reader;

/* The opening bracket, '{' or '['. */
int nn_json_begin(nn_json_reader *r, char bracket);
/* Goes to the next item, *more, or past the closing bracket. */
int nn_json_next(nn_json_reader *r, char bracket, bool *more);
/* A key of an object and its colon; a string in UTF-8 without NUL; a whole number from 0 on. */
int nn_json_read_key(nn_json_reader *r, char **key);
int nn_json_read_string(nn_json_reader *r, char **string);
int nn_json_read_count(nn_json_reader *r, int64_t *count);
int nn_json_read_real(nn_json_reader *r, double *value);
/* What the next value begins with: a bracket, a quote, a digit, '-', or the first letter of true,
 * false or null; '\0' at the end. */
char nn_json_peek(nn_json_reader *r);
/* Goes past a value of any kind. It recurses into brackets: for texts of our own. */
int nn_json_skip(nn_json_reader *r);
/* Nothing but blanks is left. */
int nn_json_end(nn_json_reader *r);
/* Puts the place before the pending message; returns `code`. */
int nn_json_place(const nn_json_reader *r, int code);

#endif
