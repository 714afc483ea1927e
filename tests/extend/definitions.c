/* Definitions that are not complete or do not fit are refused, with what is wrong; those that are
 * registered take part in configurations as built-in rows do. */
#include "calls.h"
#include "extend/own_parts.h"

static own_state fine;

static nn_layer_def layer(const char *name) {
    return own_slope_def(name, &fine);
}

static void test_layers(void) {
    nn_layer_def def = layer("own_a");
    FAILS(nn_layer_register(NULL), NN_EUSAGE, "the nn_layer_def is NULL");
    def.size = 3;
    FAILS(nn_layer_register(&def), NN_EUSAGE, "sizeof(nn_layer_def)");
    def.size = sizeof def + 8;
    FAILS(nn_layer_register(&def), NN_EUSAGE, "the headers of this version");
    def = layer("own_a");
    def.plan = NULL;
    FAILS(nn_layer_register(&def), NN_EUSAGE, "nn_layer_def 'own_a' has no plan");
    def = layer("own_a");
    def.forward = NULL;
    FAILS(nn_layer_register(&def), NN_EUSAGE, "has no forward");
    static const char *const names[] = {NULL, "", "1st", "a b", "a.b", "a/b", "input", "loss"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        def = layer(names[i]);
        FAILS(nn_layer_register(&def), NN_EUSAGE, "for its name; it is letters");
    }
    def = layer("dense");
    FAILS(nn_layer_register(&def), NN_EUSAGE, "there is a layer 'dense' already");
    def = layer("own_a");
    WORKS(nn_layer_register(&def));
    FAILS(nn_layer_register(&def), NN_EUSAGE, "there is a layer 'own_a' already");
}

static void test_losses_and_metrics(void) {
    nn_loss_def loss = own_squared_def("own_loss", &fine);
    loss.eval = NULL;
    FAILS(nn_loss_register(&loss), NN_EUSAGE, "nn_loss_def 'own_loss' has no eval");
    loss = own_squared_def("own_loss", &fine);
    loss.fuses = "tanh";
    FAILS(nn_loss_register(&loss), NN_EUSAGE, "neither softmax nor sigmoid");
    loss.fuses = "sigmoid";
    loss.targets = (nn_target_kind)5;
    FAILS(nn_loss_register(&loss), NN_EUSAGE, "has targets 5");
    loss.targets = NN_TARGETS_ARE_NUMBERS;
    WORKS(nn_loss_register(&loss));
    FAILS(nn_loss_register(&loss), NN_EUSAGE, "there is a loss 'own_loss' already");
    nn_metric_def metric = own_hits_def("own_hits", &fine);
    metric.add = NULL;
    FAILS(nn_metric_register(&metric), NN_EUSAGE, "has no add");
    metric = own_hits_def("own_hits", &fine);
    metric.value = NULL;
    FAILS(nn_metric_register(&metric), NN_EUSAGE, "has no value");
    metric = own_hits_def("own_hits", &fine);
    metric.plan = NULL;
    FAILS(nn_metric_register(&metric), NN_EUSAGE, "has no plan");
    metric = own_hits_def("own_hits", &fine);
    WORKS(nn_metric_register(&metric));
    FAILS(nn_metric_register(&metric), NN_EUSAGE, "there is a metric 'own_hits' already");
}

struct many {
    bool flag;
    int64_t whole;
    double real;
    const char *text;
    int choice;
};

#define AT(member) offsetof(struct many, member)

static int register_with(const nn_option *options) {
    nn_layer_def def = layer("own_options");
    def.options = options;
    def.options_size = sizeof(struct many);
    return nn_layer_register(&def);
}

