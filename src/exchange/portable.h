/* A trained model on its way to another format or from one: what a checkpoint holds without the
 * state of its training. */
#ifndef NN_EXCHANGE_PORTABLE_H
#define NN_EXCHANGE_PORTABLE_H

#include "nn/losses/loss.h"
#include "train/checkpoint/snapshot.h"
#include "train/config/settings.h"

typedef struct nn_portable {
    nn_pool pool; /* owns what the traits point to */
    nn_config *config;
    const nn_loss_ops *loss;
    nn_data_traits data;
    nn_model *model;
    nn_real *params; /* [nn_model_size] */
    int names;       /* nn_tensor_names, by which nn_export_tensors calls them */
} nn_portable;

typedef enum nn_tensor_names {
    NN_NAMES_PYTORCH, /* <layer>.<parameter>, in PyTorch's layouts */
    NN_NAMES_GPT2 /* as Hugging Face's GPT2LMHeadModel has them (train/checkpoint/gpt2_names.h) */
} nn_tensor_names;

/* The model of a checkpoint, or of a run folder's best or else last one. Released also after a
 * failure. Local. */
int nn_portable_open(nn_portable *p, const char *checkpoint);
/* For readers of other formats: the model that the text of a configuration describes for the traits
 * that are set, without memory for parameters. `file` is where it stands, in messages. */
int nn_portable_build(nn_portable *p, const char *file, const char *config);
/* Memory for the parameters, of a file that has so many numbers: NN_EFORMAT where that is fewer,
 * since a file may say that its model is larger than any machine. */
int nn_portable_allocate(nn_portable *p, const char *file, size_t numbers);
/* As a checkpoint, of a training that has not begun. NN_EIO. Local. */
int nn_portable_save(const nn_portable *p, const char *checkpoint);
void nn_portable_release(nn_portable *p);

/* ---- formats: written durably, each file says of itself what nnmpi has to know ----------------
 */

/* A file of tensors, .safetensors or .npz (io/tensors/tensors.h). NN_EUSAGE where the model does
 * not have the layers that p->names are for; NN_EIO. Local. */
int nn_export_tensors(nn_portable *p, const char *file);
/* Reads what nn_export_tensors wrote; *none, and nothing else is done, where the file says nothing
 * of a model of nnmpi. NN_EFORMAT. Local. */
int nn_import_tensors(nn_portable *p, const char *file, bool *none);

/* ONNX, operator set 17: raw samples [N, ...] as floats go in, what predict writes comes out.
 * NN_EUSAGE names all layers that it has nothing for, NN_EIO. Local. */
int nn_export_onnx(nn_portable *p, const char *file);
/* Reads what nn_export_onnx wrote, or a graph of other programs whose operators stand for layers:
 * NN_EUSAGE names all nodes that do not. NN_EFORMAT. Local. */
int nn_import_onnx(nn_portable *p, const char *file);

#endif
