#include "train/config/settings.h"

#include <string.h>

#define AT(member) offsetof(nn_settings, member)

static const nn_option top_options[] = {
    {"data", NN_OPT_NODE, AT(data), NULL, NULL,
     "where the samples come from: {path: file.h5}, or {source: NAME, ...}"},
    {"model", NN_OPT_NODE, AT(model), NULL, NULL,
     "the layers in order, each a name or {name: {options}}"},
    {"loss", NN_OPT_NODE, AT(loss), NULL, NULL, "the loss function, which training minimises"},
    {"init", NN_OPT_NODE, AT(init_node), "", NULL,
     "parameters to start from, found by name and shape: {from: other.h5, layers: [fc1]}"},
    {"train", NN_OPT_NODE, AT(train_node), "", NULL, "how to train"},
    {"validate", NN_OPT_NODE, AT(validate_node), "", NULL,
     "when and on what to validate, and when to stop for it"},
    {"checkpoint", NN_OPT_NODE, AT(checkpoint_node), "", NULL,
     "when to save, and how many checkpoints to keep"},
    {"log", NN_OPT_NODE, AT(log_node), "", NULL, "what else the run writes into its folder"},
    NN_OPTION_END,
};

static const nn_option init_options[] = {
    {"from", NN_OPT_STRING, AT(init.from), NULL, NULL,
     "file to take parameters from: a checkpoint, or the run folder of one; HDF5 with data sets "
     "LAYER/PARAMETER; .safetensors or .npz with tensors LAYER.PARAMETER, as of a state dict of "
     "PyTorch, where a point may stand for a _ in LAYER; or YAML, "
     "{LAYER: {weight: [[...]], bias: [...]}}"},
    {"layers", NN_OPT_NODE, AT(init.layers), "", NULL,
     "names of the layers that are taken, each of which must fit; by default every layer of that "
     "name and shape"},
    {"layout", NN_OPT_CHOICE, AT(init.layout), "output_input", "output_input|input_output",
     "order of the matrices in a file that is no checkpoint: a row for each output, as in PyTorch, "
     "or for each input"},
    NN_OPTION_END,
};

