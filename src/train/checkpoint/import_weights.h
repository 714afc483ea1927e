/* Initial parameters from a file: a checkpoint, or weights that people or other programs wrote. */
#ifndef NN_TRAIN_CHECKPOINT_IMPORT_WEIGHTS_H
#define NN_TRAIN_CHECKPOINT_IMPORT_WEIGHTS_H

#include "base/options/node.h"
#include "nn/model.h"

/* What `init:` asks for. */
typedef struct nn_pretrained {
    const char *from; /* a checkpoint; HDF5 with data sets <layer>/<parameter>; or, by its ending,
                         .safetensors or .npz with tensors <layer>.<parameter>, .yaml or .yml with
                         a map {layer: {parameter: nested lists}} */
    const nn_node
        *layers;     /* names of those to take, all of which must be there; NULL: all there are */
    bool whole;      /* every parameter of the model must be there (not in YAML) */
    bool transposed; /* matrices are [input][output], not PyTorch's [output][input] */
    const nn_node *node; /* place of the section, for messages */
} nn_pretrained;

/* Copies parameters into `params` [nn_model_size]; layers that the file does not have keep theirs.
 * NN_EFORMAT or NN_EUSAGE say what does not fit. Local. */
int nn_pretrained_read(const nn_pretrained *wanted, const nn_model *model, nn_real *params);

#endif
