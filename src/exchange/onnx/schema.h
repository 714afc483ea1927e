/* Numbers of the fields of ONNX's messages (onnx.proto, IR version 8) that nnmpi writes or reads.
 */
#ifndef NN_EXCHANGE_ONNX_SCHEMA_H
#define NN_EXCHANGE_ONNX_SCHEMA_H

#define NN_ONNX_IR 8
#define NN_ONNX_OPSET 17 /* the first with LayerNormalization */

enum { /* ModelProto */
       NN_MODEL_IR = 1,
       NN_MODEL_PRODUCER = 2,
       NN_MODEL_PRODUCER_VERSION = 3,
       NN_MODEL_GRAPH = 7,
       NN_MODEL_OPSET = 8,
       NN_MODEL_METADATA = 14
};
enum { NN_OPSET_DOMAIN = 1, NN_OPSET_VERSION = 2 };
enum { NN_ENTRY_KEY = 1, NN_ENTRY_VALUE = 2 };
enum { /* GraphProto */
       NN_GRAPH_NODE = 1,
       NN_GRAPH_NAME = 2,
       NN_GRAPH_INITIALIZER = 5,
       NN_GRAPH_INPUT = 11,
       NN_GRAPH_OUTPUT = 12,
       NN_GRAPH_SPARSE = 15
};
enum {
    NN_NODE_INPUT = 1,
    NN_NODE_OUTPUT = 2,
    NN_NODE_NAME = 3,
    NN_NODE_OP = 4,
    NN_NODE_ATTRIBUTE = 5,
    NN_NODE_DOMAIN = 7
};
enum { /* AttributeProto */
       NN_ATTRIBUTE_NAME = 1,
       NN_ATTRIBUTE_FLOAT = 2,
       NN_ATTRIBUTE_INT = 3,
       NN_ATTRIBUTE_TEXT = 4,
       NN_ATTRIBUTE_TENSOR = 5,
       NN_ATTRIBUTE_INTS = 8,
       NN_ATTRIBUTE_TEXTS = 9,
       NN_ATTRIBUTE_TYPE = 20
};
enum { /* AttributeProto.AttributeType */
       NN_ATTRIBUTE_IS_FLOAT = 1,
       NN_ATTRIBUTE_IS_INT = 2,
       NN_ATTRIBUTE_IS_TEXT = 3,
       NN_ATTRIBUTE_IS_INTS = 7,
       NN_ATTRIBUTE_IS_TEXTS = 8
};
enum { /* TensorProto */
       NN_TENSOR_DIMS = 1,
       NN_TENSOR_TYPE = 2,
       NN_TENSOR_FLOATS = 4,
       NN_TENSOR_INT32S = 5, /* and shorter ones, and bits of float16 and bfloat16 */
       NN_TENSOR_INT64S = 7,
       NN_TENSOR_NAME = 8,
       NN_TENSOR_RAW = 9,
       NN_TENSOR_DOUBLES = 10,
       NN_TENSOR_UINT64S = 11, /* and uint32 */
       NN_TENSOR_PLACE = 14    /* 1: in another file */
};
enum { /* TensorProto.DataType */
       NN_TENSOR_IS_FLOAT = 1,
       NN_TENSOR_IS_UINT8 = 2,
       NN_TENSOR_IS_INT32 = 6,
       NN_TENSOR_IS_INT64 = 7,
       NN_TENSOR_IS_BOOL = 9,
       NN_TENSOR_IS_FLOAT16 = 10,
       NN_TENSOR_IS_DOUBLE = 11,
       NN_TENSOR_IS_UINT32 = 12,
       NN_TENSOR_IS_UINT64 = 13,
       NN_TENSOR_IS_BFLOAT16 = 16
};
/* ValueInfoProto, TypeProto, TypeProto.Tensor, TensorShapeProto, its Dimension */
enum { NN_VALUE_NAME = 1, NN_VALUE_TYPE = 2 };
enum { NN_TYPE_TENSOR = 1 };
enum { NN_TENSOR_TYPE_ELEMENT = 1, NN_TENSOR_TYPE_SHAPE = 2 };
enum { NN_TENSOR_SHAPE_DIM = 1 };
enum { NN_DIM_VALUE = 1, NN_DIM_NAME = 2 };

#endif
