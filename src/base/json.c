#include "base/json.h"

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

/* Bytes of the UTF-8 sequence at `s`, 0 when there is none: RFC 3629, so no overlong forms, no
 * surrogates, nothing above U+10FFFF. */
static size_t utf8_length(const unsigned char *s) {
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

/* One character of a string, escaped where JSON wants it; returns the bytes of `s` it took. */
static size_t put_character(nn_json *json, const char *s) {
    static const char specials[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *special = strchr(specials, *s);
    size_t length = utf8_length((const unsigned char *)s);
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
