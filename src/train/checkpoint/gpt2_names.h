/* Parameters of a GPT-2 by the names that Hugging Face's GPT2LMHeadModel has for them. */
#ifndef NN_TRAIN_CHECKPOINT_GPT2_NAMES_H
#define NN_TRAIN_CHECKPOINT_GPT2_NAMES_H

#include "nn/layers/layer.h"

/* What stands before all names of its state dict but lm_head.weight; the files of OpenAI's weights
 * leave it out. */
#define NN_GPT2_PREFIX "transformer."

/* Layers of a model with such parameters are called wte, wpe, h_0_ln_1, h_0_attn, h_0_ln_2,
 * h_0_mlp_c_fc, h_0_mlp_c_proj, h_1_ln_1 ..., ln_f and lm_head. */
#define NN_GPT2_LAYERS                                                                             \
    "wte, wpe, h_0_ln_1, h_0_attn, h_0_ln_2, h_0_mlp_c_fc, h_0_mlp_c_proj, h_1_ln_1 ..., ln_f, "   \
    "lm_head"

typedef struct nn_gpt2_name {
    char text[64];   /* of the tensor, without the prefix: "h.0.attn.c_attn.weight" */
    bool whole;      /* it has no prefix anywhere */
    bool transposed; /* the tensor is [inputs, outputs] */
} nn_gpt2_name;

/* Of a parameter; false: a GPT-2 has none that is called so. */
bool nn_gpt2_name_of(const nn_param *param, nn_gpt2_name *name);

#endif
