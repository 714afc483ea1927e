/* Pieces of YAML that is written for people. */
#include "io/yaml/yaml.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 96

void nn_yaml_comment(FILE *out, int indent, const char *text) {
    int column = 0;

    while (*text) {
        int word = (int)strcspn(text, " ");
        bool breaks = column > 0 && column + 1 + word > WIDTH;
        if (breaks)
            fputc('\n', out);
        if (breaks || column == 0)
            column = fprintf(out, "%*s#", indent, "");
        column += fprintf(out, " %.*s", word, text);
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

char *nn_yaml_quoted(nn_pool *pool, const char *text) {
    char *quoted = nn_pool_alloc(pool, 4 * strlen(text) + 3), *to = quoted;

    if (!quoted)
        return NULL;
    *to++ = '"';
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c == 0x7f)
            to += sprintf(to, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            to += sprintf(to, "\\%c", c);
        else
            *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return quoted;
}
