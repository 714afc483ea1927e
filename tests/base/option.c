/* Option tables: what they accept, what they say when they do not, how they complete the tree. */
#define _GNU_SOURCE
#include "base/options/option.h"

#include "check.h"

typedef struct options {
    bool nesterov;
    int64_t size;
    double lr, momentum;
    const char *name, *note;
    int reduce;
    nn_node *schedule, *extra;
} options;

#define ROW(key, type, member, fallback, range, help)                                              \
    { key, type, offsetof(options, member), fallback, range, help }

static const nn_option table[] = {
    ROW("lr", NN_OPT_REAL, lr, NULL, "(0, inf)", "learning rate"),
    ROW("momentum", NN_OPT_REAL, momentum, "0.5", "[0, 1)", "decay of the velocity"),
    ROW("nesterov", NN_OPT_BOOL, nesterov, "no", NULL, "look ahead"),
    ROW("size", NN_OPT_INT, size, "3", "[1, 1000]", "width"),
    ROW("reduce", NN_OPT_CHOICE, reduce, "allreduce", "auto|allreduce|node", "way to add"),
    ROW("name", NN_OPT_STRING, name, "sgd", NULL, "what to call it"),
    ROW("note", NN_OPT_STRING, note, "", NULL, "free text"),
    ROW("schedule", NN_OPT_NODE, schedule, "constant", NULL, "course of the rate"),
    ROW("extra", NN_OPT_NODE, extra, "", NULL, "more"),
    NN_OPTION_END};

static nn_pool pool;

/* A scalar at recipe.yaml:`line`:20, its key in column 5; text in ' ' is quoted. */
static void add(nn_node *map, const char *key, const char *text, int line) {
    nn_node *node = nn_node_scalar(&pool, text[0] == '\'' ? text + 1 : text);

    node->quoted = text[0] == '\'';
    node->file = "recipe.yaml";
    node->line = node->key_line = line;
    node->column = 20;
    node->key_column = 5;
    CHECK_EQ_INT(nn_node_add(map, key, node), 0);
}

static nn_node *map_of(const char *key, const char *text) {
    nn_node *map = nn_node_map(&pool);

    map->file = "recipe.yaml";
    map->line = 2;
    map->column = 3;
    if (strcmp(key, "lr") != 0)
        add(map, "lr", "0.1", 3);
    add(map, key, text, 4);
    return map;
}

static int bind(options *out, nn_node *map) {
    static const char *const also[] = {"inputs", NULL};
    nn_binding binding = {table, out};

    return nn_options_bind(&binding, 1, map, "optimizer 'sgd'", also);
}

static bool accepts(options *out, const char *key, const char *text) {
    int rc = bind(out, map_of(key, text));

    if (rc != 0)
        fprintf(stderr, "%s: %s: %s\n", key, text, nn_error_message());
    return rc == 0;
}

static void check_refused(const char *key, const char *text, const char *message) {
    options out = {0};

    CHECK_EQ_INT(bind(&out, map_of(key, text)), NN_EUSAGE);
    CHECK_STR(nn_error_message(), message);
}

static void check_reals(void) {
    options out = {0};

    CHECK(accepts(&out, "lr", "5e-4"));
    CHECK_NEAR(out.lr, 5e-4, 0);
    CHECK(accepts(&out, "lr", "+.5"));
    CHECK(accepts(&out, "momentum", "0"));
    check_refused("lr", "-1",
                  "recipe.yaml:4:20: lr = -1 of optimizer 'sgd' is out of range (0, inf)");
    check_refused("lr", "0",
                  "recipe.yaml:4:20: lr = 0 of optimizer 'sgd' is out of range (0, inf)");
    check_refused("lr", ".inf",
                  "recipe.yaml:4:20: lr = .inf of optimizer 'sgd' is out of range (0, inf)");
    check_refused("momentum", "1",
                  "recipe.yaml:4:20: momentum = 1 of optimizer 'sgd' is out of range [0, 1)");
    check_refused("lr", "nan", "recipe.yaml:4:20: lr = nan of optimizer 'sgd' must be a number");
    check_refused("lr", "0x10", "recipe.yaml:4:20: lr = 0x10 of optimizer 'sgd' must be a number");
    check_refused("lr", "1.2.3",
                  "recipe.yaml:4:20: lr = 1.2.3 of optimizer 'sgd' must be a number");
    check_refused("lr", "1e999",
                  "recipe.yaml:4:20: lr = 1e999 of optimizer 'sgd' must be a number");
    check_refused(
        "lr", "'0.1",
        "recipe.yaml:4:20: lr = '0.1' of optimizer 'sgd' must be a number without quotes");
}

