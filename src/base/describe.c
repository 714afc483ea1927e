#include "base/option.h"

#include <string.h>

enum { KEY, TYPE, DEFAULT, RANGE, MEANING, COLUMNS };

static const char *const heads[COLUMNS] = {"key", "type", "default", "range", "meaning"};

static const char *const type_names[] = {
    [NN_OPT_BOOL] = "true or false", [NN_OPT_INT] = "whole number", [NN_OPT_REAL] = "number",
    [NN_OPT_STRING] = "text",        [NN_OPT_CHOICE] = "choice",    [NN_OPT_NODE] = "structure",
};

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

static int width(const nn_option *table, int column) {
    size_t widest = strlen(heads[column]);

    for (; table->key; table++) {
        size_t length = strlen(cell(table, column));
        widest = length > widest ? length : widest;
    }
    return (int)widest;
}

static void plain_table(FILE *out, const nn_option *table) {
    int widths[MEANING];

    for (int c = 0; c < MEANING; c++) {
        widths[c] = width(table, c);
        fprintf(out, "  %-*s", widths[c], heads[c]);
    }
    fprintf(out, "  %s\n", heads[MEANING]);
    for (; table->key; table++) {
        for (int c = 0; c < MEANING; c++)
            fprintf(out, "  %-*s", widths[c], cell(table, c));
        fprintf(out, "  %s\n", cell(table, MEANING));
    }
}

void nn_options_describe(FILE *out, const nn_option *table, bool markdown) {
    if (!table || !table->key)
        fputs(markdown ? "Takes no options.\n" : "  Takes no options.\n", out);
    else if (markdown)
        markdown_table(out, table);
    else
        plain_table(out, table);
}

void nn_entry_describe(FILE *out, const nn_family *family, const nn_entry *row, bool markdown) {
    fprintf(out, markdown ? "### `%s`\n\n%s\n\n" : "%s (%s)\n", row->name,
            markdown ? row->help : family->noun);
    if (!markdown)
        fprintf(out, "  %s\n\n", row->help);
    nn_options_describe(out, row->options, markdown);
    if (markdown)
        fputc('\n', out);
}
