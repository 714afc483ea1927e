#include "cli/args.h"

#include "base/options/names.h"
#include "io/files/file.h"
#include "train/config/settings.h"

#include <ctype.h>
#include <string.h>

#define MAX_BINDINGS 4

static const struct {
    char letter;
    const char *key;
} short_flags[] = {{'o', "set"},     {'O', "out"},   {'g', "grid"},
                   {'v', "verbose"}, {'q', "quiet"}, {'h', "help"}};

/* The words still to be read and where they go. */
typedef struct reader {
    char **word, **end;
    nn_pool *pool;
    nn_node *map;
    const nn_binding *bindings;
    size_t count;
    const char *const *words;     /* keys that words without a flag fill ... */
    const char *const *arguments; /* ... and those of them that are still to be filled */
    const char *name;             /* of the verb, for messages */
} reader;

char nn_short_flag(const char *key) {
    for (size_t i = 0; i < sizeof short_flags / sizeof *short_flags; i++)
        if (strcmp(short_flags[i].key, key) == 0)
            return short_flags[i].letter;
    return 0;
}

static const char *short_key(char letter) {
    for (size_t i = 0; i < sizeof short_flags / sizeof *short_flags; i++)
        if (short_flags[i].letter == letter)
            return short_flags[i].key;
    return NULL;
}

static const nn_option *find_option(const reader *r, const char *key) {
    for (size_t i = 0; i < r->count; i++)
        for (const nn_option *o = r->bindings[i].table; o && o->key; o++)
            if (strcmp(o->key, key) == 0)
                return o;
    return NULL;
}

/* "--train_images" for messages; options are written with dashes. */
static const char *flag_text(reader *r, const char *key) {
    char *text = nn_pool_printf(r->pool, "--%s", key);
    for (char *c = text; c && *c; c++)
        if (*c == '_')
            *c = '-';
    return text ? text : key;
}

/* What people call an option of the verb: "CONFIG" where it is a word without a flag, else "--run".
 */
