#define _GNU_SOURCE
#include "base/options/option.h"

#include "base/options/names.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One value on its way from the tree into a struct. */
typedef struct binding {
    const nn_option *option;
    nn_node *node;
    const char *what; /* owner of the key, for messages */
    void *member;
} binding;

/* ---- one value ------------------------------------------------------------------------------ */

/* "lr = x of train must be a number", at its place. Where the key has no owner, the place stands
 * before the value: "--samples = x must be a whole number". */
static int fail_value(const binding *b, const char *problem, const char *wanted) {
    const char *quote = b->node->quoted ? "'" : "", *text = b->node->text;

    if (!b->what)
        return nn_fail(NN_EUSAGE, "%s = %s %s%s", b->node->file, text, problem, wanted);
    return nn_node_fail(b->node, "%s = %s%s%s of %s %s%s", b->option->key, quote, text, quote,
                        b->what, problem, wanted);
}

static int fail_type(const binding *b, const char *wanted) {
    const char *key = b->option->key;

    if (b->node->kind != NN_NODE_SCALAR)
        return nn_node_fail(b->node, "%s of %s must be %s, not a %s", key, b->what, wanted,
                            b->node->kind == NN_NODE_LIST ? "list" : "map");
    char with[128];
    snprintf(with, sizeof with, "%s%s", wanted, b->node->quoted ? " without quotes" : "");
    return fail_value(b, "must be ", with);
}

static bool is_plain(const binding *b) {
    return b->node->kind == NN_NODE_SCALAR && !b->node->quoted;
}

typedef struct interval {
    double low, high;
    bool with_low, with_high;
} interval;

static bool interval_parse(const char *range, interval *out) {
    char open, close, low[32], high[32];

    if (sscanf(range, "%c%31[^,], %31[^])]%c", &open, low, high, &close) != 4)
        return false;
    out->with_low = open == '[';
    out->with_high = close == ']';
    return strchr("[(", open) && nn_text_to_real(low, &out->low) &&
           nn_text_to_real(high, &out->high);
}

static int check_range(const binding *b, double value) {
    const char *range = b->option->range ? b->option->range : "(-inf, inf)";
    interval in;

    if (!interval_parse(range, &in))
        return nn_fail(NN_EUSAGE, "the table of %s has a malformed range '%s' for '%s'", b->what,
                       range, b->option->key);
    if (value > in.low && value < in.high)
        return NN_OK;
    if (in.with_low && value >= in.low && value <= in.low)
        return NN_OK;
    if (in.with_high && value >= in.high && value <= in.high)
        return NN_OK;
    return fail_value(b, "is out of range ", range);
}

/* Whether the value is true or false, in one of the spellings of YAML. */
static bool read_bool(const binding *b, bool *value) {
    static const struct {
        const char *text;
        bool value;
    } spellings[] = {{"true", true}, {"false", false}, {"yes", true},
                     {"no", false},  {"on", true},     {"off", false}};

    for (size_t i = 0; is_plain(b) && i < sizeof spellings / sizeof *spellings; i++) {
        if (strcasecmp(b->node->text, spellings[i].text) == 0) {
            *value = spellings[i].value;
            return true;
        }
    }
    return false;
}

static int bind_bool(const binding *b) {
    bool value;

    if (!read_bool(b, &value))
        return fail_type(b, "true or false");
    memcpy(b->member, &value, sizeof value);
    return NN_OK;
}

static int bind_int(const binding *b) {
    int64_t value;

    if (!is_plain(b) || !nn_text_to_int(b->node->text, &value))
        return fail_type(b, "a whole number");
    NN_TRY(check_range(b, (double)value));
    memcpy(b->member, &value, sizeof value);
    return NN_OK;
}

static int bind_real(const binding *b) {
    double value;

    if (!is_plain(b) || !nn_text_to_real(b->node->text, &value))
        return fail_type(b, "a number");
    NN_TRY(check_range(b, value));
    memcpy(b->member, &value, sizeof value);
    return NN_OK;
}

static int bind_string(const binding *b) {
    if (b->node->kind != NN_NODE_SCALAR)
        return fail_type(b, "a text");
    memcpy(b->member, &b->node->text, sizeof b->node->text);
    return NN_OK;
}

/* How the range of a truth value begins that has more choices. */
#define TRUTH "false|true|"

