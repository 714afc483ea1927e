/* Rows chosen by name, near misses, and the tree they stand in. */
#include "base/options/option.h"
#include "check.h"

static const nn_entry conv2d = {"conv2d", "", NULL, 0}, dense = {"dense", "", NULL, 0},
                      max_pool = {"max_pool", "", NULL, 0}, relu = {"relu", "", NULL, 0};
static const nn_entry *const rows[] = {&conv2d, &dense, &max_pool, &relu, NULL};
static const nn_family layers = {"layer", rows};
static nn_pool pool;

static nn_node *scalar(const char *text, int line, int column) {
    nn_node *node = nn_node_scalar(&pool, text);

    node->file = "recipe.yaml";
    node->line = node->key_line = line;
    node->column = column;
    node->key_column = column - 4;
    return node;
}

static nn_node *map_with(const char *key, nn_node *value) {
    nn_node *map = nn_node_map(&pool);

    CHECK_EQ_INT(nn_node_add(map, key, value), 0);
    return map;
}

static void check_picked(nn_node *node) {
    const nn_entry *row = NULL;
    nn_node *options = NULL;

    CHECK_EQ_INT(nn_family_pick(&layers, node, &row, &options), 0);
    CHECK(row == &relu);
    if (!CHECK(options != NULL))
        return;
    CHECK_EQ_INT(options->kind, NN_NODE_MAP);
    CHECK_EQ_INT(node->kind, NN_NODE_MAP);
    CHECK_EQ_INT(node->count, 1);
    CHECK(nn_node_get(node, "relu") == options);
    CHECK_EQ_INT(nn_node_add(options, "gamma", scalar("1", 1, 1)), 0);
}

static void check_refused(nn_node *node, const char *message) {
    const nn_entry *row = NULL;
    nn_node *options = NULL;

    CHECK_EQ_INT(nn_family_pick(&layers, node, &row, &options), NN_EUSAGE);
    CHECK_STR(nn_error_message(), message);
}

static void check_pick(void) {
    nn_node *two = map_with("relu", nn_node_map(&pool)), *node = scalar("relu", 5, 9);

    check_picked(node);
    check_picked(node); /* as it was completed */
    CHECK_EQ_INT(node->item[0]->line, 5);
    check_picked(map_with("relu", scalar("", 1, 1)));
    check_picked(map_with("relu", nn_node_map(&pool)));
    check_refused(scalar("covn2d", 5, 9),
                  "recipe.yaml:5:9: unknown layer 'covn2d', did you mean 'conv2d'?");
    check_refused(map_with("covn2d", scalar("", 6, 13)),
                  "recipe.yaml:6:9: unknown layer 'covn2d', did you mean 'conv2d'?");
    check_refused(scalar("transformer", 5, 9),
                  "recipe.yaml:5:9: unknown layer 'transformer'; there are: conv2d, dense, "
                  "max_pool, relu");
    check_refused(map_with("relu", scalar("3", 2, 11)),
                  "recipe.yaml:2:11: layer 'relu' takes a map of options");
    CHECK_EQ_INT(nn_node_add(two, "dense", nn_node_map(&pool)), 0);
    check_refused(two, "one layer is wanted here, not the 2 of 'relu', 'dense' ...; options stand "
                       "one level deeper");
    check_refused(nn_node_list(&pool),
                  "the name of one layer is wanted here, or a map {name: {options}}");
    CHECK(nn_family_find(&layers, "dense") == &dense);
    CHECK(nn_family_find(&layers, "Dense") == NULL);
    CHECK_EQ_INT(nn_family_unknown(&layers, NULL, "dens"), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "unknown layer 'dens', did you mean 'dense'?");
}

