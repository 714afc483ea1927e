/* A JSON writer into a caller's buffer: no allocation, so the step path may use it. */
#ifndef NN_BASE_JSON_H
#define NN_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
