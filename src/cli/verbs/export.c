#include "cli/cli.h"
#include "exchange/portable.h"
#include "io/files/file.h"
#include "train/checkpoint/checkpoint_folder.h"

#include <string.h>

typedef struct options {
    const char *checkpoint, *safetensors, *npz, *onnx;
    int names;
} options;

static const nn_option table[] = {
    {"checkpoint", NN_OPT_STRING, offsetof(options, checkpoint), NULL, NULL,
     "trained model: a checkpoint, or a run folder, whose best or else last one is taken"},
    {"safetensors", NN_OPT_STRING, offsetof(options, safetensors), "", NULL,
     "file to write, .safetensors: parameters by the names of a state dict of PyTorch"},
    {"npz", NN_OPT_STRING, offsetof(options, npz), "", NULL,
     "file to write, .npz: the same as arrays of NumPy"},
    {"onnx", NN_OPT_STRING, offsetof(options, onnx), "", NULL,
     "file to write, .onnx: an ONNX graph that computes what predict does, from raw samples"},
    {"names", NN_OPT_CHOICE, offsetof(options, names), "pytorch", "pytorch|gpt2",
     "of parameters in .safetensors and .npz: LAYER.PARAMETER, or those of Hugging Face's "
     "GPT2LMHeadModel, with its matrices [inputs, outputs]"},
    NN_OPTION_END,
};

typedef struct output {
    const char *file, *ending; /* which says to everyone what the file is */
    int (*export)(nn_portable *p, const char *file);
    const char *target; /* the file itself, where the name is a link */
} output;

enum { OUTPUTS = 3 };

/* Before any work: nothing that is read, or written as well, is written over. */
static int check_outputs(nn_pool *pool, const char *checkpoint, output *out) {
    const char *other[1 + OUTPUTS] = {checkpoint};
    for (size_t i = 0; i < OUTPUTS; i++) {
        const char *file = out[i].file, *ending = out[i].ending;
        size_t length = file ? strlen(file) : 0, tail = strlen(ending);
        if (!file)
            continue;
        if (length <= tail || strcmp(file + length - tail, ending) != 0)
            return nn_fail(NN_EUSAGE, "--%s %s: the name of the file should end in %s", ending + 1,
                           file, ending);
        NN_TRY(nn_file_target(pool, file, other, 1 + OUTPUTS, &out[i].target));
        other[1 + i] = out[i].target;
    }
    return 0;
}

static int export_all(nn_portable *p, nn_pool *pool, const options *o) {
    output out[OUTPUTS] = {{o->safetensors, ".safetensors", nn_export_tensors, NULL},
                           {o->npz, ".npz", nn_export_tensors, NULL},
                           {o->onnx, ".onnx", nn_export_onnx, NULL}};
    if (!o->safetensors && !o->npz && !o->onnx)
        return nn_fail(NN_EUSAGE, "say what to write: --safetensors FILE, --npz FILE or "
                                  "--onnx FILE");
    if (o->names == NN_NAMES_GPT2 && !o->safetensors && !o->npz)
        return nn_fail(NN_EUSAGE, "--names is for --safetensors and --npz");
    const char *checkpoint;
    NN_TRY(nn_checkpoint_pick(pool, o->checkpoint, &checkpoint));
    NN_TRY(check_outputs(pool, checkpoint, out));
    NN_TRY(nn_portable_open(p, checkpoint));
    p->names = o->names;
    for (size_t i = 0; i < OUTPUTS; i++)
        if (out[i].file) {
            NN_TRY(out[i].export(p, out[i].target));
            nn_info("wrote %s", out[i].file);
        }
    return 0;
}

static int run(const nn_call *call) {
    nn_portable p = {0};
    int rc = export_all(&p, call->pool, call->options);
    nn_portable_release(&p);
    return rc;
}

static const char *const arguments[] = {"checkpoint", NULL};

const nn_verb nn_verb_export = {
    .entry = {"export", "Writes a trained model in the format of another program.", table,
              sizeof(options)},
    .usage = "CHECKPOINT [options]",
    .example = "nnmpi export run --onnx model.onnx",
    .arguments = arguments,
    .run = run,
};