static void check_nearest(void) {
    static const char *const words[] = {"conv2d", "max_pool", "relu", "lr", "weight_decay", NULL};
    static const char *const none[] = {NULL};
    static const struct {
        const char *word, *nearest;
    } cases[] = {{"covn2d", "conv2d"},
                 {"Conv2D", "conv2d"},
                 {"maxpool", "max_pool"},
                 {"max-pool", "max_pool"},
                 {"rlu", "relu"},
                 {"rleu", "relu"},
                 {"learning_rate", "lr"},
                 {"wd", "weight_decay"},
                 {"l", NULL},
                 {"", NULL},
                 {"softmax", NULL},
                 {"lstm", NULL},
                 {"wieght_dcay", "weight_decay"}};
    char long_word[300];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_STR(nn_nearest(cases[i].word, words), cases[i].nearest);
    CHECK(nn_nearest("relu", none) == NULL);
    memset(long_word, 'r', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    CHECK(nn_nearest(long_word, words) == NULL);
}

/* What other programs call it comes before what is spelt alike. */
static void check_synonyms(void) {
    static const char *const losses[] = {"squared", "absolute", "cross_entropy",
                                         "binary_cross_entropy", NULL};
    static const char *const metrics[] = {"mae", "rmse", "accuracy", NULL};
    static const char *const names[] = {"dense",    "conv2d", "batch_norm", "max_pool",
                                        "momentum", "linear", "swish",      NULL};
    static const struct {
        const char *word, *const *among, *name;
    } cases[] = {{"mse", losses, "squared"},
                 {"MSELoss", losses, "squared"},
                 {"mean_squared_error", losses, "squared"},
                 {"mae", losses, "absolute"},
                 {"bce", losses, "binary_cross_entropy"},
                 {"BCEWithLogitsLoss", losses, "binary_cross_entropy"},
                 {"nll", losses, "cross_entropy"},
                 {"mse", metrics, "rmse"},
                 {"fully_connected", names, "dense"},
                 {"Linear", names, "dense"},
                 {"BatchNorm2d", names, "batch_norm"},
                 {"MaxPooling2D", names, "max_pool"},
                 {"sgd_momentum", names, "momentum"},
                 {"SiLU", names, "swish"},
                 {"transformer", names, NULL}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_STR(nn_nearest(cases[i].word, cases[i].among), cases[i].name);
}

static nn_node *tree(void) {
    nn_node *root = nn_node_map(&pool), *model = nn_node_list(&pool);

    CHECK_EQ_INT(nn_node_add(model, NULL, map_with("dense", nn_node_map(&pool))), 0);
    CHECK_EQ_INT(nn_node_add(model, NULL, scalar("relu", 3, 5)), 0);
    CHECK_EQ_INT(nn_node_add(root, "model", model), 0);
    CHECK_EQ_INT(nn_node_add(root, "train", scalar("", 4, 7)), 0);
    return root;
}

static int set(nn_node *root, const char *path, const char *text) {
    nn_node *value = nn_node_scalar(&pool, text);

    value->file = nn_pool_printf(&pool, "-o %s", path);
    return nn_node_set(root, path, value);
}

static void check_set(void) {
    nn_node *root = tree(), *model = nn_node_get(root, "model");

    CHECK_EQ_INT(set(root, "model.0.dense.units", "20"), 0);
    CHECK_STR(nn_node_get(nn_node_get(model->item[0], "dense"), "units")->text, "20");
    CHECK_EQ_INT(set(root, "model.0.dense.units", "30"), 0);
    CHECK_EQ_INT(nn_node_get(model->item[0], "dense")->count, 1);
    CHECK_STR(nn_node_get(nn_node_get(model->item[0], "dense"), "units")->text, "30");
    CHECK_STR(nn_node_get(nn_node_get(model->item[0], "dense"), "units")->key, "units");
    CHECK_EQ_INT(set(root, "model.1.relu.gamma", "1"), 0); /* relu -> {relu: {gamma: 1}} */
    CHECK_STR(nn_node_get(nn_node_get(model->item[1], "relu"), "gamma")->text, "1");
    CHECK_EQ_INT(set(root, "model.1", "flatten"), 0);
    CHECK_STR(model->item[1]->text, "flatten");
    CHECK_EQ_INT(set(root, "train.lr", "0.1"), 0);
    CHECK_STR(nn_node_get(nn_node_get(root, "train"), "lr")->text, "0.1");
    CHECK_EQ_INT(set(root, "a.b.c", "x"), 0);
    CHECK_STR(nn_node_get(nn_node_get(nn_node_get(root, "a"), "b"), "c")->text, "x");
    CHECK_EQ_INT(set(root, "train.lr.x", "1"), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "-o train.lr.x: cannot set train.lr.x: above 'x' stands the "
                                  "value '0.1', not a map");
    CHECK_EQ_INT(set(root, "model.2", "1"), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "-o model.2: cannot set model.2: '2' is no index of a list of 2");
    CHECK_EQ_INT(set(root, "model.dense", "1"), NN_EUSAGE);
    CHECK_EQ_INT(set(root, "train..lr", "1"), NN_EUSAGE);
    CHECK_EQ_INT(set(root, "", "1"), NN_EUSAGE);
    CHECK(nn_node_get(NULL, "x") == NULL && nn_node_get(model, "x") == NULL);
}

int main(void) {
    check_pick();
    check_nearest();
    check_synonyms();
    check_set();
    nn_pool_release(&pool);
    return check_done();
}
