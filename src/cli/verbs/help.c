#include "base/text.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "train/config/places.h"
#include "train/config/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LEAST_WIDTH 40

typedef struct options {
    const nn_node *topic;
    bool markdown;
    const char *man;
    int completion;
} options;

static const nn_option table[] = {
    {"topic", NN_OPT_NODE, offsetof(options, topic), "", NULL,
     "a verb, a section of the configuration, a kind (layer, loss ...) or the name of one, or a "
     "key: "
     "train.lr, sgd.momentum, units"},
    {"markdown", NN_OPT_BOOL, offsetof(options, markdown), "false", NULL,
     "the complete reference as Markdown"},
    {"man", NN_OPT_STRING, offsetof(options, man), "", NULL,
     "write a manual page for each verb into this folder"},
    {"completion", NN_OPT_CHOICE, offsetof(options, completion), "none", NN_COMPLETION_SHELLS,
     "the script with which a shell completes verbs, options and keys"},
    NN_OPTION_END,
};

int nn_help_width(void) {
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    struct winsize size;
    if (width <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    return width <= 0 ? 80 : width < LEAST_WIDTH ? LEAST_WIDTH : width;
}

static void paragraph(FILE *out, const char *text, int indent, int width) {
    fprintf(out, "%*s", indent, "");
    nn_text_wrap(out, text, indent, indent, width);
    fputc('\n', out);
}

/* The keys that every row of a family takes besides its own. */
static void common_describe(FILE *out, const nn_family_place *f, int width) {
    if (!f->common)
        return;
    fprintf(out, "%sEvery %s takes these keys besides its own:\n\n", width ? "\n" : "",
            f->family->noun);
    nn_options_describe(out, f->common, width);
    if (!width)
        fputc('\n', out);
}

static void example(FILE *out, const nn_place *place) {
    fputs("\n  Example:\n", out);
    nn_place_example(out, place, 4);
}

/* The topmost section has no name of its own. */
static const char *section_name(const nn_section *section) {
    return *section->name ? section->name : "config";
}

static void overview(FILE *out, int width) {
    char kinds[512] = "";
    int used = 0;
    paragraph(out, "nnmpi trains neural networks on CPU clusters: mpirun -n 8 nnmpi train CONFIG",
              0, width);
    paragraph(out, "Without a verb it trains the model that is built in (Iris).", 0, width);
    fputs("\nVerbs:\n", out);
    nn_help_rows(out, &nn_verbs, width);
    fputs("\nSections of a configuration:\n", out);
    for (const nn_section *s = nn_sections; s->name; s++)
        nn_help_item(out, section_name(s), s->help, width);
    fputs("\nKinds of things a configuration names:\n", out);
    for (const nn_family_place *f = nn_family_places; f->family; f++)
        used += snprintf(kinds + used, sizeof kinds - (size_t)used, "%s%s", f->family->noun,
                         f[1].family ? ", " : "");
    paragraph(out, kinds, 2, width);
    fputc('\n', out);
    paragraph(out,
              "nnmpi help TOPIC says more about each of these and about every key: nnmpi help "
              "dense, nnmpi help train.lr, nnmpi help sgd.momentum",
              0, width);
}

static void section_describe(FILE *out, const nn_section *section, int width) {
    const char *mark = *section->name ? "`" : "";
    if (width)
        fprintf(out, "%s (section of the configuration)\n", section_name(section));
    else
        fprintf(out, "### %s%s%s\n\n%s\n\n", mark, section_name(section), mark, section->help);
    if (width)
        paragraph(out, section->help, 2, width);
    if (width)
        fputc('\n', out);
    nn_options_describe(out, section->options, width);
    if (!width)
        fputc('\n', out);
}

/* What makes the plural of a noun. */
static const char *plural(const char *noun) {
    return noun[strlen(noun) - 1] == 's' ? "es" : "s";
}

/* "layer" and "layers" both ask for the list. */
static bool is_noun(const char *noun, const char *topic) {
    size_t length = strlen(noun);
    return strncmp(noun, topic, length) == 0 &&
           (topic[length] == '\0' || strcmp(topic + length, plural(noun)) == 0);
}

/* A topic under way; it can have several answers ("step" is an activation and a schedule). */
typedef struct search {
    const char *topic;
    int width, answers;
    nn_place key; /* a key that the topic means */
    int keys;     /* how many it can mean */
    bool exact;   /* it means this one, by its whole path */
} search;

static FILE *answer(search *s) {
    if (s->answers++ > 0)
        putchar('\n');
    return stdout;
}

static void help_verb(void *ctx, const nn_verb *verb) {
    search *s = ctx;
    if (strcmp(verb->entry.name, s->topic) == 0)
        nn_help_verb(answer(s), verb, s->width);
}

/* The options of verbs, "resume" or "train.resume". */
static void help_flag(void *ctx, const nn_verb *verb) {
    search *s = ctx;
    const char *dot = strrchr(s->topic, '.'), *key = dot ? dot + 1 : s->topic;
    size_t length = strlen(verb->entry.name);
    char title[NN_VERB_TITLE];
    if (dot &&
        ((size_t)(dot - s->topic) != length || strncmp(s->topic, verb->entry.name, length) != 0))
        return;
    nn_verb_title(verb, ' ', title);
    for (const nn_option *o = verb->entry.options; o && o->key; o++)
        if (strcmp(o->key, key) == 0) {
            fprintf(answer(s), "An option of %s %s:\n", title, verb->usage);
            nn_help_option(stdout, verb, o, s->width);
        }
}

static void help_sections(search *s) {
    for (const nn_section *section = nn_sections; section->name; section++)
        if (strcmp(section_name(section), s->topic) == 0)
            section_describe(answer(s), section, s->width);
}

static void help_nouns(search *s) {
    for (const nn_family_place *f = nn_family_places; f->family; f++) {
        if (!is_noun(f->family->noun, s->topic))
            continue;
        fprintf(answer(s), "%s%s:\n", f->family->noun, plural(f->family->noun));
        nn_help_rows(stdout, f->family, s->width);
        common_describe(stdout, f, s->width);
    }
}

/* Rows have pages; keys are counted first. */
static void help_place(void *ctx, const nn_place *place) {
    search *s = ctx;
    if (!nn_place_matches(place, s->topic))
        return;
    if (!place->option) {
        nn_entry_describe(answer(s), place->family->family, place->row, s->width);
        example(stdout, place);
        common_describe(stdout, place->family, s->width);
        return;
    }
    bool whole = nn_place_is(place, s->topic);
    if (!s->keys || (whole && !s->exact))
        s->key = *place;
    s->exact = s->exact || whole;
    s->keys++;
}

static void list_place(void *ctx, const nn_place *place) {
    search *s = ctx;
    if (place->option && nn_place_matches(place, s->topic) && !nn_place_is(place, s->topic))
        nn_help_item(stdout, place->path, place->option->help, s->width);
}

static void show_key(search *s) {
    const nn_place *key = &s->key;
    fprintf(answer(s), "%s (%s%s)\n", key->path, key->section || key->row ? "" : "every ",
            key->section ? "key of the configuration" : key->family->family->noun);
    nn_option_describe(stdout, key->option, key->option->key, s->width);
    example(stdout, key);
}

/* The page of the key that is meant, or the list of those that a short name can mean. A key that is
 * a section has that one's page. */
static void help_keys(search *s) {
    char text[NN_PLACE_PATH + 80];
    bool is_one = s->exact || (s->keys == 1 && !s->answers);
    if (is_one && !(s->exact && nn_section_find(s->key.path)))
        show_key(s);
    if (s->keys - is_one <= 0)
        return;
    snprintf(text, sizeof text, "'%s' is %s at these places; nnmpi help PLACE says more:", s->topic,
             is_one ? "also a key" : "a key");
    paragraph(answer(s), text, 0, s->width);
    nn_places_visit(list_place, s);
}

/* Everything that has a page, and the ends of all paths, for advice. */
typedef struct candidates {
    nn_pool pool;
    const char **name;
    size_t count, capacity;
} candidates;

static void add_candidate(candidates *c, const char *name) {
    if (c->count + 1 < c->capacity)
        c->name[c->count++] = name;
}

static void add_place(void *ctx, const nn_place *place) {
    candidates *c = ctx;
    const char *path = nn_pool_strdup(&c->pool, place->path);
    for (; path && *path; path += *path == '.') {
        add_candidate(c, path);
        path += strcspn(path, ".");
    }
}

static int unknown_topic(const char *topic) {
    candidates c = {.capacity = 4096};
    const char *nearest = NULL;
    c.name = nn_pool_alloc(&c.pool, c.capacity * sizeof *c.name);
    for (const nn_entry *const *row = nn_verbs.rows; c.name && *row; row++)
        add_candidate(&c, (*row)->name);
    for (const nn_section *s = nn_sections; c.name && s->name; s++)
        add_candidate(&c, section_name(s));
    for (const nn_family_place *f = nn_family_places; c.name && f->family; f++)
        add_candidate(&c, f->family->noun);
    if (c.name) {
        nn_places_visit(add_place, &c);
        nearest = nn_nearest(topic, c.name);
    }
    int rc = nearest
                 ? nn_fail(NN_EUSAGE, "unknown topic '%s', did you mean '%s'?", topic, nearest)
                 : nn_fail(NN_EUSAGE,
                           "unknown topic '%s'; nnmpi help lists verbs, sections and kinds", topic);
    nn_pool_release(&c.pool);
    return rc;
}

/* "--batch-size" and "model.0.dense.units", as they are typed elsewhere, in the words of paths. */
static void normalize(const char *word, char topic[NN_PLACE_PATH]) {
    size_t used = 0;
    word += strspn(word, "-");
    while (*word && used + 1 < NN_PLACE_PATH) {
        size_t digits = strspn(word, "0123456789");
        if (digits && word[digits] == '.' && used && topic[used - 1] == '.')
            word += digits + 1;
        else
            topic[used++] = (char)(*word == '-' ? '_' : *word), word++;
    }
    topic[used] = '\0';
}

static int help_topic(const char *word, int width) {
    char topic[NN_PLACE_PATH];
    search s = {.topic = topic, .width = width};
    normalize(word, topic);
    nn_verbs_visit(help_verb, &s);
    help_sections(&s);
    help_nouns(&s);
    nn_places_visit(help_place, &s);
    help_keys(&s);
    if (!s.answers)
        nn_verbs_visit(help_flag, &s);
    return s.answers ? 0 : unknown_topic(word);
}

static void reference_verb(void *ctx, const nn_verb *verb) {
    nn_help_verb(ctx, verb, NN_HELP_MARKDOWN);
    fputc('\n', ctx);
}

static void reference_verbs(FILE *out) {
    fputs("## Command line\n\nEvery verb takes `-v`, `-q`, `-h` and `--progress`:\n\n", out);
    nn_options_describe(out, nn_common_table, 0);
    fputc('\n', out);
    nn_verbs_visit(reference_verb, out);
}

static void reference(FILE *out) {
    fputs("# Reference\n\nWritten by `nnmpi help --markdown` from the tables that also parse and "
          "check.\n\n## Configuration\n\n",
          out);
    for (const nn_section *s = nn_sections; s->name; s++)
        section_describe(out, s, 0);
    for (const nn_family_place *f = nn_family_places; f->family; f++) {
        const nn_family *family = f->family;
        fprintf(out, "## %c%s%s\n\n", toupper((unsigned char)*family->noun), family->noun + 1,
                plural(family->noun));
        common_describe(out, f, 0);
        for (const nn_entry *const *row = family->rows; *row; row++) {
            nn_entry_describe(out, family, *row, 0);
            nn_place place = nn_place_of_row(f, *row);
            nn_place_example(out, &place, 4);
            fputc('\n', out);
        }
    }
    reference_verbs(out);
}

/* "data split", "data import csv": a verb of a group, and one of its kinds. Returns how many of the
 * topics it has taken, 0: the first is none. */
static size_t help_verb_path(const nn_node *topics, size_t at, int width) {
    const nn_node *const *word = (const nn_node *const *)topics->item + at;
    size_t left = topics->count - at;
    const nn_verb *group = (const nn_verb *)nn_family_find(&nn_verbs, word[0]->text);
    if (!group || !group->verbs || left < 2)
        return 0;
    const nn_verb *verb = (const nn_verb *)nn_family_find(group->verbs, word[1]->text);
    if (!verb)
        return 0;
    nn_help_verb(stdout, verb, width);
    const nn_entry *kind =
        verb->kinds && left > 2 ? nn_family_find(verb->kinds, word[2]->text) : NULL;
    if (!kind)
        return 2;
    putchar('\n');
    nn_entry_describe(stdout, verb->kinds, kind, width);
    return 3;
}

static int help_topics(const nn_node *topics, int width) {
    for (size_t i = 0, taken; i < topics->count; i += taken) {
        if (i > 0)
            putchar('\n');
        taken = help_verb_path(topics, i, width);
        if (taken == 0) {
            NN_TRY(help_topic(topics->item[i]->text, width));
            taken = 1;
        }
    }
    return 0;
}

static int run(const nn_call *call) {
    const options *o = call->options;
    if (o->man)
        NN_TRY(nn_manual_write(o->man));
    if (o->completion)
        nn_completion_write(stdout, o->completion);
    if (o->markdown)
        reference(stdout);
    else if (!o->topic && !o->man && !o->completion)
        overview(stdout, nn_help_width());
    return o->topic ? help_topics(o->topic, nn_help_width()) : 0;
}

static const char *const arguments[] = {"topic", NULL};

const nn_verb nn_verb_help = {
    .entry = {"help", "Explains verbs, the configuration and everything it can name.", table,
              sizeof(options)},
    .usage = "[TOPIC...] [--markdown] [--man FOLDER] [--completion SHELL]",
    .example = "nnmpi help sgd.momentum",
    .arguments = arguments,
    .run = run,
};