static const char *place_text(reader *r, const nn_option *option) {
    const char *const *key = r->words;
    while (key && *key && strcmp(*key, option->key) != 0)
        key++;
    if (!key || !*key)
        return flag_text(r, option->key);
    char *text = nn_pool_strdup(r->pool, option->key);
    for (char *c = text; c && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return text ? text : option->key;
}

/* The section of the configuration that has this key, or NULL. */
static const char *section_with(const char *key) {
    for (const nn_section *s = nn_sections; s->name; s++)
        for (const nn_option *o = s->options; *s->name && o->key; o++)
            if (strcmp(o->key, key) == 0)
                return s->name;
    return NULL;
}

static int fail_flag(reader *r, const char *word, const char *key) {
    nn_names names = {0};
    const char *section = find_option(r, "set") ? section_with(key) : NULL;
    if (section)
        return nn_fail(NN_EUSAGE, "unknown option %s of %s; to set that key: -o %s.%s=VALUE", word,
                       r->name, section, key);
    for (size_t i = 0; i < r->count; i++)
        for (const nn_option *o = r->bindings[i].table; o && o->key; o++)
            nn_names_add(&names, flag_text(r, o->key));
    return nn_fail(NN_EUSAGE, "unknown option %s of %s%s", word, r->name,
                   nn_names_advice(&names, flag_text(r, key), "there are"));
}

/* Puts a value into the map under the option's key: lists grow, anything else stands once. */
static int put(reader *r, const nn_option *option, const char *value) {
    nn_node *node = nn_node_scalar(r->pool, value), *there = nn_node_get(r->map, option->key);
    if (!node)
        return NN_EMEMORY;
    node->file = place_text(r, option);
    node->quoted = option->type == NN_OPT_STRING;
    if (option->type != NN_OPT_NODE) {
        if (there)
            return nn_fail(NN_EUSAGE, "%s was given twice: '%s' and '%s'", node->file, there->text,
                           value);
        return nn_node_add(r->map, option->key, node);
    }
    if (!there) {
        there = nn_node_list(r->pool);
        if (!there)
            return NN_EMEMORY;
        NN_TRY(nn_node_add(r->map, option->key, there));
    }
    return nn_node_add(there, NULL, node);
}

/* The value of a flag: behind '=', or the next word. */
static int put_flag(reader *r, const nn_option *option, const char *word, const char *value) {
    if (!value && option->type == NN_OPT_BOOL)
        value = "true";
    if (!value && r->word < r->end)
        value = *r->word++;
    if (!value || !*value)
        return nn_fail(NN_EUSAGE, "%.*s needs a value: %s", (int)strcspn(word, "="), word,
                       option->help);
    bool assigns = strcmp(option->key, "set") == 0 || strcmp(option->key, "grid") == 0;
    if (assigns && !strchr(value, '='))
        return nn_fail(NN_EUSAGE, "-%c %s: write it as key=value, with a =: -%c %s=%s",
                       nn_short_flag(option->key), value, nn_short_flag(option->key), value,
                       r->word < r->end && (*r->word)[0] != '-' ? *r->word : "VALUE");
    return put(r, option, value);
}

static int read_long(reader *r, const char *word) {
    char *key = nn_pool_strdup(r->pool, word + 2);
    if (!key)
        return NN_EMEMORY;
    char *value = strchr(key, '=');
    if (value)
        *value++ = '\0';
    for (char *c = key; *c; c++)
        if (*c == '-')
            *c = '_';
    const nn_option *option = find_option(r, key);
    return option ? put_flag(r, option, word, value) : fail_flag(r, word, key);
}

static int read_short(reader *r, const char *word) {
    const char *key = short_key(word[1]);
    const nn_option *option = key ? find_option(r, key) : NULL;
    if (!option)
        return fail_flag(r, word, word + 1);
    return put_flag(r, option, word, word[2] ? word + 2 : NULL);
}

static int read_argument(reader *r, const char *word) {
    const char *key = r->arguments ? *r->arguments : NULL;
    const nn_option *option = key ? find_option(r, key) : NULL;
    if (!option)
        return nn_fail(NN_EUSAGE, "%s does not know what to do with '%s'; see nnmpi help", r->name,
                       word);
    if (option->type != NN_OPT_NODE)
        r->arguments++;
    return put(r, option, word);
}

static int read_words(reader *r) {
    bool flags = true;
    while (r->word < r->end) {
        const char *word = *r->word++;
        if (flags && strcmp(word, "--") == 0)
            flags = false;
        else if (flags && strncmp(word, "--", 2) == 0)
            NN_TRY(read_long(r, word));
        else if (flags && word[0] == '-' && word[1])
            NN_TRY(read_short(r, word));
        else
            NN_TRY(read_argument(r, word));
    }
    return 0;
}

/* What to type instead, when the first word is a file rather than a verb. */
static int fail_verb(const char *word) {
    const char *dot = strrchr(word, '.');
    if (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0))
        return nn_fail(NN_EUSAGE, "'%s' is no verb; to train it: nnmpi train %s", word, word);
    if (nn_is_hdf5(word))
        return nn_fail(
            NN_EUSAGE,
            "'%s' is no verb; for a checkpoint: nnmpi inspect %s or nnmpi eval %s; for a "
            "data set: nnmpi data info %s",
            word, word, word, word);
    if (nn_file_exists(word))
        return nn_fail(NN_EUSAGE, "'%s' is no verb; if it is a configuration: nnmpi train %s", word,
                       word);
    return nn_family_unknown(&nn_verbs, NULL, word);
}

/* Takes the verb (or group and verb) off the words. */
static int find_verb(reader *r, const nn_verb **verb) {
    *verb = &nn_verb_train;
    r->name = "'train'";
    if (r->word == r->end)
        return 0;
    if (strcmp(*r->word, "-h") == 0 || strcmp(*r->word, "--help") == 0) {
        *verb = &nn_verb_help;
        r->word++;
        return 0;
    }
    if (r->word[0][0] == '-')
        return 0;
    *verb = (const nn_verb *)nn_family_find(&nn_verbs, *r->word);
    if (!*verb)
        return fail_verb(*r->word);
    const char *group = *r->word++;
    r->name = nn_pool_printf(r->pool, "'%s'", group);
    if (!(*verb)->verbs || r->word == r->end || r->word[0][0] == '-')
        return r->name ? 0 : NN_EMEMORY;
    const nn_entry *row = nn_family_find((*verb)->verbs, *r->word);
    if (!row)
        return nn_family_unknown((*verb)->verbs, NULL, *r->word);
    *verb = (const nn_verb *)row;
    r->name = nn_pool_printf(r->pool, "'%s %s'", group, *r->word++);
    return r->name ? 0 : NN_EMEMORY;
}

