#include "base/names.h"
#include "cli/cli.h"
#include "data/dataset.h"
#include "data/import.h"
#include "data/make.h"
#include "nn/initializer.h"
#include "nn/layer.h"
#include "nn/metric.h"
#include "nn/schedule.h"
#include "train/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The families of a configuration, in the order of the reference. */
static const nn_family *const families[] = {
    &nn_layers,  &nn_losses,        &nn_metrics,   &nn_optimizers, &nn_schedules, &nn_initializers,
    &nn_sources, &nn_augmentations, &nn_importers, &nn_generators, NULL,
};

typedef struct options {
    const nn_node *topic;
    bool markdown;
} options;

static const nn_option table[] = {
    {"topic", NN_OPT_NODE, offsetof(options, topic), "", NULL,
     "a verb, a section of the configuration, a kind (layer, loss ...) or the name of one"},
    {"markdown", NN_OPT_BOOL, offsetof(options, markdown), "false", NULL,
     "the complete reference as Markdown"},
    NN_OPTION_END,
};

static void list_rows(FILE *out, const nn_family *family) {
    for (const nn_entry *const *row = family->rows; *row; row++)
        fprintf(out, "  %-24s  %s\n", (*row)->name, (*row)->help);
}

/* The keys that every row of a family takes besides its own. */
static void common_describe(FILE *out, const nn_family *family, bool markdown) {
    const nn_option *common = family == &nn_layers    ? nn_layer_options
                              : family == &nn_losses  ? nn_loss_options
                              : family == &nn_sources ? nn_data_options
                                                      : NULL;
    if (!common)
        return;
    fprintf(out, "%sEvery %s takes these keys besides its own:\n\n", markdown ? "" : "\n",
            family->noun);
    nn_options_describe(out, common, markdown);
    if (markdown)
        fputc('\n', out);
}

/* The topmost section has no name of its own. */
static const char *section_name(const nn_section *section) {
    return *section->name ? section->name : "config";
}

static void overview(FILE *out) {
    fputs("nnmpi trains neural networks on CPU clusters: mpirun -n 8 nnmpi train CONFIG\n"
          "Without a verb it trains the model that is built in (Iris).\n\nVerbs:\n",
          out);
    list_rows(out, &nn_verbs);
    fputs("\nSections of a configuration:\n", out);
    for (const nn_section *s = nn_sections; s->name; s++)
        fprintf(out, "  %-24s  %s\n", section_name(s), s->help);
    fputs("\nKinds of things a configuration names:\n ", out);
    for (const nn_family *const *f = families; *f; f++)
        fprintf(out, " %s%s", (*f)->noun, f[1] ? "," : "\n");
    fputs("\nnnmpi help TOPIC says more about each of these.\n", out);
}

static void section_describe(FILE *out, const nn_section *section, bool markdown) {
    const char *mark = *section->name ? "`" : "";
    if (markdown)
        fprintf(out, "### %s%s%s\n\n%s\n\n", mark, section_name(section), mark, section->help);
    else
        fprintf(out, "%s (section of the configuration)\n  %s\n\n", section_name(section),
                section->help);
    nn_options_describe(out, section->options, markdown);
    if (markdown)
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

/* Starts one more answer: topics can have several ("step" is an activation and a schedule). */
static FILE *answer(int *answers) {
    if ((*answers)++ > 0)
        putchar('\n');
    return stdout;
}

static void help_verbs(const char *topic, int *answers) {
    const nn_verb *verb = (const nn_verb *)nn_family_find(&nn_verbs, topic);
    if (verb)
        nn_help_verb(answer(answers), verb, false);
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++) {
        const nn_family *group = ((const nn_verb *)*row)->verbs;
        const nn_entry *found = group ? nn_family_find(group, topic) : NULL;
        if (found)
            nn_help_verb(answer(answers), (const nn_verb *)found, false);
    }
}

static void help_sections(const char *topic, int *answers) {
    for (const nn_section *s = nn_sections; s->name; s++)
        if (strcmp(section_name(s), topic) == 0)
            section_describe(answer(answers), s, false);
}

static void help_families(const char *topic, int *answers) {
    for (const nn_family *const *f = families; *f; f++) {
        const nn_entry *row = nn_family_find(*f, topic);
        if (is_noun((*f)->noun, topic)) {
            fprintf(answer(answers), "%s%s:\n", (*f)->noun, plural((*f)->noun));
            list_rows(stdout, *f);
            common_describe(stdout, *f, false);
        }
        if (row) {
            nn_entry_describe(answer(answers), *f, row, false);
            common_describe(stdout, *f, false);
        }
    }
}

static int unknown_topic(const char *topic) {
    nn_names names = {0};
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++)
        nn_names_add(&names, (*row)->name);
    for (const nn_section *s = nn_sections; s->name; s++)
        nn_names_add(&names, section_name(s));
    for (const nn_family *const *f = families; *f; f++) {
        nn_names_add(&names, (*f)->noun);
        for (const nn_entry *const *row = (*f)->rows; *row; row++)
            nn_names_add(&names, (*row)->name);
    }
    return nn_fail(NN_EUSAGE, "unknown topic '%s'%s", topic,
                   nn_names_advice(&names, topic, "there are"));
}

static int help_topic(const char *topic) {
    int answers = 0;
    help_verbs(topic, &answers);
    help_sections(topic, &answers);
    help_families(topic, &answers);
    return answers ? 0 : unknown_topic(topic);
}

static void reference_family(FILE *out, const nn_family *verbs) {
    for (const nn_entry *const *row = verbs->rows; *row; row++) {
        nn_help_verb(out, (const nn_verb *)*row, true);
        fputc('\n', out);
    }
}

static void reference_verbs(FILE *out) {
    fputs("## Command line\n\nEvery verb takes `-v`, `-q` and `-h`:\n\n", out);
    nn_options_describe(out, nn_common_table, true);
    fputc('\n', out);
    reference_family(out, &nn_verbs);
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++)
        if (((const nn_verb *)*row)->verbs)
            reference_family(out, ((const nn_verb *)*row)->verbs);
}

static void reference(FILE *out) {
    fputs("# Reference\n\nWritten by `nnmpi help --markdown` from the tables that also parse and "
          "check.\n\n## Configuration\n\n",
          out);
    for (const nn_section *s = nn_sections; s->name; s++)
        section_describe(out, s, true);
    for (const nn_family *const *f = families; *f; f++) {
        fprintf(out, "## %c%s%s\n\n", toupper((unsigned char)(*f)->noun[0]), (*f)->noun + 1,
                plural((*f)->noun));
        common_describe(out, *f, true);
        for (const nn_entry *const *row = (*f)->rows; *row; row++)
            nn_entry_describe(out, *f, *row, true);
    }
    reference_verbs(out);
}

static int run(const nn_call *call) {
    const options *o = call->options;
    if (o->markdown)
        reference(stdout);
    else if (!o->topic)
        overview(stdout);
    for (size_t i = 0; o->topic && i < o->topic->count; i++)
        NN_TRY(help_topic(o->topic->item[i]->text));
    return 0;
}

static const char *const arguments[] = {"topic", NULL};

const nn_verb nn_verb_help = {
    .entry = {"help", "Explains verbs, the configuration and everything it can name.", table,
              sizeof(options)},
    .usage = "[TOPIC...] [--markdown]",
    .arguments = arguments,
    .run = run,
};
