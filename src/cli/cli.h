/* The command line: verbs, each a row with its options, and what a verb is called with. */
#ifndef NN_CLI_CLI_H
#define NN_CLI_CLI_H

#include "base/json/json.h"
#include "base/options/option.h"
#include "cli/guard.h"
#include "cli/screen.h"

#include <nnmpi/comm.h>
#include <nnmpi/config.h>
#include <nnmpi/train.h>

typedef struct nn_verb nn_verb;

/* One invocation of a verb. */
typedef struct nn_call {
    const nn_verb *verb;
    const nn_launch *launch; /* how the program was started */
    nn_comm *comm;
    nn_pool *pool;
    nn_screen *screen;
    const void *options;      /* the verb's own options */
    const void *base;         /* the options of verb->base */
    const nn_entry *kind;     /* the row of verb->kinds that was chosen ... */
    const void *kind_options; /* ... and its options */
    nn_guard *guard;          /* of a collective verb, while it runs */
    nn_guard *alone;          /* of another verb */
} nn_call;

struct nn_verb {
    nn_entry entry;
    const char *usage;            /* what follows the name: "CKPT [options]"; not of a group */
    const char *example;          /* a command line; not of a group */
    const char *const *arguments; /* keys of the options that words without a flag fill, in order;
                                     one of type NN_OPT_NODE takes all that are left */
    const nn_entry *base;         /* further options, of the module that does the work; or NULL */
    const nn_family *verbs;       /* a group: the first word chooses a verb of these, and nothing
                                     else of the group is used; or NULL */
    const nn_family *kinds;       /* the first word chooses a row of these, with options; or NULL */
    /* Key of the option of a kind that words without a flag fill, NULL: none; may be NULL. */
    const char *(*kind_argument)(const nn_entry *kind);
    bool collective; /* every rank takes part; otherwise rank 0 works alone, without MPI */
    /* It ends by itself after a signal, which the guard takes from before MPI starts; from this on,
     * "the first step", there is something to save. NULL: signals end it as they always do, without
     * what it was writing. */
    const char *stops;
    /* Collective verbs return the same code on every rank. */
    int (*run)(const nn_call *call);
};

extern const nn_family nn_verbs; /* verbs.c: one row a verb */

extern const nn_verb nn_verb_init, nn_verb_tune, nn_verb_train, nn_verb_eval, nn_verb_predict,
    nn_verb_plot, nn_verb_data, nn_verb_inspect, nn_verb_digest, nn_verb_check, nn_verb_export,
    nn_verb_import, nn_verb_bench, nn_verb_explain, nn_verb_generate, nn_verb_help;

/* Options that every verb takes. */
typedef struct nn_common {
    bool verbose, quiet, help;
    int progress; /* nn_screen_progress_mode */
} nn_common;
extern const nn_option nn_common_table[];

/* The version and, where `verbose`, libraries, compiler and what this machine has, one a line.
 * NN_EUSAGE for a BLAS that is no use. Local. */
int nn_version_print(bool verbose);

/* Help is written as text in lines of up to `width` characters, or, with one of these in the place
 * of the width, as Markdown or as the sections of a man page. */
enum { NN_HELP_MARKDOWN = 0, NN_HELP_ROFF = -1 };
/* Usage, help and options of a verb, and the verbs or kinds below it; in Markdown without the
 * options that all verbs take. */
void nn_help_verb(FILE *out, const nn_verb *verb, int width);
/* One of the verb's options. */
void nn_help_option(FILE *out, const nn_verb *verb, const nn_option *option, int width);
/* Whether the option of this key is typed as a word without a flag; `arguments` may be NULL. */
bool nn_is_argument(const char *const *arguments, const char *key);
/* A line of a list, and one for each row of a family. */
void nn_help_item(FILE *out, const char *name, const char *help, int width);
void nn_help_rows(FILE *out, const nn_family *family, int width);
/* "nnmpi data split", with `between` in the place of blanks. */
#define NN_VERB_TITLE 64
void nn_verb_title(const nn_verb *verb, char between, char title[NN_VERB_TITLE]);
/* Calls `visit` with each verb, then with those of the groups. */
void nn_verbs_visit(void (*visit)(void *ctx, const nn_verb *verb), void *ctx);
/* Columns of standard output: COLUMNS, else those of the terminal, else 80. */
int nn_help_width(void);

/* ---- options that several verbs have, each bound to a member of its name --------------------- */

/* const char *config */
#define NN_CONFIG_ROW(type)                                                                        \
    {                                                                                              \
        "config", NN_OPT_STRING, offsetof(type, config), "", NULL,                                 \
            "YAML configuration; without it Iris, which is built in"                               \
    }
/* const nn_node *set */
#define NN_SET_ROW(type, example)                                                                  \
    {                                                                                              \
        "set", NN_OPT_NODE, offsetof(type, set), "", NULL,                                         \
            "override one key of the configuration: -o " example "; may be repeated"               \
    }
/* bool json */
#define NN_JSON_ROW(type)                                                                          \
    { "json", NN_OPT_BOOL, offsetof(type, json), "false", NULL, "print one JSON object" }

/* ---- shared by verbs (common.c) ------------------------------------------------------------- */

/* The configuration `path` (NULL: the embedded default) with the list of `-o` overrides applied and
 * checked. Local. */
int nn_call_config(const char *path, const nn_node *overrides, nn_config **out);
/* The same, not checked yet. */
int nn_call_load_config(const char *path, const nn_node *overrides, nn_config **out);

/* True when the file starts as an HDF5 file does. */
bool nn_is_hdf5(const char *path);

/* A finished object and a newline on standard output; NN_EMEMORY when its buffer was too small. */
int nn_json_print(const nn_json *json);

/* "test accuracy 0.9667, loss 0.0912 (30 samples)" and a newline, then the tables; `samples` is
 * what is called "test" here. */
void nn_print_evaluation(FILE *out, const char *samples, const nn_evaluation *evaluation);

#endif
