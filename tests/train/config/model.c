/* Models by calls are those of YAML: the same graph, the same checks, the same messages. */
#include "calls.h"

#include <nnmpi/nnmpi.h>

#include <string.h>

static const char wanted[] = "model:\n"
                             "  - dense: {units: 8, activation: relu, name: h}\n"
                             "  - dropout: {rate: 0.5}\n"
                             "  - dense: {units: 3, name: a}\n"
                             "  - dense: {units: 3, name: b, inputs: [h]}\n"
                             "  - add: {inputs: [a, b]}\n";

static nn_model *described(void) {
    nn_model *model;
    WORKS(nn_model_new(&model));
    WORKS(nn_model_add(model, "dense", NULL, "units: 8, activation: relu, name: h"));
    WORKS(nn_model_add(model, "dropout", NULL, "{rate: 0.5}"));
    WORKS(nn_model_add(model, "dense", NULL, "units: 3, name: a"));
    WORKS(nn_model_add(model, "dense", "h", "units: 3, name: b"));
    WORKS(nn_model_add(model, "add", "a, b", NULL));
    return model;
}

static int train(nn_config *config, char digest[65]) {
    nn_comm *comm;
    nn_train_options options = {.size = sizeof options, .run_dir = ""};
    nn_train_result result = {.size = sizeof result};
    WORKS(nn_config_override(config, "data={source: iris}"));
    WORKS(nn_config_override(config, "loss=cross_entropy"));
    WORKS(nn_config_override(config, "train={epochs: 2, batch_size: 16, lr: 0.1}"));
    WORKS(nn_comm_alone(&comm));
    int rc = nn_train(comm, config, &options, &result);
    memcpy(digest, result.digest, 65);
    nn_train_result_release(&result);
    nn_comm_free(comm);
    nn_config_free(config);
    return rc;
}

static void test_same(void) {
    nn_model *model = described();
    nn_config *by_calls, *by_yaml, *again;
    char digest[3][65];
    WORKS(nn_config_new("calls", &by_calls));
    WORKS(nn_config_parse("yaml", wanted, strlen(wanted), &by_yaml));
    CHECK_STR(nn_model_yaml(model), nn_config_text(by_yaml));
    WORKS(nn_config_parse("again", nn_model_yaml(model), strlen(nn_model_yaml(model)), &again));
    WORKS(nn_config_use_model(by_calls, model));
    nn_model_free(model); /* it was copied */
    WORKS(train(by_calls, digest[0]));
    WORKS(train(by_yaml, digest[1]));
    WORKS(train(again, digest[2]));
    CHECK_STR(digest[0], digest[1]);
    CHECK_STR(digest[0], digest[2]);
}

/* What is found at once leaves the model as it was; the rest is found where it is with YAML. */
static void test_wrong(void) {
    nn_model *model = described();
    nn_config *config;
    char digest[65];
    FAILS(nn_model_add(model, "dens", NULL, NULL), NN_EUSAGE, "did you mean 'dense'?");
    FAILS(nn_model_add(model, "dense", NULL, "units: ["), NN_EUSAGE, "options of layer 6, 'dense'");
    FAILS(nn_model_add(model, "dense", NULL, "units: 3}"), NN_EUSAGE, "options of layer 6");
    FAILS(nn_model_add(model, "dense", "h", "inputs: [a]"), NN_EUSAGE, "the options name inputs");
    FAILS(nn_model_add(NULL, "dense", NULL, NULL), NN_EUSAGE, "there is no model");
    FAILS(nn_model_add(model, NULL, NULL, NULL), NN_EUSAGE, "there is no kind");
    WORKS(nn_model_add(model, "dense", NULL, "unist: 3"));
    WORKS(nn_config_new("wrong", &config));
    FAILS(nn_config_use_model(config, NULL), NN_EUSAGE, "there is no model");
    WORKS(nn_config_use_model(config, model));
    nn_model_free(model);
    FAILS(train(config, digest), NN_EUSAGE, "options of layer 6, 'dense': unknown key 'unist'");
    CHECK_CONTAINS(nn_error_message(), "did you mean 'units'?");
    nn_model_free(NULL);
}

int main(void) {
    test_same();
    test_wrong();
    return check_done();
}
