/* The trials of a sweep: all combinations of the values of its keys, or some at random. */
#include "base/numbers/elementary.h"
#include "base/numbers/rng.h"
#include "base/text.h"
#include "train/config/settings.h"
#include "train/tune/tune.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { MOST_TRIALS = 10000 };

static const nn_option search_table[] = {
    {"grid", NN_OPT_NODE, offsetof(nn_search, grid), "", NULL,
     "values of a key of the configuration, with commas between them, named as -o names it: -g "
     "train.lr=0.1,0.01; for another key once more: trials are all combinations. With --random "
     "also a "
     "range, -g train.lr=0.001..0.1: by its logarithm where it spans a factor of 10, else evenly, "
     "or "
     "as :log and :linear behind it say; between whole numbers, whole ones"},
    {"random", NN_OPT_INT, offsetof(nn_search, random), "0", "[0, 10000]",
     "so many trials, each with values drawn at random; 0: all combinations"},
    {"seed", NN_OPT_INT, offsetof(nn_search, seed), "1", "[0, inf)",
     "seed of --random; that of a training is -o train.seed"},
    {"halving", NN_OPT_BOOL, offsetof(nn_search, halving), "false", NULL,
     "successive halving: all trials train for few epochs, the best third of them for three times "
     "as "
     "many, and so on up to train.epochs"},
    NN_OPTION_END,
};

const nn_entry nn_search_entry = {"search", "Which trials there are.", search_table,
                                  sizeof(nn_search)};

/* What one -g says of a key. */
typedef struct axis {
    const char *key;
    size_t values;
    const char **value; /* [values] */
    bool range, log, whole;
    double low, high;
} axis;

/* The end of a value: the next comma that is in no bracket and no quotes. */
static const char *value_end(const char *text) {
    int depth = 0;
    char quote = '\0';

    for (; *text; text++) {
        if (quote)
            quote = *text == quote ? '\0' : quote;
        else if (*text == '"' || *text == '\'')
            quote = *text;
        else if (strchr("[{", *text))
            depth++;
        else if (strchr("]}", *text))
            depth--;
        else if (*text == ',' && depth == 0)
            break;
    }
    return text;
}

static int read_values(nn_pool *pool, const char *text, axis *a) {
    a->value = nn_pool_alloc(pool, (strlen(text) + 1) * sizeof *a->value);
    if (!a->value)
        return NN_EMEMORY;
    for (const char *end = text;; text = end + 1) {
        end = value_end(text);
        a->value[a->values] = nn_pool_printf(pool, "%.*s", (int)(end - text), text);
        if (!a->value[a->values])
            return NN_EMEMORY;
        if (!*a->value[a->values++])
            return nn_fail(NN_EUSAGE, "-g %s: a value is empty; write KEY=VALUE,VALUE,...", a->key);
        if (!*end)
            return NN_OK;
    }
}

/* "0.001..0.1:log"; false: no range. */
static int read_range(nn_pool *pool, const char *text, axis *a) {
    const char *dots = strstr(text, ".."), *mode = strchr(text, ':');
    size_t length = mode ? (size_t)(mode - text) : strlen(text);
    int64_t whole;

    if (!dots || strpbrk(text, ",[{"))
        return NN_OK;
    char *low = nn_pool_printf(pool, "%.*s", (int)(dots - text), text);
    char *high = nn_pool_printf(pool, "%.*s", (int)(length - (size_t)(dots + 2 - text)), dots + 2);
    if (!low || !high)
        return NN_EMEMORY;
    a->range = nn_text_to_real(low, &a->low) && nn_text_to_real(high, &a->high);
    if (!a->range || !(a->low < a->high))
        return nn_fail(NN_EUSAGE, "-g %s=%s: a range is LOW..HIGH, as 0.001..0.1", a->key, text);
    a->whole = nn_text_to_int(low, &whole) && nn_text_to_int(high, &whole) && !strpbrk(text, "eE");
    a->log = mode ? strcmp(mode, ":log") == 0 : a->low > 0 && a->high >= 10 * a->low;
    if ((mode && !a->log && strcmp(mode, ":linear") != 0) || (a->log && a->low <= 0))
        return nn_fail(NN_EUSAGE,
                       "-g %s=%s: behind a range stands :log, whose ends are above 0, or :linear",
                       a->key, text);
    return NN_OK;
}

static int read_axis(nn_sweep *s, size_t k, axis *axes) {
    const char *text = s->search.grid->item[k]->text, *equals = strchr(text, '=');
    axis *a = &axes[k];

    if (!equals || equals == text)
        return nn_fail(NN_EUSAGE, "-g %s: write it as KEY=VALUE,VALUE,...", text);
    a->key = s->key[k] = nn_pool_printf(s->pool, "%.*s", (int)(equals - text), text);
    if (!a->key)
        return NN_EMEMORY;
    for (size_t i = 0; i < k; i++)
        if (strcmp(axes[i].key, a->key) == 0)
            return nn_fail(NN_EUSAGE, "-g %s: there are two of them: list all values in one",
                           a->key);
    NN_TRY(read_range(s->pool, equals + 1, a));
    if (a->range && s->search.random == 0)
        return nn_fail(NN_EUSAGE,
                       "-g %s: values of a range are drawn with --random N; without it list them",
                       text);
    return a->range ? NN_OK : read_values(s->pool, equals + 1, a);
}