static const nn_option train_options[] = {
    {"epochs", NN_OPT_INT, AT(train.epochs), "10", "[0, inf)", "passes over the training samples"},
    {"max_steps", NN_OPT_INT, AT(train.max_steps), "", "[0, inf)",
     "end after so many steps; 0 writes a checkpoint of the initial parameters and ends"},
    {"batch_size", NN_OPT_NODE, AT(train.batch_size_node), NULL, NULL,
     "samples of the global minibatch, shared among the ranks: a number from 1, or `all`"},
    {"seed", NN_OPT_INT, AT(train.seed), "1", "[0, inf)",
     "seed of the initial parameters, the order of samples and everything else that is random"},
    {"lr", NN_OPT_REAL, AT(train.lr), "", "(0, inf)",
     "base learning rate; overrides the optimiser's own"},
    {"optimizer", NN_OPT_NODE, AT(train.optimizer_node), "sgd", NULL,
     "the optimiser, a name or {name: {options}}"},
    {"schedule", NN_OPT_NODE, AT(train.schedule_node), "constant", NULL,
     "how the learning rate changes, a name or {name: {options}}"},
    {"warmup", NN_OPT_NODE, AT(train.warmup_node), "", NULL,
     "the learning rate starts at a fraction of its value and rises: {epochs: 5} or {steps: 500}"},
    {"scale_lr", NN_OPT_CHOICE, AT(train.scale_lr), "none", "none|linear",
     "linear: the learning rate is multiplied by the number of ranks (Goyal et al. 2017), for a "
     "batch_size that grows with it"},
    {"threads", NN_OPT_INT, AT(train.threads), "0", "[0, 4096]",
     "threads of each rank; 0: the cores of the node are divided among its ranks, but a small "
     "network uses one thread"},
    {"precision", NN_OPT_CHOICE, AT(train.precision), "float32", "float32|bf16|auto",
     "bf16: in training all matrix products and convolutions of layers multiply numbers rounded to "
     "bfloat16, and add in float32, but for scores and sums of attention and some convolutions "
     "(docs/performance.md#bfloat16); parameters, what layers pass on, losses, the optimiser and "
     "files stay float32. It wants a processor with "
     "AVX512_BF16; auto takes bf16 where all ranks have one and reproducible is false, else "
     "float32. `nnmpi eval` and `predict` compute in float32"},
    {"reduce", NN_OPT_CHOICE, AT(train.reduce), "auto", "auto|allreduce|node",
     "how gradients are summed over the ranks: MPI_Allreduce, or through memory that the ranks of "
     "a node share, where they also keep the parameters once; auto takes node where there is any"},
    {"compress", NN_OPT_CHOICE, AT(train.compress), "none", "none|bf16",
     "bf16: numbers are sent between nodes as bfloat16, in half of the bytes; the rounding error "
     "of sums of gradients is added in the next step, and saved with checkpoints"},
    {"optimizer_state", NN_OPT_CHOICE, AT(train.optimizer_state), "per_node", "per_node|sharded",
     "who keeps the optimiser's state, such as momentum: every node all of it, divided among its "
     "ranks, or sharded: the ranks of all nodes divide it (ZeRO stage 1), take the step on their "
     "part, and send parameters in place of sums of gradients, with the same bits "
     "(docs/howto/memory.md). Gradients that travel as rows (between_nodes) have theirs on every "
     "node; on one node nothing changes"},
    {"between_nodes", NN_OPT_CHOICE, AT(train.between_nodes), "auto",
     "auto|gradients|rows|remeasure",
     "what nodes send each other for the gradient of a dense or recurrent layer: gradients, which "
     "are summed, or rows: those of the minibatch (and of the steps of its sequences), whose "
     "product the gradient is, and which every node multiplies; for an embedding rows are its "
     "indices and the rows of the gradient that they touch; auto takes for each layer what is "
     "faster with the network and the processors as measured when the run began or its number of "
     "nodes changed; remeasure: as measured at each start, so that a resumed run may have other "
     "bits"},
    {"stall_timeout", NN_OPT_REAL, AT(train.stall_timeout), "120", "[0, inf)",
     "seconds without a sign of life of a rank (its process is stopped, or it hangs), from reading "
     "the data to the end, after which all ranks end with exit code 5; 0 waits for ever"},
    {"check_replicas", NN_OPT_INT, AT(train.check_replicas), "", "[0, inf)",
     "steps between two comparisons of the parameters and optimiser state that several ranks hold, "
     "which find bits that memory or a processor has changed (see `nnmpi train --on-mismatch`); by "
     "default before each checkpoint; 0: never"},
    {"log_every", NN_OPT_INT, AT(train.log_every), "100", "[1, inf)",
     "steps between two train lines of metrics.jsonl"},
    {"digest", NN_OPT_BOOL, AT(train.digest), "false", NULL,
     "put the SHA-256 of the parameters into every train line of metrics.jsonl"},
    {"reproducible", NN_OPT_BOOL, AT(train.reproducible), "false", NULL,
     "the same bits on any number of ranks and threads, and by the same version of nnmpi on any "
     "x86-64 "
     "processor with AVX2 or AVX-512 (older ones and arm64: see docs/explanation.md): its own "
     "kernels make the products"},
    {"microbatches", NN_OPT_INT, AT(train.microbatches), "8", "[1, 65536]",
     "with reproducible: microbatches that each minibatch is divided into, shared by at most as "
     "many ranks; "
     "another number gives other bits"},
    {"accumulate", NN_OPT_INT, AT(train.accumulate), "1", "[1, inf)",
     "compute the minibatch in so many passes and add their gradients, with activations in memory "
     "for one of them only; batch_size is still what one optimiser step takes. batch_norm's "
     "statistics are those of each pass, the running ones move once a step, by those of its last "
     "pass. With reproducible each pass is divided into microbatches and summed over the ranks by "
     "itself"},
    {"output_rows", NN_OPT_INT, AT(train.output_rows), "", "[0, inf)",
     "for models that end with a dense layer on sequences, each step of which has a class: so many "
     "steps of a minibatch have their outputs, loss and gradients computed at once, so that the "
     "outputs of all, steps x classes, never stand in memory; by default as many as take 16 MiB, "
     "but at least 256, where a rank (with reproducible: all of a pass) has four times as many or "
     "more, else all; 0: all. report: gradients and steps that are taken in parts have all in "
     "memory, whatever it says. Rows of this layer never travel then (between_nodes). With "
     "reproducible another number gives other bits"},
    {"recompute", NN_OPT_CHOICE, AT(train.recompute), "none", "none|blocks",
     "blocks: of blocks of neighbouring layers only what passes from one to the next is kept in "
     "memory, and back-propagation computes a block again before it goes through it: the same bits "
     "for less memory and up to a third more time (docs/howto/memory.md)"},
    {"balance", NN_OPT_CHOICE, AT(train.balance), "even", "even|speed",
     "how many rows of a minibatch each rank computes: even, or in proportion to its speed as "
     "measured during training, from one row up to twice the average; averages over the minibatch "
     "are exact either way, but with speed their last bits depend on clocks"},
    {"clip_norm", NN_OPT_REAL, AT(train.clip_norm), "0", "[0, inf)",
     "largest norm of the gradient (of all parameters together, mean over the global minibatch); a "
     "longer one is scaled down to it; 0: not clipped"},
    {"clip_value", NN_OPT_REAL, AT(train.clip_value), "0", "[0, inf)",
     "largest size of each element of the gradient, after clip_norm; 0: not clipped"},
    {"l1", NN_OPT_REAL, AT(train.l1), "0", "[0, inf)",
     "L1 regularisation: l1 sign(w) joins the gradient of weights; with l2 it is the elastic net"},
    {"l2", NN_OPT_REAL, AT(train.l2), "0", "[0, inf)",
     "L2 regularisation: l2 w joins the gradient of weights; the same as sgd's weight_decay, for "
     "every optimiser"},
    {"max_norm", NN_OPT_REAL, AT(train.max_norm), "0", "[0, inf)",
     "after each step the weights that go into a unit (a row of a matrix, a kernel) are scaled "
     "down to this norm where theirs is above; 0: not"},
    {"decay_all", NN_OPT_BOOL, AT(train.decay_all), "false", NULL,
     "l1, l2 and weight_decay also work on biases and normalisation parameters"},
    {"ema", NN_OPT_NODE, AT(train.ema_node), "", NULL,
     "keep a running average of the parameters, which is what is validated, saved as the model and "
     "left at the end: {decay: 0.999}"},
    {"report", NN_OPT_CHOICE, AT(train.report), "plain", "plain|gradients",
     "gradients: train lines of metrics.jsonl say how large the gradient is that reaches the "
     "output of each layer with parameters (delta: root of the mean square norm over the "
     "minibatch's samples), and how much the step has changed the layer (update: norm of the "
     "change "
     "over that of the parameters), so that vanishing gradients can be seen"},
    {"trace", NN_OPT_NODE, AT(train.trace_node), "", NULL,
     "a timeline of some steps, in trace.json in the run folder, for Perfetto: {steps: [100, "
     "110]}"},
    {"stop_when", NN_OPT_CHOICE, AT(train.stop_when), "planned", "planned|no_mistakes",
     "no_mistakes: end after an epoch without a mistake, a sample whose loss has a gradient (y s "
     "<= 0 for the loss perceptron, y s < 1 for hinge), and say whether the classes were "
     "separated"},
    {"stop_below", NN_OPT_REAL, AT(train.stop_below), "", "(-inf, inf)",
     "end when the mean training loss of an epoch is below this"},
    NN_OPTION_END,
};

