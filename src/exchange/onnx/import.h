/* From ONNX to a model. */
#ifndef NN_EXCHANGE_ONNX_IMPORT_H
#define NN_EXCHANGE_ONNX_IMPORT_H

#include "exchange/onnx/file.h"
#include "exchange/onnx/graph.h"

/* The constant "<layer>.<name>", which has to have so many elements. NN_EFORMAT. */
int nn_onnx_find_constant(const nn_file_tensors *constants, const char *layer, const char *name,
                          size_t count, const nn_file_tensor **out);
/* Parameter `p` of a recurrent layer, which is the operator `op`, in PyTorch's order of gates. */
int nn_onnx_take_gates(const nn_layer *layer, const char *op, size_t p,
                       const nn_file_tensors *constants, float *out);

/* `count` numbers of one direction, from ONNX's order of gates to PyTorch's. */
void nn_onnx_gates_back(const char *op, size_t count, const float *onnx, float *torch);

/* A model that nnmpi did not write: the layers that its operators stand for. NN_EUSAGE names all
 * nodes that stand for none. */
int nn_onnx_convert(nn_portable *p, nn_onnx_file *file);

#endif