static const char *draw(nn_sweep *s, size_t trial, size_t k, const axis *a) {
    nn_rng rng = nn_rng_stream((uint64_t)s->search.seed, NN_RNG_TUNE, k, 0);
    nn_real uniform;

    nn_rng_uniform(&rng, trial, 1, &uniform);
    double at = (double)uniform;
    if (!a->range)
        return a->value[(size_t)(at * (double)a->values)];
    if (a->whole && !a->log)
        return nn_pool_printf(s->pool, "%.0f", floor(a->low + at * (a->high + 1 - a->low)));
    double x = a->log ? a->low * nn_power(a->high / a->low, at) : a->low + at * (a->high - a->low);
    return nn_pool_printf(s->pool, a->whole ? "%.0f" : "%.4g", x);
}

static int count_trials(nn_sweep *s, const axis *axes) {
    s->trials = s->search.random > 0 ? (size_t)s->search.random : 1;
    for (size_t k = 0; s->search.random == 0 && k < s->keys; k++) {
        s->trials *= axes[k].values;
        if (s->trials > MOST_TRIALS)
            return nn_fail(NN_EUSAGE,
                           "the grid has more than %d combinations: draw some with --random N",
                           MOST_TRIALS);
    }
    return NN_OK;
}

/* The last key changes fastest. */
static int fill(nn_sweep *s, const axis *axes) {
    for (size_t i = 0; i < s->trials; i++) {
        size_t rest = i;
        for (size_t k = s->keys; k-- > 0;) {
            const axis *a = &axes[k];
            const char **value = &s->value[i * s->keys + k];
            *value = s->search.random > 0 ? draw(s, i, k, a) : a->value[rest % a->values];
            rest /= a->values ? a->values : 1;
            if (!*value)
                return NN_EMEMORY;
        }
    }
    return NN_OK;
}

/* So many that the first has an epoch and the last at least one trial. */
static int plan_rungs(nn_sweep *s) {
    nn_config *config = NULL;
    size_t trials = s->trials;

    s->rungs = 1;
    NN_TRY(nn_sweep_config(s, 0, 1, &config));
    const nn_settings *settings = nn_config_settings(config);
    int64_t epochs = s->epochs = settings->train.epochs;
    bool by_steps = settings->train.max_steps >= 0;
    nn_config_free(config);
    if (!s->search.halving)
        return NN_OK;
    for (size_t k = 0; k < s->keys; k++)
        if (by_steps || strcmp(s->key[k], "train.epochs") == 0 || strcmp(s->key[k], "epochs") == 0)
            return nn_fail(NN_EUSAGE, "--halving decides how many epochs a trial has: leave out %s",
                           by_steps ? "train.max_steps" : "-g train.epochs");
    for (; trials >= NN_TUNE_ETA && epochs >= NN_TUNE_ETA; s->rungs++) {
        trials /= NN_TUNE_ETA;
        epochs /= NN_TUNE_ETA;
    }
    if (s->rungs == 1)
        return nn_fail(
            NN_EUSAGE,
            "--halving wants at least %d trials and %d epochs: there are %zu and %" PRId64,
            NN_TUNE_ETA, NN_TUNE_ETA, s->trials, s->epochs);
    return NN_OK;
}

int nn_sweep_plan(nn_sweep *s) {
    s->keys = s->search.grid ? s->search.grid->count : 0;
    if (s->keys == 0)
        return nn_fail(NN_EUSAGE, "nothing to try: give -g KEY=VALUE,VALUE, as -g "
                                  "train.lr=0.1,0.01");
    axis *axes = nn_pool_alloc(s->pool, s->keys * sizeof *axes);
    s->key = nn_pool_alloc(s->pool, s->keys * sizeof *s->key);
    if (!axes || !s->key)
        return NN_EMEMORY;
    for (size_t k = 0; k < s->keys; k++)
        NN_TRY(read_axis(s, k, axes));
    NN_TRY(count_trials(s, axes));
    s->value = nn_pool_alloc(s->pool, s->trials * s->keys * sizeof *s->value);
    s->result = nn_pool_alloc(s->pool, s->trials * sizeof *s->result);
    if (!s->value || !s->result)
        return NN_EMEMORY;
    NN_TRY(fill(s, axes));
    return plan_rungs(s);
}

const char *nn_sweep_folder(const nn_sweep *s, size_t i) {
    return nn_pool_printf(s->pool, "%s/trial-%03zu", s->folder, i + 1);
}

int64_t nn_sweep_epochs(const nn_sweep *s, int rung) {
    int64_t epochs = s->epochs;

    for (int i = rung; i < s->rungs; i++)
        epochs = (epochs + NN_TUNE_ETA - 1) / NN_TUNE_ETA;
    return epochs;
}

static int override(const nn_sweep *s, nn_config *config, size_t i, int rung) {
    for (size_t k = 0; k < s->keys; k++) {
        char *set = nn_pool_printf(s->pool, "%s=%s", s->key[k], nn_sweep_value(s, i, k));
        NN_TRY(set ? nn_config_override(config, set) : NN_EMEMORY);
    }
    if (s->rungs > 1) {
        char *set = nn_pool_printf(s->pool, "train.epochs=%" PRId64, nn_sweep_epochs(s, rung));
        NN_TRY(set ? nn_config_override(config, set) : NN_EMEMORY);
    }
    return nn_config_check(config);
}

int nn_sweep_config(const nn_sweep *s, size_t i, int rung, nn_config **out) {
    char *name = nn_pool_printf(s->pool, "%s/config.yaml", s->folder);

    *out = NULL;
    NN_TRY(name ? nn_config_parse(name, s->config, strlen(s->config), out) : NN_EMEMORY);
    int rc = override(s, *out, i, rung);
    if (rc < 0) {
        nn_config_free(*out);
        *out = NULL;
    }
    return rc;
}
