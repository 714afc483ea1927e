#include "base/json/json.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put(nn_json *json, const char *text, size_t length) {
    if (json->overflow || length >= json->size - json->length) {
        json->overflow = true;
        return;
    }
    memcpy(json->text + json->length, text, length);
    json->length += length;
    json->text[json->length] = '\0';
}

static void put_text(nn_json *json, const char *text) {
    put(json, text, strlen(text));
}

/* One character of a string, escaped where JSON wants it; returns the bytes of `s` it took. */
static size_t put_character(nn_json *json, const char *s) {
    static const char specials[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *special = strchr(specials, *s);
    size_t length = nn_text_utf8(s);
    char escape[8];

    if (special) {
        put(json, (const char[]){'\\', letters[special - specials]}, 2);
    } else if ((unsigned char)*s < 0x20) {
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*s);
        put_text(json, escape);
    } else if (length == 0) {
        put_text(json, "\\ufffd");
    } else {
        put(json, s, length);
    }
    return length ? length : 1;
}

static void put_quoted(nn_json *json, const char *text) {
    put_text(json, "\"");
    while (*text)
        text += put_character(json, text);
    put_text(json, "\"");
}

/* What stands before any item: a comma after the one before it, and its key. */
static void begin_item(nn_json *json, const char *key) {
    if (json->comma)
        put_text(json, ",");
    if (key) {
        put_quoted(json, key);
        put_text(json, ":");
    }
    json->comma = true;
}

void nn_json_init(nn_json *json, char *buffer, size_t size) {
    *json = (nn_json){.text = buffer, .size = size, .overflow = size == 0};
    if (size > 0)
        buffer[0] = '\0';
}

void nn_json_open(nn_json *json, const char *key, char bracket) {
    begin_item(json, key);
    put(json, &bracket, 1);
    json->comma = false;
}

void nn_json_close(nn_json *json, char bracket) {
    put(json, &bracket, 1);
    json->comma = true;
}

void nn_json_string(nn_json *json, const char *key, const char *value) {
    begin_item(json, key);
    if (value)
        put_quoted(json, value);
    else
        put_text(json, "null");
}

void nn_json_int(nn_json *json, const char *key, int64_t value) {
    char text[24];

    begin_item(json, key);
    snprintf(text, sizeof text, "%" PRId64, value);
    put_text(json, text);
}

void nn_json_real(nn_json *json, const char *key, double value) {
    char text[NN_TEXT_REAL];

    begin_item(json, key);
    if (isfinite(value))
        put(json, text, nn_text_from_real(text, value));
    else
        put_text(json, "null");
}

void nn_json_bool(nn_json *json, const char *key, bool value) {
    begin_item(json, key);
    put_text(json, value ? "true" : "false");
}

void nn_json_reals(nn_json *json, const char *key, size_t count, const double *values) {
    nn_json_open(json, key, '[');
    for (size_t i = 0; i < count; i++)
        nn_json_real(json, NULL, values[i]);
    nn_json_close(json, ']');
}