static int bind_choice(const binding *b) {
    char copy[512], *rest = copy;
    const char *text = b->node->text;
    nn_names names = {0};
    bool truth;

    if (b->node->kind != NN_NODE_SCALAR)
        return fail_type(b, b->option->range);
    if (strncmp(b->option->range, TRUTH, strlen(TRUTH)) == 0 && read_bool(b, &truth))
        text = truth ? "true" : "false";
    snprintf(copy, sizeof copy, "%s", b->option->range);
    for (char *name; (name = strtok_r(rest, "|", &rest)) != NULL;) {
        if (strcmp(name, text) == 0) {
            int index = (int)names.count;
            memcpy(b->member, &index, sizeof index);
            return NN_OK;
        }
        nn_names_add(&names, name);
    }
    return fail_value(b, "is no choice", nn_names_advice(&names, text, "there are"));
}

static int bind_node(const binding *b) {
    memcpy(b->member, &b->node, sizeof b->node);
    return NN_OK;
}

static int (*const bind_value[])(const binding *) = {
    [NN_OPT_BOOL] = bind_bool,     [NN_OPT_INT] = bind_int,       [NN_OPT_REAL] = bind_real,
    [NN_OPT_STRING] = bind_string, [NN_OPT_CHOICE] = bind_choice, [NN_OPT_NODE] = bind_node,
};

/* ---- a table -------------------------------------------------------------------------------- */

/* Writes the default into the tree, where there is one, so that it becomes complete. */
static int bind_fallback(binding *b, nn_node *map) {
    nn_node alone = {.kind = NN_NODE_SCALAR, .text = b->option->fallback, .file = "default"};

    if (b->node) {
        b->node->text = b->option->fallback;
        return bind_value[b->option->type](b);
    }
    if (map) {
        b->node = nn_node_scalar(map->pool, b->option->fallback);
        if (!b->node)
            return NN_EMEMORY;
        b->node->file = "default";
        NN_TRY(nn_node_add(map, b->option->key, b->node));
        return bind_value[b->option->type](b);
    }
    if (b->option->type == NN_OPT_NODE)
        return NN_OK;
    b->node = &alone;
    return bind_value[b->option->type](b);
}

static int bind_option(const nn_option *option, void *out, nn_node *map, const char *what) {
    binding b = {option, nn_node_get(map, option->key), what, (char *)out + option->offset};

    if (b.node && !nn_node_is_null(b.node))
        return bind_value[option->type](&b);
    if (!option->fallback)
        return nn_node_fail(b.node ? b.node : map, "%s needs '%s': %s", what, option->key,
                            option->help);
    return option->fallback[0] ? bind_fallback(&b, map) : NN_OK;
}

static const nn_option *option_find(const nn_option *table, const char *key) {
    for (; table && table->key; table++)
        if (strcmp(table->key, key) == 0)
            return table;
    return NULL;
}

static bool is_known(const nn_binding *bindings, size_t count, const char *const *also,
                     const char *key) {
    for (size_t i = 0; i < count; i++)
        if (option_find(bindings[i].table, key))
            return true;
    for (; also && *also; also++)
        if (strcmp(*also, key) == 0)
            return true;
    return false;
}

static int fail_unknown(const nn_binding *bindings, size_t count, const char *const *also,
                        const nn_node *item, const char *what) {
    nn_node place = nn_node_key_place(item);
    nn_names names = {0};

    for (size_t i = 0; i < count; i++)
        for (const nn_option *o = bindings[i].table; o && o->key; o++)
            nn_names_add(&names, o->key);
    for (; also && *also; also++)
        nn_names_add(&names, *also);
    return nn_node_fail(&place, "unknown key '%s' of %s%s", item->key, what,
                        nn_names_advice(&names, item->key, "valid keys"));
}

int nn_options_bind(const nn_binding *bindings, size_t count, nn_node *map, const char *what,
                    const char *const *also) {
    int rc = NN_OK;

    if (map && nn_node_is_null(map))
        NN_TRY(nn_node_become_map(map, NULL, NULL));
    if (map && map->kind != NN_NODE_MAP)
        return nn_node_fail(map, "%s wants a map of options, not %s%s", what,
                            map->kind == NN_NODE_LIST ? "a list" : "the value ", map->text);
    for (size_t i = 0; map && i < map->count; i++)
        if (!is_known(bindings, count, also, map->item[i]->key))
            NN_TRY_EACH(fail_unknown(bindings, count, also, map->item[i], what));
    for (size_t i = 0; i < count; i++)
        for (const nn_option *o = bindings[i].table; o && o->key; o++)
            NN_TRY_EACH(bind_option(o, bindings[i].out, map, what));
    return rc;
}
