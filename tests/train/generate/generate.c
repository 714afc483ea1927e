/* ranks: 1 2 */
/* Texts by the public functions: of a training and of its checkpoint, of texts and of tokens, alone
 * and beside others, ended by a token or by the program; and what is said of wrong ones. */
#include "../training/parts_trial.h"

static const char letters[] =
    "model: [embedding: {vocabulary: 4, units: 8}, lstm: {units: 12, return: all}, dense: {units: "
    "4}]\n"
    "loss: cross_entropy\n"
    "train: {batch_size: 6, max_steps: 60, optimizer: {adam: {lr: 0.05}}}\n";

enum { WINDOWS = 6, STEPS = 8, MOST_TOLD = 32 };
static int32_t x[WINDOWS][STEPS], y[WINDOWS][STEPS]; /* of "abcabcabc..." */

/* With the names of the tokens, of which that of 0 is in no text, or without and untrained. */
static nn_training *learn(nn_comm *comm, nn_config *config, nn_data *data, bool named) {
    for (int i = 0; i < WINDOWS; i++)
        for (int k = 0; k < STEPS; k++) {
            x[i][k] = named + (i + k) % 3;
            y[i][k] = named + (i + k + 1) % 3;
        }
    WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_I32, 2, {WINDOWS, STEPS}, x}));
    WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_I32, 2, {WINDOWS, STEPS}, y}));
    if (named) {
        WORKS(nn_data_set_classes(data, 4, (const char *const[]){"<unk>", "a", "b", "c"}));
        WORKS(nn_data_set_tokens(data, "chars"));
    }
    WORKS(nn_config_use_data(config, data));
    nn_training *t = opened(comm, config);
    while (named && nn_training_goes_on(t)) {
        WORKS(nn_training_step(t));
        WORKS(nn_training_attend(t));
    }
    return t;
}

struct heard {
    char text[3][MOST_TOLD + 1]; /* '-' of tokens without a name */
    size_t count[3], most;
    int32_t last;
};

static bool hear(void *ctx, size_t i, int32_t token, const char *bytes, size_t length) {
    struct heard *h = ctx;
    CHECK(length <= 1);
    h->last = token;
    h->text[i][h->count[i]++] = length ? *bytes : '-';
    return h->count[i] < h->most;
}

static const nn_generation likeliest = {.size = sizeof likeliest, .max_tokens = 14};
static const nn_generation drawn = {
    .size = sizeof drawn, .max_tokens = 30, .temperature = 2, .top_k = 3, .top_p = 0.95, .seed = 7};
static const int32_t b[] = {2};
static const nn_prompt prompts[3] = {
    {.text = "ab"}, {.token = b, .tokens = 1}, {.text = "cabcabcabcab"}}; /* longer than windows */

static struct heard of_training(nn_training *t, nn_generation how, size_t count,
                                const nn_prompt *prompt, size_t most) {
    struct heard h = {.most = most};
    WORKS(nn_training_generate(t, &how, count, prompt, hear, &h));
    return h;
}

static void test_what_is_learned(nn_training *t) {
    nn_generation ended = likeliest, begun = likeliest;
    struct heard h = of_training(t, likeliest, 3, prompts, MOST_TOLD);
    CHECK_STR(h.text[0], "cabcabcabcabca");
    CHECK_STR(h.text[1], "cabcabcabcabca");
    CHECK_STR(h.text[2], "cabcabcabcabca");
    CHECK_STR(of_training(t, likeliest, 1, prompts, 4).text[0], "cabc");
    ended.stop = "b";
    h = of_training(t, ended, 1, prompts, MOST_TOLD);
    CHECK_STR(h.text[0], "ca");
    CHECK_EQ_INT(h.last, 1);
    begun.stop = "a"; /* which begins a text without a prompt */
    CHECK_STR(of_training(t, begun, 1, &(nn_prompt){.text = NULL}, MOST_TOLD).text[0], "bc");
    of_training(t, likeliest, 0, NULL, MOST_TOLD);
}

/* The same alone and with others, of a training and of its file. */
static void test_what_is_drawn(nn_comm *comm, nn_training *t) {
    struct heard all = of_training(t, drawn, 3, prompts, MOST_TOLD), file = {.most = MOST_TOLD};
    nn_generation later = drawn, other = drawn;
    nn_generator *g = NULL;
    CHECK_EQ_INT((int)strlen(all.text[0]), 30);
    CHECK(strcmp(all.text[0], all.text[1]) != 0);
    for (later.first = 0; later.first < 3; later.first++)
        CHECK_STR(of_training(t, later, 1, &prompts[later.first], MOST_TOLD).text[0],
                  all.text[later.first]);
    other.seed = 8;
    CHECK(strcmp(of_training(t, other, 1, prompts, MOST_TOLD).text[0], all.text[0]) != 0);
    WORKS(nn_training_write(t, "letters.h5", NULL));
    WORKS(nn_generator_open("letters.h5", 2, 1 + nn_comm_rank(comm), &g)); /* 2, then 1 */
    WORKS(nn_generate(g, &drawn, 3, prompts, hear, &file));
    for (int i = 0; i < 3; i++)
        CHECK_STR(file.text[i], all.text[i]);
    nn_generator_free(g);
}

