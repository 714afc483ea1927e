/* The configuration as structs: what each section of the YAML binds to. */
#ifndef NN_TRAIN_CONFIG_SETTINGS_H
#define NN_TRAIN_CONFIG_SETTINGS_H

#include "base/shape.h"
#include "data/sources/open.h"
#include "nn/losses/loss.h"
#include "nn/metrics/metric.h"
#include "nn/optimizers/optimizer.h"
#include "nn/schedules/schedule.h"

#include <nnmpi/config.h>
#include <nnmpi/data.h>

#define NN_MAX_METRICS 16
#define NN_MAX_TABLE 10240 /* numbers in the tables of all metrics: a confusion of 100 classes */

/* A row of a family with its bound options. */
typedef struct nn_choice {
    const nn_entry *row;
    void *options; /* of row->size bytes, owned by the configuration */
} nn_choice;

typedef struct nn_settings {
    struct {
        int64_t epochs, seed;
        int64_t batch_size;  /* of the global minibatch; 0: all samples */
        int64_t max_steps;   /* 0: write the initial parameters and end; -1: no limit */
        int64_t threads;     /* a rank; 0: automatic */
        double lr;           /* base learning rate: train.lr when given, else the optimiser's own */
        double stop_below;   /* stop when the mean loss of an epoch is under it; NAN: not given */
        int reduce;          /* nn_reduce_choice of comm/reduce/spec.h */
        int compress;        /* enum nn_compression */
        int optimizer_state; /* enum nn_state_division */
        int precision;       /* enum nn_precision */
        int between_nodes;   /* nn_between_choice */
        double stall_timeout;   /* s; 0: stalled ranks are waited for */
        int64_t check_replicas; /* steps between two comparisons besides those of checkpoints; 0:
                                   never any, -1: no others */
        int64_t log_every;      /* steps between metrics lines */
        bool digest;            /* in every train line of metrics.jsonl */
        double clip_norm, clip_value; /* 0: gradients are not clipped */
        double l1, l2, max_norm;      /* 0: not; of weights */
        bool decay_all;               /* of biases and normalisation parameters, too */
        nn_node *ema_node;            /* NULL: no average */
        struct {
            double decay;
        } ema;
        int64_t accumulate;  /* passes in which a shard is computed */
        int64_t output_rows; /* targets whose outputs are computed at once; 0: all, -1: automatic */
        int recompute;       /* nn_recompute: none or blocks */
        int balance;         /* enum nn_balance_rule */
        bool reproducible;
        int64_t microbatches;
        int stop_when;       /* enum nn_stop_rule */
        int report;          /* enum nn_report_kind */
        int scale_lr;        /* enum nn_scale_rule */
        nn_node *trace_node; /* NULL: no timeline */
        struct {
            nn_node *steps;
            int64_t first, last;
        } trace;
        nn_node *warmup_node;
        struct {
            int64_t epochs, steps; /* one of them, or both 0: no warm-up */
            double from;
        } warmup;
        nn_node *batch_size_node, *optimizer_node, *schedule_node;
        nn_choice optimizer, schedule;
    } train;
    struct {
        const char *split;                 /* "" : valid when there is one, else test */
        int64_t every_epochs, every_steps; /* 0: not by this clock */
        nn_node *metrics_node, *stopping_node;
        size_t metrics; /* 0 and metrics_node NULL: chosen by the kind of target */
        nn_choice metric[NN_MAX_METRICS];
        struct {
            int64_t patience; /* validations without improvement; 0: off */
            double min_delta;
            const char *metric; /* "loss" or one of `metrics` */
            bool restore_best;  /* end with the best parameters */
        } stopping;
    } validate;
    struct {
        int64_t every_epochs, every_steps; /* 0: not by this clock; -1: not given */
        double every_minutes;              /* 0: not by this clock */
        int64_t keep;
        int when_busy;     /* enum nn_busy_rule */
        const char *stage; /* a folder on the node of rank 0; NULL or "": none */
    } checkpoint;
    struct {
        bool tensorboard; /* event files in the run folder */
        bool weights;     /* lines about the parameters in metrics.jsonl */
        bool report;      /* a page of the run there */
    } log;
    struct {
        const char *from;      /* checkpoint that parameters start from; NULL: all start fresh */
        const nn_node *layers; /* list of names; NULL: every layer that fits */
        int layout;            /* enum nn_table_layout */
    } init;
    nn_node *data, *model, *loss, *root;
    const nn_data *given; /* what the data source `memory` reads; NULL: nothing */
    bool stored;          /* text of a checkpoint or model file: it makes no other file be read */
    const char *folder;   /* of the configuration, "" for the working folder */
    nn_node *init_node, *train_node, *validate_node, *checkpoint_node, *log_node;
} nn_settings;

