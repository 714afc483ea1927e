/* A table: which column is the answer, what kind it is, and what must be done to the others. */
#include "base/text.h"
#include "data/guess/guess.h"
#include "data/importers/csv_columns.h"
#include "data/importers/labels.h"
#include "io/yaml/yaml.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { MOST_VALUES = 1000 /* of a column that are told apart, or become columns of x */ };
enum {
    MOST_NAMES = 100 /* of classes */,
    MOST_CLASSES = 30 /* that are numbers */,
    ROWS_A_CLASS = 10,
    FEW_ROWS = 20
};

typedef struct column {
    nn_labels value; /* those that are not missing, up to MOST_VALUES */
    nn_labels mark;  /* NA, ?, ...: values that are missing, or classes of this name */
    bool many;       /* there are more */
    bool counts;     /* whole numbers, each one more than the one before */
    int64_t rows, missing, empty, numbers, whole;
    double last;
} column;

typedef struct table {
    const nn_guess_options *options;
    nn_csv_options csv;
    char delimiter;
    nn_csv_columns columns;
    nn_pool pool;
    bool started;
    int64_t rows;
    column *column; /* [columns.count] */
    size_t answer;
} table;

/* ---- the columns ----------------------------------------------------------------------------- */

static void add_number(column *c, double number) {
    bool whole = floor(number) == number;

    c->counts = whole && (c->numbers == 0 || (c->counts && number == c->last + 1));
    c->numbers++;
    c->whole += whole;
    c->last = number;
}

static int add_value(column *c, const char *text) {
    double number;

    c->rows++;
    if (nn_csv_is_missing(text)) {
        c->missing++;
        c->empty += !*text;
        return *text ? nn_labels_add(&c->mark, text) : NN_OK;
    }
    if (nn_text_to_real(text, &number))
        add_number(c, number);
    if (c->many)
        return NN_OK;
    NN_TRY(nn_labels_add(&c->value, text));
    c->many = c->value.count > MOST_VALUES;
    return NN_OK;
}

static int begin(table *t, const nn_csv_row *row) {
    t->started = true;
    NN_TRY(nn_csv_columns_init(&t->columns, &t->csv, t->delimiter, row, &t->pool));
    t->column = nn_pool_alloc(&t->pool, row->count * sizeof *t->column);
    if (!t->column)
        return NN_EMEMORY;
    for (size_t i = 0; i < row->count; i++) {
        NN_TRY(nn_labels_init(&t->column[i].value));
        NN_TRY(nn_labels_init(&t->column[i].mark));
    }
    return NN_OK;
}

static int look_at_row(void *ctx, const nn_csv_row *row) {
    table *t = ctx;
    bool first = !t->started;

    if (first)
        NN_TRY(begin(t, row));
    if (first && t->columns.headed)
        return NN_OK;
    NN_TRY(nn_csv_columns_check(&t->columns, row));
    t->rows++;
    for (size_t i = 0; i < row->count; i++)
        NN_TRY(add_value(&t->column[i], row->field[i].text));
    return NN_OK;
}

static int64_t values(const column *c) {
    return c->rows - c->missing;
}

static bool is_numbers(const column *c) {
    return values(c) > 0 && c->numbers == values(c);
}

/* Not two rows have the same. */
static bool is_unique(const column *c) {
    return c->many || (int64_t)c->value.count == values(c);
}

static bool is_named(const char *name, const char *const *list) {
    for (; *list; list++)
        if (strcasecmp(name, *list) == 0)
            return true;
    return false;
}

/* Numbers or names of the rows. */
static bool is_identity(const table *t, size_t i) {
    static const char *const names[] = {"id", "index", "name", "uuid", "unnamed: 0", "", NULL};
    const column *c = &t->column[i];

    if (!is_unique(c) || t->rows < 2)
        return false;
    return is_named(t->columns.column[i].name, names) ||
           (i == 0 && c->counts && t->columns.headed && t->rows >= FEW_ROWS);
}

/* Texts of which nearly every row has its own. */
static bool is_prose(const table *t, size_t i) {
    const column *c = &t->column[i];
    size_t few = (size_t)(t->rows / 4 > FEW_ROWS ? t->rows / 4 : FEW_ROWS);

    return !is_numbers(c) && (c->many || c->value.count > few);
}