static void check_integers(void) {
    options out = {0};

    CHECK(accepts(&out, "size", "1e3"));
    CHECK_EQ_INT(out.size, 1000);
    CHECK(accepts(&out, "size", "2.0"));
    CHECK_EQ_INT(out.size, 2);
    check_refused("size", "1e-1",
                  "recipe.yaml:4:20: size = 1e-1 of optimizer 'sgd' must be a whole number");
    check_refused("size", "99999999999999999999",
                  "recipe.yaml:4:20: size = 99999999999999999999 of optimizer 'sgd' must be a "
                  "whole number");
    check_refused("size", "1001",
                  "recipe.yaml:4:20: size = 1001 of optimizer 'sgd' is out of range [1, 1000]");
    check_refused("size", "3 4",
                  "recipe.yaml:4:20: size = 3 4 of optimizer 'sgd' must be a whole number");
}

static void check_others(void) {
    options out = {0};

    CHECK(accepts(&out, "nesterov", "True") && out.nesterov);
    CHECK(accepts(&out, "nesterov", "off") && !out.nesterov);
    CHECK(accepts(&out, "nesterov", "yes") && out.nesterov);
    check_refused("nesterov", "maybe",
                  "recipe.yaml:4:20: nesterov = maybe of optimizer 'sgd' must be true or false");
    CHECK(accepts(&out, "reduce", "node"));
    CHECK_EQ_INT(out.reduce, 2);
    CHECK(accepts(&out, "reduce", "auto"));
    CHECK_EQ_INT(out.reduce, 0);
    check_refused("reduce", "al1reduce",
                  "recipe.yaml:4:20: reduce = al1reduce of optimizer 'sgd' is no choice, did you "
                  "mean 'allreduce'?");
    check_refused("reduce", "xyz",
                  "recipe.yaml:4:20: reduce = xyz of optimizer 'sgd' is no choice; there are: "
                  "auto, allreduce, node");
    CHECK(accepts(&out, "name", "12"));
    CHECK_STR(out.name, "12");
    CHECK(accepts(&out, "name", "'"));
    CHECK_STR(out.name, "");
    CHECK(accepts(&out, "schedule", "step"));
    CHECK_STR(out.schedule->text, "step");
}

static void check_keys(void) {
    options out = {0};
    nn_node *map = nn_node_map(&pool), *list = nn_node_list(&pool);

    check_refused("lerning_rate", "1",
                  "recipe.yaml:4:5: unknown key 'lerning_rate' of optimizer 'sgd', did you mean "
                  "'lr'?");
    check_refused("momentun", "1",
                  "recipe.yaml:4:5: unknown key 'momentun' of optimizer 'sgd', did you mean "
                  "'momentum'?");
    check_refused("zzz", "1",
                  "recipe.yaml:4:5: unknown key 'zzz' of optimizer 'sgd'; valid keys: lr, "
                  "momentum, nesterov, size, reduce, name, note, schedule, extra, inputs");
    CHECK(accepts(&out, "inputs", "left to others"));
    CHECK_EQ_INT(bind(&out, map), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "optimizer 'sgd' needs 'lr': learning rate");
    CHECK_EQ_INT(nn_node_add(map, "lr", list), 0);
    CHECK_EQ_INT(bind(&out, map), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "lr of optimizer 'sgd' must be a number, not a list");
    CHECK_EQ_INT(bind(&out, list), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "optimizer 'sgd' wants a map of options, not a list");
}