static const nn_option warmup_options[] = {
    {"epochs", NN_OPT_INT, AT(train.warmup.epochs), "0", "[0, inf)", "how long, in epochs"},
    {"steps", NN_OPT_INT, AT(train.warmup.steps), "0", "[0, inf)", "how long, in steps"},
    {"from", NN_OPT_REAL, AT(train.warmup.from), "0", "[0, 1]",
     "factor at the first step; at step t of n it is from + (1 - from) t / n, whatever the "
     "schedule, which it multiplies"},
    NN_OPTION_END,
};

static const nn_option trace_options[] = {
    {"steps", NN_OPT_NODE, AT(train.trace.steps), NULL, NULL,
     "the first and the last step of it, from 1 on: [100, 110]"},
    NN_OPTION_END,
};

static const nn_option ema_options[] = {
    {"decay", NN_OPT_REAL, AT(train.ema.decay), "0.999", "[0, 1)",
     "share of the average that is kept each step: a <- decay a + (1 - decay) w"},
    NN_OPTION_END,
};

static const nn_option validate_options[] = {
    {"split", NN_OPT_STRING, AT(validate.split), "", NULL,
     "which samples: train, valid or test; by default valid when there is one, else test"},
    {"every_epochs", NN_OPT_INT, AT(validate.every_epochs), "1", "[0, inf)",
     "epochs between validations; 0: not by epochs"},
    {"every_steps", NN_OPT_INT, AT(validate.every_steps), "0", "[0, inf)",
     "steps between validations; 0: not by steps"},
    {"metrics", NN_OPT_NODE, AT(validate.metrics_node), "", NULL,
     "names of what is reported besides the loss; by default accuracy where there are classes"},
    {"early_stopping", NN_OPT_NODE, AT(validate.stopping_node), "", NULL,
     "end when validation no longer improves: {patience: 3}"},
    NN_OPTION_END,
};