/* Values of nn_settings.train.stop_when and train.report. */
enum nn_stop_rule { NN_STOP_PLANNED, NN_STOP_NO_MISTAKES };
enum nn_report_kind { NN_REPORT_PLAIN, NN_REPORT_GRADIENTS };

/* Values of nn_settings.checkpoint.when_busy. */
enum nn_busy_rule { NN_BUSY_WAIT, NN_BUSY_SKIP };

/* Values of nn_settings.init.layout. */
enum nn_table_layout { NN_LAYOUT_OUTPUT_INPUT, NN_LAYOUT_INPUT_OUTPUT };

/* Values of nn_settings.train.compress. */
enum nn_compression { NN_COMPRESS_NONE, NN_COMPRESS_BF16 };

/* Values of nn_settings.train.optimizer_state. */
enum nn_state_division { NN_STATE_PER_NODE, NN_STATE_SHARDED };

/* Values of nn_settings.train.precision. */
enum nn_precision { NN_PRECISION_FLOAT32, NN_PRECISION_BF16, NN_PRECISION_AUTO };

/* Values of nn_settings.train.balance. */
enum nn_balance_rule { NN_BALANCE_EVEN, NN_BALANCE_SPEED };

/* Values of nn_settings.train.scale_lr. */
enum nn_scale_rule { NN_SCALE_NONE, NN_SCALE_LINEAR };

/* nn_config_check of the text of a checkpoint or model file, which may come from anybody: it makes
 * no other file be read. */
int nn_config_check_stored(nn_config *config);

/* All that can be found wrong with a configuration, its data set and its model, in `list`; rc < 0
 * where something is, also what stops the search. Local. */
int nn_config_check_all(nn_config *config, nn_error_list *list);

/* The bound settings; valid after nn_config_check, owned by the configuration. */
const nn_settings *nn_config_settings(const nn_config *config);

/* Whether each of several passes over a minibatch is summed over the ranks by itself: with
 * microbatches, which no pass may add to those of another before all are added along their tree. */
bool nn_settings_sums_passes(const nn_settings *settings);

/* Replaces the data section by one file, for a model that was trained on what is `like` that and
 * the section. Local. */
int nn_config_set_data(nn_config *config, const char *path, const nn_like *like);

/* The option tables by section, for help and the reference; the first one, "", is the top level.
 * They bind to an nn_settings; the last row has no name. */
typedef struct nn_section {
    const char *name, *help; /* "train"; one sentence */
    const nn_option *options;
} nn_section;
extern const nn_section nn_sections[];

/* Completes the tree `root` by defaults, checks it, and fills `settings`, whose choices its pool
 * owns. Files that are not found from the working folder are looked for in `folder`. `stored`: see
 * nn_config_check_stored. NN_EUSAGE with the place. Local. */
int nn_settings_check(nn_node *root, const char *folder, bool stored, nn_settings *settings);

/* The section of that name or NULL. */
const nn_section *nn_section_find(const char *name);

/* The text of datasets/iris/iris.yaml. */
extern const char nn_default_config[];

#endif