static const char *text_of(const nn_node *map, const char *key) {
    const nn_node *node = nn_node_get(map, key);

    return node ? node->text : NULL;
}

static void check_completion(void) {
    options out = {.note = "as it was", .extra = NULL};
    nn_node *map = map_of("momentum", "");
    size_t count;

    CHECK_EQ_INT(bind(&out, map), 0);
    CHECK_NEAR(out.lr, 0.1, 0);
    CHECK_NEAR(out.momentum, 0.5, 0); /* a null is not given */
    CHECK(!out.nesterov);
    CHECK_EQ_INT(out.size, 3);
    CHECK_EQ_INT(out.reduce, 1);
    CHECK_STR(out.name, "sgd");
    CHECK_STR(out.note, "as it was");
    CHECK(out.schedule == nn_node_get(map, "schedule") && out.schedule);
    CHECK(out.extra == NULL);
    CHECK_STR(text_of(map, "momentum"), "0.5");
    CHECK_STR(text_of(map, "nesterov"), "no");
    CHECK_STR(text_of(map, "reduce"), "allreduce");
    CHECK_STR(text_of(map, "schedule"), "constant");
    CHECK(nn_node_get(map, "note") == NULL && nn_node_get(map, "extra") == NULL);
    count = map->count;
    CHECK_EQ_INT(bind(&out, map), 0); /* complete: nothing more to add */
    CHECK_EQ_INT(map->count, count);
}

static void check_without_map(void) {
    static const nn_option easy[] = {ROW("size", NN_OPT_INT, size, "7", "[1, inf)", ""),
                                     ROW("name", NN_OPT_STRING, name, "x", NULL, ""),
                                     NN_OPTION_END};
    static const nn_option odd[] = {ROW("size", NN_OPT_INT, size, "7", "[1 inf)", ""),
                                    NN_OPTION_END};
    options out = {0};
    nn_binding bindings[] = {{easy, &out}, {NULL, NULL}, {odd, &out}};

    CHECK_EQ_INT(nn_options_bind(bindings, 2, NULL, "it", NULL), 0);
    CHECK_EQ_INT(out.size, 7);
    CHECK_STR(out.name, "x");
    CHECK_EQ_INT(bind(&out, NULL), NN_EUSAGE);
    CHECK_EQ_INT(nn_options_bind(bindings, 3, NULL, "it", NULL), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "malformed range '[1 inf)'");
}

static void check_described(void) {
    static const nn_entry sgd = {"sgd", "Gradient descent.", table, sizeof(options)};
    static const nn_entry none = {"flatten", "Flattens.", NULL, 0};
    static const nn_entry *const rows[] = {&sgd, &none, NULL};
    static const nn_family family = {"optimizer", rows};
    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof text, "w");

    if (!CHECK(out != NULL))
        return;
    nn_entry_describe(out, &family, &sgd, 30);
    nn_entry_describe(out, &family, &none, 80);
    nn_entry_describe(out, &family, &sgd, 0);
    fclose(out);
    CHECK_CONTAINS(text, "sgd (optimizer)\n  Gradient descent.\n");
    CHECK_CONTAINS(text, "  lr              number,\n                  required,\n"
                         "                  range (0,\n                  inf)\n"
                         "                  learning\n                  rate\n");
    CHECK_CONTAINS(text, "Takes no options.");
    CHECK_CONTAINS(text, "### `sgd`\n\nGradient descent.\n\n| key | type | default | range | ");
    CHECK_CONTAINS(text,
                   "| `reduce` | choice | allreduce | `auto\\|allreduce\\|node` | way to add |");
    CHECK_CONTAINS(text, "| `note` | text | none |  | free text |");
}

int main(void) {
    check_reals();
    check_integers();
    check_others();
    check_keys();
    check_completion();
    check_without_map();
    check_described();
    nn_pool_release(&pool);
    return check_done();
}