/* Why a column is no feature; NULL: it is one. */
static const char *useless(const table *t, size_t i) {
    const column *c = &t->column[i];

    if (values(c) == 0)
        return "empty";
    if (is_identity(t, i))
        return "a name or number of the row";
    return is_prose(t, i) ? "too many different texts; as `embedding` it would be one column"
                          : NULL;
}

/* Hardly two rows have the same, which classes would. */
static bool is_nearly_unique(const column *c) {
    return c->many || (int64_t)c->value.count * 2 > values(c);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static bool can_be_classes(const column *c) {
    bool few = !c->many && (int64_t)c->value.count * ROWS_A_CLASS <= values(c);

    if (c->value.count < 2)
        return false;
    if (!is_numbers(c))
        return !c->many && c->value.count <= MOST_NAMES && !is_nearly_unique(c);
    return c->value.count == 2 || (c->whole == c->numbers && few && c->value.count <= MOST_CLASSES);
}

/* A table without names may have its classes in front, as that of MNIST has. */
static bool has_classes_first(const table *t) {
    const column *first = &t->column[0], *last = &t->column[t->columns.count - 1];

    return !t->columns.headed && can_be_classes(first) && !can_be_classes(last);
}

static const char *choose_answer(table *t) {
    static const char *const names[] = {"label",    "target",  "y",     "outcome",
                                        "survived", "species", "class", "price"};
    size_t count = t->columns.count;

    if (t->options->target) {
        t->answer = t->columns.label;
        return "As asked for.";
    }
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (t->answer = 0; t->columns.headed && t->answer < count; t->answer++)
            if (strcasecmp(t->columns.column[t->answer].name, names[k]) == 0 &&
                values(&t->column[t->answer]) > 0)
                return "Its name is that of an answer.";
    if (has_classes_first(t)) {
        t->answer = 0;
        return "The first column, which has few whole numbers.";
    }
    for (t->answer = count - 1; t->answer > 0 && useless(t, t->answer);)
        t->answer--;
    return t->answer == count - 1 ? "The last column." : "The last column that can be one.";
}

static int check_answer(const table *t, bool classes) {
    const column *c = &t->column[t->answer];
    const char *name = t->columns.column[t->answer].name, *path = t->options->path;
    const char *other = "name another column to learn: --target COLUMN";

    if (c->value.count < 2)
        return nn_fail(NN_EUSAGE, "%s: every row of column '%s' has the same value: %s", path, name,
                       other);
    if (!classes && !is_numbers(c))
        return nn_fail(NN_EUSAGE, "%s: column '%s' does not hold numbers: %s", path, name, other);
    if (classes && t->options->task == NN_TASK_AUTO && is_nearly_unique(c) && !is_numbers(c))
        return nn_fail(NN_EUSAGE,
                       "%s: column '%s' holds texts, and nearly each row its own: %s, write plain "
                       "numbers where it means numbers, or make classes of them all the same: "
                       "--task classes",
                       path, name, other);
    if (classes && c->many)
        return nn_fail(NN_EUSAGE,
                       "%s: column '%s' has more than %d different values, too many for classes: "
                       "%s",
                       path, name, MOST_VALUES, other);
    return NN_OK;
}

static bool wants_classes(const table *t) {
    const column *c = &t->column[t->answer];

    if (t->options->task != NN_TASK_AUTO)
        return t->options->task == NN_TASK_CLASSES;
    return can_be_classes(c) || !is_numbers(c);
}

/* ---- what is said ---------------------------------------------------------------------------- */

/* A column as options name it: those whose names cannot stand in a list, by their numbers. */
static const char *reference(nn_guess *g, const table *t, size_t i) {
    const char *name = t->columns.column[i].name;
    double number;

    if (!*name || strchr(name, ',') || nn_text_to_real(name, &number))
        return nn_pool_printf(g->pool, "%zu", i + 1);
    return name;
}

static int guess_answer(nn_guess *g, table *t) {
    const char *why = choose_answer(t);
    bool classes = wants_classes(t);
    const column *c = &t->column[t->answer];

    NN_TRY(check_answer(t, classes));
    if (classes)
        why = nn_pool_printf(g->pool,
                             "What to learn: %zu classes. %s Another column: `nnmpi init --target "
                             "COLUMN`; numbers to predict: `--task numbers`.",
                             c->value.count + c->mark.count, why);
    else
        why = nn_pool_printf(g->pool,
                             "What to learn: numbers. %s Another column: `nnmpi init --target "
                             "COLUMN`; classes: `--task classes`.",
                             why);
    return nn_guess_add(g, classes ? "label" : "target",
                        nn_yaml_quoted(g->pool, reference(g, t, t->answer)), why);
}

/* "a,b" and "a: empty; b: a name or number of the row" */
static int guess_drop(nn_guess *g, const table *t) {
    const char *list = "", *why = "Columns that are left out.";

    for (size_t i = 0; i < t->columns.count && list && why; i++) {
        const char *reason = i == t->answer ? NULL : useless(t, i);
        if (!reason)
            continue;
        list = nn_pool_printf(g->pool, "%s%s%s", list, *list ? "," : "", reference(g, t, i));
        why = nn_pool_printf(g->pool, "%s %s: %s.", why, t->columns.column[i].name, reason);
    }
    if (!list)
        return NN_EMEMORY;
    return *list ? nn_guess_add(g, "drop", nn_yaml_quoted(g->pool, list), why) : NN_OK;
}

/* Columns of texts are categories anyway; those with numbers among the texts want to be named. */
static int guess_categories(nn_guess *g, const table *t) {
    const char *list = "";

    for (size_t i = 0; i < t->columns.count && list; i++) {
        const column *c = &t->column[i];
        if (i != t->answer && !useless(t, i) && c->numbers > 0 && !is_numbers(c))
            list = nn_pool_printf(g->pool, "%s%s%s", list, *list ? "," : "", reference(g, t, i));
    }
    if (!list)
        return NN_EMEMORY;
    return *list ? nn_guess_add(g, "categories", nn_yaml_quoted(g->pool, list),
                                "Columns that hold both numbers and texts: each value is a name.")
                 : NN_OK;
}

/* As the import sees it, for which a class may be called NA. */
static int64_t rows_without_answer(const table *t) {
    const column *c = &t->column[t->answer];
    return wants_classes(t) ? c->empty : c->missing;
}

static int guess_missing(nn_guess *g, const table *t) {
    const char *standard = "Numbers get mean 0 and deviation 1 over all rows, as `predict` does "
                           "with new ones; texts become a column for each.";
    int64_t lacking = 0, without = rows_without_answer(t);
    const char *left_out = "";

    for (size_t i = 0; i < t->columns.count; i++)
        if (i != t->answer && !useless(t, i))
            lacking += t->column[i].missing;
    if (without)
        left_out = nn_pool_printf(
            g->pool, "Rows without an answer are left out: %" PRId64 " of %" PRId64 ". ", without,
            t->rows);
    if (!left_out)
        return NN_EMEMORY;
    if (without || lacking)
        NN_TRY(nn_guess_add(g, "missing", "mean",
                            nn_pool_printf(g->pool,
                                           "%s%" PRId64 " values of features are missing: numbers "
                                           "become the mean of their column, texts a category of "
                                           "their own. drop: such rows are left out.",
                                           left_out, lacking)));
    return nn_guess_add(g, "standardize", "true", standard);
}

static int look(table *t) {
    NN_TRY(nn_csv_guess(t->options->path, &t->delimiter));
    NN_TRY(nn_csv_read(t->options->path, t->delimiter, look_at_row, t));
    if (t->rows == 0)
        return nn_fail(NN_EFORMAT, "%s: no rows of data", t->options->path);
    return NN_OK;
}

int nn_guess_csv(nn_guess *g, const nn_guess_options *o) {
    table t = {.options = o, .csv = {.path = o->path, .label = o->target}};
    int rc;

    NN_TRY_GOTO(look(&t));
    NN_TRY_GOTO(guess_answer(g, &t));
    NN_TRY_GOTO(guess_drop(g, &t));
    NN_TRY_GOTO(guess_categories(g, &t));
    NN_TRY_GOTO(guess_missing(g, &t));
done:
    for (size_t i = 0; t.column && i < t.columns.count; i++) {
        nn_labels_release(&t.column[i].value);
        nn_labels_release(&t.column[i].mark);
    }
    nn_pool_release(&t.pool);
    return rc;
}
