#include "cli/cli.h"
#include "exchange/portable.h"

#include <string.h>

typedef struct options {
    const char *checkpoint, *safetensors, *npz, *onnx;
} options;

static const nn_option table[] = {
    {"checkpoint", NN_OPT_STRING, offsetof(options, checkpoint), NULL, NULL,
     "trained model: a checkpoint, or a run folder, whose best or else last one is taken"},
    {"safetensors", NN_OPT_STRING, offsetof(options, safetensors), "", NULL,
     "file to write, .safetensors: parameters by the names of a state dict of PyTorch"},
    {"npz", NN_OPT_STRING, offsetof(options, npz), "", NULL,
     "file to write, .npz: the same as arrays of NumPy"},
    {"onnx", NN_OPT_STRING, offsetof(options, onnx), "", NULL,
     "file to write, .onnx: a graph of ONNX that makes of raw samples what predict does"},
    NN_OPTION_END,
};

/* A file, if it is asked for; its ending says to everyone what it is. */
static int export_file(nn_portable *p, const char *file, const char *ending,
                       int (*export)(nn_portable *p, const char *file), size_t *written) {
    size_t length = file ? strlen(file) : 0, tail = strlen(ending);
    if (!file)
        return 0;
    if (length <= tail || strcmp(file + length - tail, ending) != 0)
        return nn_fail(NN_EUSAGE, "--%s %s: the name of the file should end in %s", ending + 1,
                       file, ending);
    NN_TRY(export(p, file));
    nn_info("wrote %s", file);
    ++*written;
    return 0;
}

static int export_all(nn_portable *p, const options *o) {
    size_t written = 0;
    NN_TRY(nn_portable_open(p, o->checkpoint));
    NN_TRY(export_file(p, o->safetensors, ".safetensors", nn_export_tensors, &written));
    NN_TRY(export_file(p, o->npz, ".npz", nn_export_tensors, &written));
    NN_TRY(export_file(p, o->onnx, ".onnx", nn_export_onnx, &written));
    return written ? 0
                   : nn_fail(NN_EUSAGE, "say what to write: --safetensors FILE, --npz FILE or "
                                        "--onnx FILE");
}

static int run(const nn_call *call) {
    nn_portable p = {0};
    int rc = export_all(&p, call->options);
    nn_portable_release(&p);
    return rc;
}

static const char *const arguments[] = {"checkpoint", NULL};

const nn_verb nn_verb_export = {
    .entry = {"export", "Writes a trained model in a format of other programs.", table,
              sizeof(options)},
    .usage = "CHECKPOINT [options]",
    .arguments = arguments,
    .run = run,
};
