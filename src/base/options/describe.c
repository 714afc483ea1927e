#include "base/options/option.h"
#include "base/text.h"

#include <string.h>

#define HELP_INDENT 18 /* of a key's help */

enum { KEY, TYPE, DEFAULT, RANGE, MEANING, COLUMNS };

static const char *const heads[COLUMNS] = {"key", "type", "default", "range", "meaning"};

static const char *const type_names[] = {
    [NN_OPT_BOOL] = "true or false", [NN_OPT_INT] = "whole number", [NN_OPT_REAL] = "number",
    [NN_OPT_STRING] = "text",        [NN_OPT_CHOICE] = "choice",    [NN_OPT_NODE] = "structure",
};

const char *nn_option_type_name(const nn_option *option) {
    return type_names[option->type];
}

static const char *cell(const nn_option *option, int column) {
    const char *fallback = !option->fallback     ? "required"
                           : option->fallback[0] ? option->fallback
                                                 : "none";
    const char *const cells[COLUMNS] = {option->key, type_names[option->type], fallback,
                                        option->range ? option->range : "",
                                        option->help ? option->help : ""};

    return cells[column];
}

/* A bar would end the cell of a Markdown table. */
static void put_escaped(FILE *out, const char *text) {
    for (; *text; text++)
        fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void markdown_row(FILE *out, const nn_option *option) {
    for (int c = 0; c < COLUMNS; c++) {
        const char *text = cell(option, c);
        const char *code = (c == KEY || c == RANGE) && text[0] ? "`" : "";
        fprintf(out, "| %s", code);
        put_escaped(out, text);
        fprintf(out, "%s ", code);
    }
    fputs("|\n", out);
}

static void markdown_table(FILE *out, const nn_option *table) {
    for (int c = 0; c < COLUMNS; c++)
        fprintf(out, "| %s ", heads[c]);
    fputs("|\n|---|---|---|---|---|\n", out);
    for (; table->key; table++)
        markdown_row(out, table);
}

/* "number, default 0.1, range (0, inf)" */
static void plain_type(const nn_option *option, char *text, size_t size) {
    const char *range = option->range, *fallback = option->fallback;
    const char *type = range && option->type == NN_OPT_CHOICE ? range : type_names[option->type];
    int used = snprintf(text, size, "%s", type);

    if (!fallback)
        used += snprintf(text + used, size - (size_t)used, ", required");
    else if (fallback[0])
        used += snprintf(text + used, size - (size_t)used, ", default %s", fallback);
    if (range && option->type != NN_OPT_CHOICE)
        snprintf(text + used, size - (size_t)used, ", range %s", range);
}

void nn_option_describe(FILE *out, const nn_option *option, const char *name, int width) {
    char type[512];

    plain_type(option, type, sizeof type);
    nn_text_wrap(out, type, fprintf(out, "  %-14s  ", name), HELP_INDENT, width);
    if (option->help) {
        fprintf(out, "\n%*s", HELP_INDENT, "");
        nn_text_wrap(out, option->help, HELP_INDENT, HELP_INDENT, width);
    }
    fputc('\n', out);
}

void nn_options_describe(FILE *out, const nn_option *table, int width) {
    if (!table || !table->key)
        fputs(width ? "  Takes no options.\n" : "Takes no options.\n", out);
    else if (!width)
        markdown_table(out, table);
    else
        for (; table->key; table++)
            nn_option_describe(out, table, table->key, width);
}

void nn_entry_describe(FILE *out, const nn_family *family, const nn_entry *row, int width) {
    if (!width) {
        fprintf(out, "### `%s`\n\n%s\n\n", row->name, row->help);
        nn_options_describe(out, row->options, width);
        fputc('\n', out);
        return;
    }
    fprintf(out, "%s (%s)\n  ", row->name, family->noun);
    nn_text_wrap(out, row->help, 2, 2, width);
    fputs("\n\n", out);
    nn_options_describe(out, row->options, width);
}