static const nn_option stopping_options[] = {
    {"patience", NN_OPT_INT, AT(validate.stopping.patience), NULL, "[0, inf)",
     "validations in a row without improvement after which training ends; 0: never"},
    {"min_delta", NN_OPT_REAL, AT(validate.stopping.min_delta), "0", "[0, inf)",
     "least change that counts as an improvement"},
    {"metric", NN_OPT_STRING, AT(validate.stopping.metric), "loss", NULL,
     "what must improve: loss, or one of validate.metrics"},
    {"restore_best", NN_OPT_BOOL, AT(validate.stopping.restore_best), "true", NULL,
     "end with the parameters of the best validation instead of the last ones"},
    NN_OPTION_END,
};

static const nn_option checkpoint_options[] = {
    {"every_epochs", NN_OPT_INT, AT(checkpoint.every_epochs), "", "[0, inf)",
     "epochs between checkpoints; 0: not by epochs; where neither this nor every_steps is given, "
     "at "
     "the end of an epoch, but at most every 10 seconds"},
    {"every_steps", NN_OPT_INT, AT(checkpoint.every_steps), "", "[0, inf)",
     "steps between checkpoints; 0: not by steps; the last step is saved in any case"},
    {"every_minutes", NN_OPT_REAL, AT(checkpoint.every_minutes), "10", "[0, inf)",
     "most minutes between checkpoints, whatever else is asked for; 0: no limit"},
    {"when_busy", NN_OPT_CHOICE, AT(checkpoint.when_busy), "wait", "wait|skip",
     "a checkpoint that is due while another one is being written waits for it, or is left out"},
    {"stage", NN_OPT_STRING, AT(checkpoint.stage), "", NULL,
     "a folder on a disk of the node: checkpoints are written there first, then copied into the "
     "run "
     "folder; what a killed job left there is taken up by --resume on the same node"},
    {"keep", NN_OPT_INT, AT(checkpoint.keep), "3", "[1, inf)",
     "how many of the newest to keep; the best one is always kept"},
    NN_OPTION_END,
};

static const nn_option log_options[] = {
    {"tensorboard", NN_OPT_BOOL, AT(log.tensorboard), "false", NULL,
     "event files for TensorBoard: every number of metrics.jsonl, and by epoch histograms of the "
     "parameters and the filters that see images; at the start the first samples of the "
     "validation, where they are pictures"},
    {"weights", NN_OPT_BOOL, AT(log.weights), "false", NULL,
     "lines of metrics.jsonl with a histogram of each tensor of parameters, the first 64, at the "
     "start and by epoch; of a model with at most 8 numbers their values, also with every train "
     "line"},
    {"report", NN_OPT_BOOL, AT(log.report), "false", NULL,
     "report.html in the run folder, the page of `nnmpi plot`, drawn anew after epochs by a thread "
     "of rank 0; a browser in which it is open follows the run"},
    NN_OPTION_END,
};

const nn_section nn_sections[] = {
    {"", "A configuration is a map of these sections.", top_options},
    {"init", "Pretrained parameters; layers without them are initialised as usual.", init_options},
    {"train", "How to train.", train_options},
    {"train.warmup", "The first steps of the learning rate.", warmup_options},
    {"train.ema", "The running average of the parameters.", ema_options},
    {"train.trace", "What each rank does when, in some steps.", trace_options},
    {"validate", "Validation and early stopping.", validate_options},
    {"validate.early_stopping", "When to end for lack of improvement.", stopping_options},
    {"checkpoint", "Checkpoints in the run folder.", checkpoint_options},
    {"log", "Other files in the run folder.", log_options},
    {NULL, NULL, NULL},
};

const nn_section *nn_section_find(const char *name) {
    for (const nn_section *section = nn_sections; section->name; section++) {
        if (strcmp(section->name, name) == 0)
            return section;
    }
    return NULL;
}

bool nn_settings_sums_passes(const nn_settings *s) {
    return s->train.reproducible && s->train.accumulate > 1;
}
