/* The trials of a sweep: all combinations of the values of its keys, or some at random. */
#include "base/log.h"
#include "base/numbers/elementary.h"
#include "base/numbers/rng.h"
#include "base/text.h"
#include "io/yaml/yaml.h"
#include "train/config/settings.h"
#include "train/tune/tune.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TRIALS = 10000, MOST_REPEATS = 1000 };

static const nn_option search_table[] = {
    {"grid", NN_OPT_NODE, offsetof(nn_search, grid), "", NULL,
     "values of a key of the configuration, with commas between them, named as -o names it: -g "
     "train.lr=0.1,0.01; for another key once more: trials are all combinations. With --random "
     "also a range, -g train.lr=0.001..0.1: by its logarithm where it spans a factor of 10, else "
     "evenly, or as :log and :linear behind it say; between whole numbers, whole ones"},
    {"random", NN_OPT_INT, offsetof(nn_search, random), "0", "[0, 10000]",
     "so many trials, each with values drawn at random; 0: all combinations"},
    {"seed", NN_OPT_INT, offsetof(nn_search, seed), "", "[1, inf)",
     "seed of --random, 1 where it is not given; that of a training is -o train.seed"},
    {"halving", NN_OPT_BOOL, offsetof(nn_search, halving), "false", NULL,
     "successive halving: all trials train for few epochs, the best third of them for three times "
     "as many, and so on up to train.epochs"},
    {"ranks_per_trial", NN_OPT_INT, offsetof(nn_search, ranks_per_trial), "", "[1, 65536]",
     "ranks that train a trial together, 1 where it is not given; as many trials are trained at a "
     "time as there are such groups"},
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

static bool are_equal(const char *a, const char *b) {
    double x, y;

    if (nn_text_to_real(a, &x) && nn_text_to_real(b, &y))
        return x == y;
    return strcmp(a, b) == 0;
}

/* The value that was read last is another one than those before. */
static int check_value(const axis *a) {
    const char *last = a->value[a->values - 1];

    if (!*last)
        return nn_fail(NN_EUSAGE, "-g %s: a value is empty; write KEY=VALUE,VALUE,...", a->key);
    for (size_t i = 0; i + 1 < a->values; i++)
        if (are_equal(a->value[i], last))
            return nn_fail(NN_EUSAGE, "-g %s: the value %s is there twice", a->key, last);
    return NN_OK;
}

static int read_values(nn_pool *pool, const char *text, axis *a) {
    a->value = nn_pool_alloc(pool, (strlen(text) + 1) * sizeof *a->value);
    if (!a->value)
        return NN_EMEMORY;
    for (const char *end = text;; text = end + 1) {
        end = value_end(text);
        a->value[a->values] = nn_pool_printf(pool, "%.*s", (int)(end - text), text);
        if (!a->value[a->values++])
            return NN_EMEMORY;
        NN_TRY(check_value(a));
        if (!*end)
            return NN_OK;
    }
}

/* "0.001..0.1:log"; false: no range, as "../iris.h5" is none. */
static int read_range(nn_pool *pool, const char *text, axis *a) {
    const char *dots = strstr(text, ".."), *mode = dots ? strchr(dots, ':') : NULL;
    size_t length = mode ? (size_t)(mode - text) : strlen(text);
    int64_t whole;

    if (!dots || strpbrk(text, ",[{"))
        return NN_OK;
    char *low = nn_pool_printf(pool, "%.*s", (int)(dots - text), text);
    char *high = nn_pool_printf(pool, "%.*s", (int)(length - (size_t)(dots + 2 - text)), dots + 2);
    if (!low || !high)
        return NN_EMEMORY;
    a->range = nn_text_to_real(low, &a->low);
    if (!a->range)
        return NN_OK;
    if (!nn_text_to_real(high, &a->high) || !(a->low < a->high))
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

static const char *draw(nn_sweep *s, size_t number, size_t k, const axis *a) {
    nn_rng rng = nn_rng_stream((uint64_t)s->search.seed, NN_RNG_TUNE, k, 0);
    nn_real uniform;

    nn_rng_uniform(&rng, number, 1, &uniform);
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

/* All combinations; the last key changes fastest. */
static void fill(nn_sweep *s, const axis *axes) {
    for (size_t i = 0; i < s->trials; i++) {
        size_t rest = i;
        for (size_t k = s->keys; k-- > 0;) {
            s->value[i * s->keys + k] = axes[k].value[rest % axes[k].values];
            rest /= axes[k].values;
        }
    }
}

static bool is_repeated(const nn_sweep *s, size_t trial) {
    for (size_t i = 0; i < trial; i++) {
        size_t same = 0;
        while (same < s->keys &&
               strcmp(nn_sweep_value(s, i, same), nn_sweep_value(s, trial, same)) == 0)
            same++;
        if (same == s->keys)
            return true;
    }
    return false;
}

/* Each trial once: fewer than wanted where there seem to be no others. */
static int draw_all(nn_sweep *s, const axis *axes) {
    size_t i = 0, repeats = 0;

    for (size_t number = 0; i < s->trials && repeats < MOST_REPEATS; number++) {
        for (size_t k = 0; k < s->keys; k++)
            if (!(s->value[i * s->keys + k] = draw(s, number, k, &axes[k])))
                return NN_EMEMORY;
        repeats = is_repeated(s, i) ? repeats + 1 : 0;
        i += repeats == 0;
    }
    if (i < s->trials)
        nn_warn("--random %" PRId64 ": only %zu different trials were found", s->search.random, i);
    s->trials = i;
    return NN_OK;
}

/* So many that the first has an epoch and the last at least one trial. */
static int plan_rungs(nn_sweep *s) {
    size_t trials = s->trials;
    int64_t epochs = s->epochs;

    s->rungs = 1;
    if (!s->search.halving)
        return NN_OK;
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

/* What trials share so that they can be ranked: that of the first. */
typedef struct ranking {
    char metric[64];
    char *loss; /* with its options, as text */
} ranking;

static int check_metric(const nn_sweep *s, size_t i, const nn_settings *set, ranking *by) {
    const char *name = set->validate.stopping.metric ? set->validate.stopping.metric : "loss";
    bool validates = set->validate.every_epochs || set->validate.every_steps;
    char *loss;

    if (!validates)
        name = "training loss";
    NN_TRY(nn_yaml_emit(s->pool, set->loss, &loss));
    if (i == 0) {
        snprintf(by->metric, sizeof by->metric, "%s", name);
        by->loss = loss;
    }
    if (strncmp(by->metric, name, sizeof by->metric - 1) != 0)
        return nn_fail(NN_EUSAGE,
                       "it would be ranked by '%s' and the first trial by '%s' "
                       "(validate.early_stopping.metric): give all the same",
                       name, by->metric);
    if ((!validates || strcmp(name, "loss") == 0) && strcmp(by->loss, loss) != 0)
        return nn_fail(NN_EUSAGE,
                       "its loss is another function than that of the first trial, so that their "
                       "values do not compare: rank trials by a metric, as by -o "
                       "'validate.early_stopping={metric: accuracy, patience: 1000}'");
    return NN_OK;
}

/* Trials are ranked by one number, and by halving after the same epochs. */
static int check_comparable(nn_sweep *s, size_t i, const nn_settings *set, ranking *by) {
    NN_TRY(check_metric(s, i, set, by));
    if (!s->search.halving)
        return NN_OK;
    if (set->train.max_steps >= 0)
        return nn_fail(NN_EUSAGE, "--halving decides how long a trial is trained: leave out "
                                  "train.max_steps");
    if (i == 0)
        s->epochs = set->train.epochs;
    if (set->train.epochs != s->epochs)
        return nn_fail(NN_EUSAGE, "--halving decides how many epochs a trial has: leave out -g "
                                  "train.epochs");
    return NN_OK;
}

static int name_trial(const nn_sweep *s, size_t i, int rc) {
    char line[512];
    size_t length = 0;

    for (size_t k = 0; k < s->keys && length < sizeof line; k++)
        length += (size_t)snprintf(line + length, sizeof line - length, " %s=%s", s->key[k],
                                   nn_sweep_value(s, i, k));
    return nn_error_prefix(rc, "trial %zu of %zu:%s", i + 1, s->trials, line);
}

/* Before the first is trained. What they warn of, all would say again. */
static int check_trials(nn_sweep *s, ranking *by) {
    nn_log_target before = nn_log_target_get();
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->trials; i++) {
        nn_config *config = NULL;
        nn_log_target_set((nn_log_target){.sink = NULL});
        rc = nn_sweep_config(s, i, &config);
        nn_log_target_set(before);
        if (rc == 0)
            rc = check_comparable(s, i, nn_config_settings(config), by);
        nn_config_free(config);
        if (rc < 0)
            name_trial(s, i, rc);
    }
    return rc;
}

static int check_search(nn_search *search, int ranks) {
    if (!search->grid || search->grid->count == 0)
        return nn_fail(NN_EUSAGE, "nothing to try: give -g KEY=VALUE,VALUE, as -g "
                                  "train.lr=0.1,0.01");
    if (search->seed && !search->random)
        return nn_fail(NN_EUSAGE, "--seed is that of --random N, which is not there; that of a "
                                  "training is -o train.seed");
    if (search->random && !search->seed)
        search->seed = 1;
    if (!search->ranks_per_trial)
        search->ranks_per_trial = 1;
    if (ranks % search->ranks_per_trial == 0)
        return NN_OK;
    return nn_fail(NN_EUSAGE,
                   "%d ranks cannot be divided into groups of %" PRId64
                   ": start a multiple of it, or choose another --ranks-per-trial",
                   ranks, search->ranks_per_trial);
}

int nn_sweep_plan(nn_sweep *s, int ranks) {
    ranking by = {0};
    NN_TRY(check_search(&s->search, ranks));
    s->keys = s->search.grid->count;
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
    if (s->search.random > 0)
        NN_TRY(draw_all(s, axes));
    else
        fill(s, axes);
    NN_TRY(check_trials(s, &by));
    return plan_rungs(s);
}

const char *nn_sweep_folder(const nn_sweep *s, size_t i) {
    return nn_pool_printf(s->pool, "%s/trial-%03zu", s->folder, i + 1);
}

int64_t nn_sweep_epochs(const nn_sweep *s, int rung) {
    int64_t epochs = s->epochs;

    for (int i = rung; i < s->rungs && rung > 0; i++)
        epochs = (epochs + NN_TUNE_ETA - 1) / NN_TUNE_ETA;
    return rung > 0 ? epochs : 0;
}

static int override(const nn_sweep *s, nn_config *config, size_t i) {
    for (size_t k = 0; k < s->keys; k++) {
        char *set = nn_pool_printf(s->pool, "%s=%s", s->key[k], nn_sweep_value(s, i, k));
        NN_TRY(set ? nn_config_override(config, set) : NN_EMEMORY);
    }
    return nn_config_check(config);
}

int nn_sweep_config(const nn_sweep *s, size_t i, nn_config **out) {
    char *name = nn_pool_printf(s->pool, "%s/config.yaml", s->folder);

    *out = NULL;
    NN_TRY(name ? nn_config_parse(name, s->config, strlen(s->config), out) : NN_EMEMORY);
    int rc = override(s, *out, i);
    if (rc < 0) {
        nn_config_free(*out);
        *out = NULL;
    }
    return rc;
}
