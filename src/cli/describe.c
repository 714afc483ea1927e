/* What `nnmpi help` says about a verb. */
#include "base/text.h"
#include "cli/args.h"
#include "cli/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FLAG_SIZE 80
#define ITEM_WIDTH 22

bool nn_is_argument(const char *const *arguments, const char *key) {
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
    if (nn_is_argument(arguments, option->key)) {
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

void nn_verbs_visit(void (*visit)(void *ctx, const nn_verb *verb), void *ctx) {
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++)
        visit(ctx, (const nn_verb *)*row);
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++) {
        const nn_family *group = ((const nn_verb *)*row)->verbs;
        for (const nn_entry *const *verb = group ? group->rows : NULL; verb && *verb; verb++)
            visit(ctx, (const nn_verb *)*verb);
    }
}

/* Help and bounds: "... (default 5; [0, inf))". */
static void describe_bounds(const nn_option *option, char *text, size_t size) {
    const char *range = option->range;
    int used = snprintf(text, size, "%s", option->help);
    size -= (size_t)used;
    if (!option->fallback)
        snprintf(text + used, size, " (required%s%s)", range ? "; " : "", range ? range : "");
    else if (option->type != NN_OPT_BOOL && option->fallback[0])
        snprintf(text + used, size, " (default %s%s%s)", option->fallback, range ? "; " : "",
                 range ? range : "");
    else if (range)
        snprintf(text + used, size, " (%s)", range);
}

/* Text as roff reads it: a dash is one that can be copied, and no line is taken for a request. */
static void put_roff(FILE *out, const char *text) {
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++)
        if (*text == '\\')
            fputs("\\e", out);
        else
            fprintf(out, *text == '-' ? "\\%c" : "%c", *text);
}

void nn_help_item(FILE *out, const char *name, const char *help, int width) {
    if (width == NN_HELP_MARKDOWN) {
        fprintf(out, "- `%s`: %s\n", name, help);
        return;
    }
    if (width == NN_HELP_ROFF) {
        fputs(".TP\n\\fB", out);
        put_roff(out, name);
        fputs("\\fR\n", out);
        put_roff(out, help);
        fputc('\n', out);
        return;
    }
    fprintf(out, "  %-*s  ", ITEM_WIDTH, name);
    if (strlen(name) > ITEM_WIDTH)
        fprintf(out, "\n%*s", ITEM_WIDTH + 4, "");
    nn_text_wrap(out, help, ITEM_WIDTH + 4, ITEM_WIDTH + 4, width);
    fputc('\n', out);
}

static void describe_option(FILE *out, const nn_option *option, const char *const *arguments,
                            int width) {
    char flag[FLAG_SIZE], text[1024];
    describe_bounds(option, text, sizeof text);
    nn_help_item(out, flag_text(option, arguments, flag), text, width);
}

void nn_help_option(FILE *out, const nn_verb *verb, const nn_option *option, int width) {
    describe_option(out, option, verb->arguments, width);
}

static void describe_table(FILE *out, const nn_option *table, const char *const *arguments,
                           int width) {
    for (; table && table->key; table++)
        describe_option(out, table, arguments, width);
}

void nn_help_rows(FILE *out, const nn_family *family, int width) {
    for (const nn_entry *const *row = family->rows; *row; row++)
        nn_help_item(out, (*row)->name, (*row)->help, width);
}

static void heading(FILE *out, int width, const char *text) {
    if (width != NN_HELP_ROFF) {
        fprintf(out, width ? "\n%s:\n" : "\n%s:\n\n", text);
        return;
    }
    fputs(".SH ", out);
    for (; *text; text++)
        fputc(toupper((unsigned char)*text), out);
    fputc('\n', out);
}

static const nn_entry *group_of(const nn_verb *verb) {
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++) {
        const nn_family *group = ((const nn_verb *)*row)->verbs;
        if (group && nn_family_find(group, verb->entry.name) == &verb->entry)
            return *row;
    }
    return NULL;
}

void nn_verb_title(const nn_verb *verb, char between, char title[NN_VERB_TITLE]) {
    const nn_entry *group = group_of(verb);
    if (group)
        snprintf(title, NN_VERB_TITLE, "nnmpi%c%s%c%s", between, group->name, between,
                 verb->entry.name);
    else
        snprintf(title, NN_VERB_TITLE, "nnmpi%c%s", between, verb->entry.name);
}

/* What follows the verb's name; after a group that is "import|info|split|make ...". */
static void usage_text(const nn_verb *verb, char *text, size_t size) {
    if (!verb->verbs) {
        snprintf(text, size, "%s", verb->usage);
        return;
    }
    int used = 0;
    for (const nn_entry *const *row = verb->verbs->rows; *row; row++)
        used +=
            snprintf(text + used, size - (size_t)used, "%s%s", (*row)->name, row[1] ? "|" : " ...");
}

/* Usage and what the verb does. */
static void introduce(FILE *out, const nn_verb *verb, int width) {
    char title[NN_VERB_TITLE], usage[512] = "";
    nn_verb_title(verb, ' ', title);
    usage_text(verb, usage, sizeof usage);
    if (width == NN_HELP_ROFF) {
        fprintf(out, ".SH SYNOPSIS\n\\fB%s\\fR ", title);
        put_roff(out, usage);
        fputs("\n.SH DESCRIPTION\n", out);
        put_roff(out, verb->entry.help);
    } else if (width == NN_HELP_MARKDOWN) {
        fprintf(out, "### `%s %s`\n\n%s", title, usage, verb->entry.help);
    } else {
        fprintf(out, "usage: %s %s\n\n", title, usage);
        nn_text_wrap(out, verb->entry.help, 0, 0, width);
    }
    fputc('\n', out);
}

static void put_example(FILE *out, const char *example, int width) {
    heading(out, width, "Example");
    if (width == NN_HELP_ROFF)
        put_roff(out, example);
    else
        fprintf(out, "%*s%s", width ? 2 : 4, "", example);
    fputc('\n', out);
}

void nn_help_verb(FILE *out, const nn_verb *verb, int width) {
    introduce(out, verb, width);
    if (verb->example)
        put_example(out, verb->example, width);
    if (verb->verbs) {
        heading(out, width, "Verbs");
        nn_help_rows(out, verb->verbs, width);
    }
    if (verb->kinds) {
        heading(out, width,
                width == NN_HELP_ROFF ? "Kinds" : "Kinds (`nnmpi help KIND` says more)");
        nn_help_rows(out, verb->kinds, width);
    }
    if (verb->entry.options || width)
        heading(out, width, "Options");
    describe_table(out, verb->entry.options, verb->arguments, width);
    describe_table(out, verb->base ? verb->base->options : NULL, NULL, width);
    if (width)
        describe_table(out, nn_common_table, NULL, width);
}