static void test_misuse(nn_training *t) {
    static const int32_t beyond[] = {1, 4};
    const struct {
        nn_generation how;
        nn_prompt prompt;
        const char *words;
    } wrong[] = {
        {{.size = 4}, prompts[0], "size in nn_generation is 4"},
        {{.max_tokens = 0}, prompts[0], "max_tokens is 0; it is 1 to 16777216"},
        {{.max_tokens = 1, .temperature = (double)NAN}, prompts[0], "temperature is"},
        {{.max_tokens = 1, .top_p = 1.5}, prompts[0], "top_p is 1.5"},
        {{.max_tokens = 1, .top_k = -1}, prompts[0], "top_k is -1, seed 0"},
        {{.max_tokens = 1, .stop = "d"}, prompts[0], "the stop token 'd' is none of the model's 4"},
        {likeliest, {.text = NULL}, "prompt 1: a prompt without tokens"},
        {likeliest, {.tokens = 2}, "prompt 1: it has 2 tokens, but token is NULL"},
        {{.max_tokens = 1, .first = 4}, {.token = beyond, .tokens = 2}, "prompt 5: token 2 is 4"},
        {likeliest, {.text = "a", .token = b, .tokens = 1}, "it has a text and tokens"},
    };
    nn_generator *g;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        nn_generation how = wrong[i].how;
        how.size = how.size ? how.size : sizeof how;
        FAILS(nn_training_generate(t, &how, 1, &wrong[i].prompt, hear, NULL), NN_EUSAGE,
              wrong[i].words);
    }
    FAILS(nn_training_generate(t, NULL, 1, prompts, hear, NULL), NN_EUSAGE, "how is NULL");
    FAILS(nn_training_generate(t, &drawn, 1, NULL, hear, NULL), NN_EUSAGE, "prompt is NULL");
    FAILS(nn_training_generate(t, &drawn, 1, prompts, NULL, NULL), NN_EUSAGE, "told is NULL");
    FAILS(nn_training_generate(NULL, &drawn, 1, prompts, hear, NULL), NN_EUSAGE, "no training");
    FAILS(nn_generate(NULL, &drawn, 1, prompts, hear, NULL), NN_EUSAGE, "generator is NULL");
    FAILS(nn_generator_open(NULL, 1, 1, &g), NN_EUSAGE, "checkpoint is NULL");
    FAILS(nn_generator_open("letters.h5", 1, 0, &g), NN_EUSAGE, "a batch of 1, 0 threads");
    FAILS(nn_generator_open("nowhere.h5", 1, 1, &g), NN_EFORMAT, "nowhere.h5");
}

/* Of a model without a vocabulary there are tokens only; of one on other data nothing. */
static void test_without_texts(nn_comm *comm) {
    nn_config *config = configured(letters, NULL), *other = configured(bare, NULL);
    nn_data *data;
    WORKS(nn_data_new(&data));
    nn_training *t = learn(comm, config, data, false);
    CHECK_STR(of_training(t, drawn, 1, &prompts[1], 5).text[0], "-----");
    FAILS(nn_training_generate(t, &drawn, 1, prompts, hear, NULL), NN_EFORMAT,
          "prompt 1: nn_training_generate: it does not have the vocabulary");
    WORKS(nn_training_forward(t, NULL));
    FAILS(nn_training_generate(t, &drawn, 1, &prompts[1], hear, NULL), NN_EUSAGE,
          "a step in parts is under way");
    nn_training_close(t);
    WORKS(nn_data_set_tokens(data, "letters"));
    t = learn(comm, config, data, false);
    FAILS(nn_training_generate(t, &drawn, 1, prompts, hear, NULL), NN_EFORMAT,
          "its tokens are 'letters', and texts are made of bytes|chars|words|bpe");
    nn_training_close(t);
    nn_data *shapes = described(other);
    t = opened(comm, other);
    FAILS(nn_training_generate(t, &drawn, 1, prompts, hear, NULL), NN_EFORMAT,
          "was not trained to say which token");
    nn_training_close(t);
    nn_config_free(config);
    nn_config_free(other);
    nn_data_free(shapes);
    nn_data_free(data);
}

static void tests(nn_comm *comm, const rows *r) {
    nn_config *config = configured(letters, NULL);
    nn_train_result result = {.size = sizeof result};
    nn_data *data;
    (void)r;
    WORKS(nn_data_new(&data));
    nn_training *t = learn(comm, config, data, true);
    test_what_is_learned(t);
    test_what_is_drawn(comm, t);
    test_misuse(t);
    WORKS(nn_training_finish(t, &result));
    test_what_is_learned(t);
    nn_train_result_release(&result);
    nn_training_close(t);
    nn_config_free(config);
    nn_data_free(data);
    test_without_texts(comm);
}

int main(void) {
    return run_trials(tests);
}