static void test_options(void) {
    static const struct {
        nn_option option;
        const char *words;
    } bad[] = {
        {{"a b", NN_OPT_BOOL, 0, "true", NULL, ""}, "is no name"},
        {{"lr_scale", NN_OPT_BOOL, 0, "true", NULL, ""}, "all of its kind have"},
        {{"a", NN_OPT_NODE, 0, "", NULL, ""}, "is not of type bool"},
        {{"a", (nn_option_type)99, 0, "", NULL, ""}, "is not of type bool"},
        {{"a", NN_OPT_REAL, sizeof(struct many), "1", NULL, ""}, "behind the end"},
        {{"a", NN_OPT_REAL, sizeof(struct many) - 4, "1", NULL, ""}, "behind the end"},
        {{"a", NN_OPT_REAL, 4, "1", NULL, ""}, "no member of its type"},
        {{"a", NN_OPT_CHOICE, 0, "x", NULL, ""}, "without a range"},
        {{"a", NN_OPT_REAL, 8, "3", "[0, 1]", ""}, "out of range [0, 1]"},
        {{"a", NN_OPT_REAL, 8, "x", NULL, ""}, "must be a number"},
        {{"a", NN_OPT_REAL, 8, "3", "0..1", ""}, "malformed range"},
        {{"a", NN_OPT_CHOICE, AT(choice), "z", "x|y", ""}, "is no choice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nn_option table[] = {bad[i].option, NN_OPTION_END};
        FAILS(register_with(table), NN_EUSAGE, bad[i].words);
    }
    const nn_option twice[] = {{"a", NN_OPT_REAL, 16, "1", NULL, NULL},
                               {"a", NN_OPT_REAL, 16, "1", NULL, NULL},
                               NN_OPTION_END};
    FAILS(register_with(twice), NN_EUSAGE, "stands twice");
}

/* All types, as plan sees them; the texts of the definition are gone by then. */
static struct many seen;

static int many_plan(void *ctx, nn_layer_layout *layout) {
    (void)ctx;
    memcpy(&seen, layout->options, sizeof seen);
    return nn_extend_fail(1, seen.text);
}

static void register_many(void) {
    char key[] = "flag", name[] = "own_many", fallback[] = "true";
    nn_option table[] = {{key, NN_OPT_BOOL, AT(flag), fallback, NULL, NULL},
                         {"whole", NN_OPT_INT, AT(whole), NULL, "[1, 9]", "required"},
                         {"real", NN_OPT_REAL, AT(real), "0.5", "[0, 1]", "a part"},
                         {"text", NN_OPT_STRING, AT(text), "word", NULL, "a text"},
                         {"choice", NN_OPT_CHOICE, AT(choice), "one", "none|one|two", "some"},
                         NN_OPTION_END};
    nn_layer_def def = layer(name);
    def.plan = many_plan;
    def.options = table;
    def.options_size = sizeof(struct many);
    WORKS(nn_layer_register(&def));
    memset(table, 0, sizeof table);
    memset(name, 'x', sizeof name - 1);
    memset(key, 'x', sizeof key - 1);
    memset(fallback, 'x', sizeof fallback - 1);
}

static int gradient(const char *model) {
    nn_gradient_options options = {.size = sizeof options, .input = {1, {3}}};
    return nn_gradient_check(model, NULL, &options, NULL);
}

static void test_configurations(void) {
    register_many();
    FAILS(gradient("[own_many]"), NN_EUSAGE, "layer 'own_many' needs 'whole': required");
    FAILS(gradient("[own_many: {whole: 10}]"), NN_EUSAGE, "is out of range [1, 9]");
    FAILS(gradient("[own_many: {whole: 3, choise: two}]"), NN_EUSAGE, "did you mean 'choice'?");
    FAILS(gradient("[own_manny: {whole: 3}]"), NN_EUSAGE, "did you mean 'own_many'?");
    FAILS(gradient("[own_many: {whole: 3, choice: two, real: 0.25, text: abc}]"), NN_EUSAGE,
          "its plan returned 1: abc");
    CHECK(seen.flag);
    CHECK_EQ_INT(seen.whole, 3);
    CHECK_NEAR(seen.real, 0.25, 0);
    CHECK_EQ_INT(seen.choice, 2);
}

/* ---- what plan may say ----------------------------------------------------------------------- */

static nn_layer_layout said; /* in the place of what plan was given, but options and in */
static const nn_param_spec weight = {.name = "weight", .shape = {1, {2}}};

static int say(void *ctx, nn_layer_layout *layout) {
    (void)ctx;
    layout->out = said.out;
    layout->params = said.params;
    memcpy(layout->param, said.param, sizeof said.param);
    layout->save = said.save;
    layout->scratch = said.scratch;
    return 0;
}

static nn_layer_layout good_layout(void) {
    nn_layer_layout l = {.out = {1, {3}}, .params = 2, .param = {weight, weight}};
    l.param[1].name = "other";
    return l;
}

static void test_plans(void) {
    nn_layer_def def = layer("own_says");
    def.plan = say;
    def.options = NULL;
    def.options_size = 0;
    WORKS(nn_layer_register(&def));
    said = good_layout();
    said.out.rank = 0;
    FAILS(gradient("[own_says]"), NN_EUSAGE, "plan gives no output");
    said.out = (nn_shape){2, {3, -1}};
    FAILS(gradient("[own_says]"), NN_EUSAGE, "plan gives no output");
    said = good_layout();
    said.params = 17;
    FAILS(gradient("[own_says]"), NN_EUSAGE, "plan gives 17 parameters; there can be 16");
    said = good_layout();
    said.param[1].name = "weight";
    FAILS(gradient("[own_says]"), NN_EUSAGE, "two parameters the name 'weight'");
    said.param[1].name = "a/b";
    FAILS(gradient("[own_says]"), NN_EUSAGE, "plan gives a parameter the name 'a/b'");
    said.param[1].name = NULL;
    FAILS(gradient("[own_says]"), NN_EUSAGE, "plan gives a parameter the name 'NULL'");
    said = good_layout();
    said.param[1].shape.rank = 5;
    FAILS(gradient("[own_says]"), NN_EUSAGE, "plan gives parameter 'other' no shape");
    said = good_layout();
    said.param[1].kind = (nn_param_kind)9;
    FAILS(gradient("[own_says]"), NN_EUSAGE, "kind 9, which is none");
    said = good_layout();
    said.save = SIZE_MAX;
    FAILS(gradient("[own_says]"), NN_EUSAGE, "more memory a sample than a machine can hold");
    said = good_layout();
    said.scratch = (size_t)1 << 47;
    FAILS(gradient("[own_says]"), NN_EUSAGE, "more memory for a minibatch");
}

/* A layer without backward stands in front, or nowhere. */
static void test_no_backward(void) {
    nn_layer_def def = layer("own_front");
    def.plan = say;
    def.options = NULL;
    def.options_size = 0;
    def.backward = NULL;
    WORKS(nn_layer_register(&def));
    said = (nn_layer_layout){.out = {1, {3}}};
    FAILS(gradient("[dense: {units: 3}, own_front]"), NN_EUSAGE,
          "which the layers before it would need to learn");
    said = good_layout();
    FAILS(gradient("[own_front, dense: {units: 3}]"), NN_EUSAGE,
          "which its parameters would need to learn");
}

int main(void) {
    test_layers();
    test_losses_and_metrics();
    test_options();
    test_configurations();
    test_plans();
    test_no_backward();
    return check_done();
}