/* "'data' needs to know what to do: import, info, split or make". */
static int fail_group(reader *r, const nn_verb *group) {
    const nn_entry *const *row = group->verbs->rows;
    const char *list = (*row)->name;
    while (*++row && list)
        list = nn_pool_printf(r->pool, "%s%s%s", list, row[1] ? ", " : " or ", (*row)->name);
    if (!list)
        return NN_EMEMORY;
    return nn_fail(NN_EUSAGE, "%s needs to know what to do: %s; see nnmpi help %s", r->name, list,
                   group->entry.name);
}

static bool asks_for_help(const reader *r) {
    for (char **word = r->word; word < r->end && strcmp(*word, "--") != 0; word++)
        if (strcmp(*word, "-h") == 0 || strcmp(*word, "--help") == 0)
            return true;
    return false;
}

static int find_kind(reader *r, const nn_verb *verb, const nn_entry **kind) {
    if (r->word == r->end || r->word[0][0] == '-') {
        nn_names names = {0};
        for (const nn_entry *const *row = verb->kinds->rows; *row; row++)
            nn_names_add(&names, (*row)->name);
        return nn_fail(NN_EUSAGE, "%s needs the name of one %s first%s", r->name, verb->kinds->noun,
                       nn_names_advice(&names, "", "there are"));
    }
    *kind = nn_family_find(verb->kinds, *r->word);
    if (!*kind)
        return nn_family_unknown(verb->kinds, NULL, *r->word);
    r->word++;
    return 0;
}

/* Memory for an entry's options, added to the bindings. */
static int add_binding(nn_pool *pool, const nn_entry *entry, nn_binding *bindings, size_t *count,
                       const void **options) {
    void *memory;
    if (!entry || !entry->options)
        return 0;
    memory = nn_pool_alloc(pool, entry->size);
    if (!memory)
        return NN_EMEMORY;
    bindings[(*count)++] = (nn_binding){entry->options, memory};
    *options = memory;
    return 0;
}

/* Before anything is bound, so that what is missing is called what it is on the command line. */
static int check_required(reader *r, const nn_verb *verb) {
    for (size_t i = 0; i < r->count; i++)
        for (const nn_option *o = r->bindings[i].table; o && o->key; o++)
            if (!o->fallback && !nn_node_get(r->map, o->key))
                return nn_fail(NN_EUSAGE, "%s needs %s: %s; usage: nnmpi %.*s %s", r->name,
                               place_text(r, o), o->help, (int)strlen(r->name) - 2, r->name + 1,
                               verb->usage);
    return 0;
}

int nn_args_read(int argc, char **argv, nn_call *call, nn_common *common) {
    reader r = {.word = argv + 1, .end = argv + argc, .pool = call->pool};
    nn_binding bindings[MAX_BINDINGS] = {{nn_common_table, common}};
    const char *kind_arguments[2] = {NULL, NULL};
    r.bindings = bindings;
    r.count = 1;
    NN_TRY(find_verb(&r, &call->verb));
    const nn_verb *verb = call->verb;
    common->help = asks_for_help(&r);
    if (common->help)
        return 0;
    if (verb->verbs)
        return fail_group(&r, verb);
    if (verb->kinds)
        NN_TRY(find_kind(&r, verb, &call->kind));
    NN_TRY(add_binding(call->pool, &verb->entry, bindings, &r.count, &call->options));
    NN_TRY(add_binding(call->pool, verb->base, bindings, &r.count, &call->base));
    NN_TRY(add_binding(call->pool, call->kind, bindings, &r.count, &call->kind_options));
    if (call->kind && verb->kind_argument)
        kind_arguments[0] = verb->kind_argument(call->kind);
    r.words = r.arguments = verb->kinds ? kind_arguments : verb->arguments;
    r.map = nn_node_map(call->pool);
    if (!r.map)
        return NN_EMEMORY;
    NN_TRY(read_words(&r));
    NN_TRY(check_required(&r, verb));
    return nn_options_bind(bindings, r.count, r.map, NULL, NULL);
}
