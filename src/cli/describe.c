/* What `nnmpi help` says about a verb. */
#include "cli/args.h"
#include "cli/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FLAG_SIZE 80

static bool is_argument(const char *const *arguments, const char *key) {
    for (; arguments && *arguments; arguments++)
        if (strcmp(*arguments, key) == 0)
            return true;
    return false;
}

/* "-O, --out TEXT": the flag as it is typed; "CONFIG" for what is typed without one. */
static const char *flag_text(const nn_option *option, const char *const *arguments,
                             char text[FLAG_SIZE]) {
    static const char *const values[] = {
        [NN_OPT_BOOL] = "",        [NN_OPT_INT] = " N",       [NN_OPT_REAL] = " X",
        [NN_OPT_STRING] = " TEXT", [NN_OPT_CHOICE] = " NAME", [NN_OPT_NODE] = " TEXT",
    };
    char letter = nn_short_flag(option->key), dash[8] = "";
    if (is_argument(arguments, option->key)) {
        snprintf(text, FLAG_SIZE, "%s", option->key);
        for (char *c = text; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        return text;
    }
    if (letter)
        snprintf(dash, sizeof dash, "-%c, ", letter);
    snprintf(text, FLAG_SIZE, "%s--%s%s", dash, option->key, values[option->type]);
    for (char *c = text; *c; c++)
        if (*c == '_')
            *c = '-';
    return text;
}

/* ": required", ", default 5, range [0, inf)" in brackets behind the help. */
static void describe_bounds(FILE *out, const nn_option *option) {
    const char *range = option->range;
    if (!option->fallback)
        fprintf(out, " (required%s%s)", range ? "; " : "", range ? range : "");
    else if (option->type != NN_OPT_BOOL && option->fallback[0])
        fprintf(out, " (default %s%s%s)", option->fallback, range ? "; " : "", range ? range : "");
    else if (range)
        fprintf(out, " (%s)", range);
}

static void describe_table(FILE *out, const nn_option *table, const char *const *arguments,
                           bool markdown) {
    char flag[FLAG_SIZE];
    for (; table && table->key; table++) {
        fprintf(out, markdown ? "- `%s`: %s" : "  %-24s  %s", flag_text(table, arguments, flag),
                table->help);
        describe_bounds(out, table);
        fputc('\n', out);
    }
}

static void describe_rows(FILE *out, const nn_family *family, bool markdown) {
    for (const nn_entry *const *row = family->rows; *row; row++)
        fprintf(out, markdown ? "- `%s`: %s\n" : "  %-24s  %s\n", (*row)->name, (*row)->help);
}

static void heading(FILE *out, bool markdown, const char *text) {
    fprintf(out, markdown ? "\n%s:\n\n" : "\n%s:\n", text);
}

/* Prints "data " for the verbs of `nnmpi data`, and so on. */
static void print_group(FILE *out, const nn_verb *verb) {
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++) {
        const nn_family *group = ((const nn_verb *)*row)->verbs;
        if (group && nn_family_find(group, verb->entry.name) == &verb->entry)
            fprintf(out, "%s ", (*row)->name);
    }
}

void nn_help_verb(FILE *out, const nn_verb *verb, bool markdown) {
    fputs(markdown ? "### `nnmpi " : "usage: nnmpi ", out);
    print_group(out, verb);
    fprintf(out, "%s %s%s\n\n%s\n", verb->entry.name, verb->usage, markdown ? "`" : "",
            verb->entry.help);
    if (verb->verbs) {
        heading(out, markdown, "Verbs");
        describe_rows(out, verb->verbs, markdown);
    }
    if (verb->kinds) {
        heading(out, markdown, "Kinds (`nnmpi help KIND` says more)");
        describe_rows(out, verb->kinds, markdown);
    }
    if (verb->entry.options || !markdown)
        heading(out, markdown, "Options");
    describe_table(out, verb->entry.options, verb->arguments, markdown);
    describe_table(out, verb->base ? verb->base->options : NULL, NULL, markdown);
    if (!markdown)
        describe_table(out, nn_common_table, NULL, false);
}
