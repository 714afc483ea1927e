/* double: yes */
/* Every layer of the table against central differences, in double precision: the derivative of a
 * random linear functional of the output by every parameter. A dense layer in front of the one
 * under test turns a wrong dx into a wrong parameter gradient. A row without a case fails the test,
 * as does an option without cases of it off and on: every choice, or two values of what is no
 * choice. */
#include "base/numbers/rng.h"
#include "check.h"
#include "io/yaml/yaml.h"
#include "nn/model.h"

#include <math.h>
#include <string.h>

#define BATCH 3
#define STEP 1e-6

/* A shape, and what is special about the numbers. */
struct gradient_input {
    int rank;
    int64_t dim[NN_MAX_RANK];
    bool lengths;       /* sequences of different lengths, one empty */
    int64_t vocabulary; /* indices below this */
};

struct gradient_case {
    const char *row, *yaml;
    struct gradient_input input;
};

/* clang-format off */
#define VECTOR(n) {.rank = 1, .dim = {n}}
#define MATRIX(m, n) {.rank = 2, .dim = {m, n}}
#define SEQUENCES(t, n) {.rank = 2, .dim = {t, n}, .lengths = true}
/* the last state, all states, and both with lengths; a dense layer before it checks dx */
#define RECURRENT(row, options) \
    {row, "[dense: {units: 3}, " row ": {units: 3, " options "}, dense: {units: 2}]", MATRIX(4, 2)}, \
    {row, "[dense: {units: 3}, " row ": {units: 3, return: all, " options "}]", MATRIX(4, 2)}, \
    {row, "[dense: {units: 3}, " row ": {units: 3, " options "}]", SEQUENCES(4, 2)}, \
    {row, "[dense: {units: 3}, " row ": {units: 3, return: all, " options "}]", SEQUENCES(4, 2)}
#define RECURRENT_ALL(row, options) \
    RECURRENT(row, options "layers: 1"), \
    RECURRENT(row, options "layers: 2"), \
    RECURRENT(row, options "bidirectional: true"), \
    RECURRENT(row, options "layers: 3, bidirectional: true"), \
    RECURRENT(row, options "layers: 2, bidirectional: true, dropout: 0.4, bias: false")
#define IMAGE(h, w, c) {.rank = 3, .dim = {c, h, w}}
#define CONV(options, h, w) {"conv2d", "[conv2d: {filters: 4, kernel: 1}, conv2d: " options ", conv2d: {filters: 2, kernel: 1}]", IMAGE(h, w, 2)}
#define TRANSPOSE(options, h, w) {"conv_transpose2d", "[conv2d: {filters: 4, kernel: 1}, conv_transpose2d: " options ", conv2d: {filters: 2, kernel: 1}]", IMAGE(h, w, 2)}
#define VOLUME(d, h, w, c) {.rank = 4, .dim = {c, d, h, w}}
#define CONV1D(options, t) {"conv1d", "[conv1d: {filters: 4, kernel: 1}, conv1d: " options ", dense: {units: 2}]", MATRIX(t, 2)}
#define CONV3D(options, d, h, w) {"conv3d", "[conv3d: {filters: 4, kernel: 1}, conv3d: " options ", conv3d: {filters: 2, kernel: 1}]", VOLUME(d, h, w, 2)}
#define STEPS(row, options, t) {row, "[dense: {units: 4}, " row ": " options ", dense: {units: 2}]", MATRIX(t, 2)}
#define SOLID(row, options, d, h, w) {row, "[conv3d: {filters: 4, kernel: 1}, " row ": " options ", conv3d: {filters: 2, kernel: 1}]", VOLUME(d, h, w, 2)}
#define POOL(row, options, h, w) {row, "[conv2d: {filters: 3, kernel: 1}, " row ": " options ", dense: {units: 2}]", IMAGE(h, w, 2)}
#define ELEMENTWISE(row, options) {row, "[dense: {units: 5}, " row ": " options ", dense: {units: 2}]", VECTOR(4)}

static const struct gradient_case cases[] = {
    {"attention", "[dense: {units: 6}, attention: {heads: 2}, dense: {units: 2}]", MATRIX(4, 2)},
    {"attention", "[dense: {units: 6}, attention: {heads: 2, bias: false, causal: true}]", SEQUENCES(4, 2)},
    {"attention", "[dense: {units: 8}, attention: {heads: 4, kv_heads: 2, causal: true, dropout: 0.3, rotary_base: 100}, dense: {units: 2}]", SEQUENCES(4, 2)},
    {"attention", "[dense: {units: 4}, attention: {heads: 2, kv_heads: 1, rotary_base: 10, dropout: 0.2}]", MATRIX(5, 3)},
    {"attention", "[dense: {units: 3}, attention: {heads: 1}]", SEQUENCES(130, 2)},
    {"attention", "[dense: {units: 3}, attention: {heads: 1, causal: true}]", MATRIX(70, 2)},
    /* keys and values of a second input: of as many features, of others, of another length */
    {"attention", "[dense: {units: 4, name: a}, dense: {units: 4, name: b, inputs: input}, attention: {heads: 2, inputs: [a, b]}]", SEQUENCES(3, 2)},
    {"attention", "[dense: {units: 4, name: a}, dense: {units: 3, name: b}, attention: {heads: 2, kv_heads: 1, inputs: [a, b], rotary_base: 50}]", SEQUENCES(3, 2)},
    {"attention", "[dense: {units: 4, name: a}, dense: {units: 3}, reshape: {shape: [6, 2], name: b}, attention: {heads: 2, inputs: [a, b], causal: true}]", MATRIX(4, 2)},
    {"attention", "[dense: {units: 4, name: a}, attention: {heads: 2, inputs: [a, a]}, dense: {units: 2}]", MATRIX(3, 2)},
    {"batch_norm", "[dense: {units: 5}, batch_norm: {}, tanh: {}, dense: {units: 2}]", VECTOR(4)},
    {"batch_norm", "[batch_norm: {eps: 0.1}]", VECTOR(4)},
    {"batch_norm", "[dense: {units: 5}, batch_norm: {momentum: 1, affine: false}, dense: {units: 2}]", VECTOR(4)},
    {"batch_norm", "[dense: {units: 5}, batch_norm: {frozen: true}, tanh, dense: {units: 2}]", VECTOR(4)},
    {"batch_norm", "[dense: {units: 5}, batch_norm: {frozen: true, affine: false}, dense: {units: 2}]", IMAGE(2, 3, 2)},
    {"batch_norm", "[dense: {units: 3}, batch_norm: {affine: false}, dense: {units: 2}]", {.rank = 3, .dim = {2, 3, 2}}},
    {"concat", "[dense: {units: 4, name: a}, dense: {units: 3, name: b}, concat: {inputs: [a, b, input]}, dense: {units: 2}]", VECTOR(4)},
    {"concat", "[dense: {units: 4, name: a}, dense: {units: 4, name: b, inputs: input}, concat: {inputs: [a, b], axis: 2}]", {.rank = 3, .dim = {2, 3, 2}}},
    {"concat", "[dense: {units: 4, name: a}, dense: {units: 4, name: b, inputs: input}, concat: {inputs: [b, a], axis: -1}, dense: {units: 2}]", {.rank = 3, .dim = {2, 3, 2}}},
    {"concat", "[dense: {units: 4, name: a}, dense: {units: 4, name: b}, concat: {inputs: [a, b], axis: 1}]", {.rank = 2, .dim = {3, 2}}},
    {"dense", "[dense: {units: 3}]", VECTOR(4)},
    {"dense", "[dense: {units: 5, bias: false}, dense: {units: 2}]", VECTOR(4)},
    {"dense", "[dense: {units: 5}, dense: {units: 2}]", {.rank = 2, .dim = {3, 4}}},
    /* on the columns of images, in memory not the innermost */
    {"dense", "[dense: {units: 5}, dense: {units: 2}]", IMAGE(3, 4, 2)},
    {"dense", "[dense: {units: 5, activation: tanh}, dense: {units: 2, activation: sigmoid}]", VECTOR(4)},
    CONV("{filters: 3, kernel: 3}", 5, 6),
    CONV("{filters: 5, kernel: [2, 3], bias: false}", 5, 4),
    CONV("{filters: 3, kernel: 3, padding: 1}", 4, 5),
    CONV("{filters: 3, kernel: 3, padding: same, activation: tanh}", 4, 5),
    CONV("{filters: 3, kernel: [4, 2], padding: same, dilation: [1, 2]}", 5, 4),
    CONV("{filters: 3, kernel: 3, stride: 2}", 6, 8),
    CONV("{filters: 3, kernel: 3, stride: [3, 2], padding: [2, 1]}", 5, 6),
    CONV("{filters: 3, kernel: [3, 2], dilation: [2, 3]}", 6, 7),
    CONV("{filters: 6, kernel: 3, groups: 2, padding: 1}", 4, 5),
    CONV("{filters: 4, kernel: 3, groups: 4, stride: 2, padding: 1}", 5, 4),
    CONV("{filters: 8, kernel: 2, groups: 4, dilation: 2}", 5, 4),
    CONV("{filters: 3, kernel: 1, stride: 2}", 6, 5),
    CONV("{filters: 3, kernel: 2, padding: 3}", 2, 3),
    {"conv2d", "[conv2d: {filters: 9, kernel: 3, padding: 1}, conv2d: {filters: 33, kernel: 2}, dense: {units: 1}]", {.rank = 2, .dim = {3, 4}}},
    {"conv2d", "[conv2d: {filters: 3, kernel: 3, padding: 1}, dense: {units: 1}]", {.rank = 2, .dim = {5, 8}}},
    {"conv2d", "[conv2d: {filters: 11, kernel: 5, stride: [2, 1], dilation: [2, 1]}, dense: {units: 1}]", {.rank = 2, .dim = {12, 8}}},
    CONV1D("{filters: 3, kernel: 3}", 7),
    CONV1D("{filters: 5, kernel: 2, bias: false, padding: 2, stride: 3}", 8),
    CONV1D("{filters: 4, kernel: 4, dilation: 2, groups: 2, padding: same}", 6),
    CONV1D("{filters: 4, kernel: 3, groups: 4, padding: causal, stride: 2}", 7),
    {"conv1d", "[dense: {units: 3}, conv1d: {filters: 3, kernel: 3, dilation: 2, padding: causal}, rnn: {units: 2}]", SEQUENCES(6, 2)},
    {"conv1d", "[conv1d: {filters: 3, kernel: 3}, dense: {units: 1}]", VECTOR(6)},
    {"conv1d", "[dense: {units: 3}, conv1d: {filters: 2, kernel: 3, frozen: true}]", MATRIX(5, 2)},
    CONV3D("{filters: 3, kernel: 3, padding: 1}", 3, 4, 2),
    CONV3D("{filters: 5, kernel: [2, 3, 1], bias: false, stride: [1, 2, 3]}", 3, 6, 4),
    CONV3D("{filters: 4, kernel: [3, 2, 2], dilation: [2, 1, 2], groups: 2, padding: [2, 1, 0]}", 4, 2, 5),
    CONV3D("{filters: 3, kernel: [2, 3, 2], padding: same, dilation: [3, 1, 1]}", 3, 2, 3),
    CONV3D("{filters: 4, kernel: 3, groups: 4, stride: 2, padding: 1}", 4, 3, 3),
    CONV3D("{filters: 3, kernel: [3, 1, 1], padding: [4, 0, 0], stride: [2, 1, 1]}", 2, 2, 3),
    CONV3D("{filters: 2, kernel: 2, padding: 2}", 1, 2, 2),
    {"conv3d", "[conv3d: {filters: 9, kernel: 2, frozen: true}, conv3d: {filters: 17, kernel: [2, 1, 1]}, dense: {units: 1}]", VOLUME(3, 2, 2, 1)},
    STEPS("max_pool1d", "{size: 2}", 6),
    STEPS("max_pool1d", "{size: 3, stride: 2, padding: 1, ceil_mode: true}", 6),
    {"max_pool1d", "[dense: {units: 6}, max_pool1d: {size: 2}, dense: {units: 2}]", VECTOR(3)},
    STEPS("avg_pool1d", "{size: 2}", 6),
    STEPS("avg_pool1d", "{size: 3, stride: 2, padding: 1, ceil_mode: true, count_include_pad: false}", 6),
    SOLID("max_pool3d", "{size: 2}", 2, 4, 3),
    SOLID("max_pool3d", "{size: [2, 3, 1], stride: [1, 2, 2], padding: [1, 1, 0], ceil_mode: true}", 3, 4, 4),
    SOLID("avg_pool3d", "{size: 2}", 2, 4, 3),
    SOLID("avg_pool3d", "{size: [2, 3, 1], stride: [1, 2, 2], padding: [1, 1, 0], ceil_mode: true, count_include_pad: false}", 3, 4, 4),
    {"global_avg_pool", "[conv3d: {filters: 3, kernel: 1}, global_avg_pool, dense: {units: 2}]", VOLUME(2, 3, 2, 2)},
    {"flatten", "[conv3d: {filters: 3, kernel: 1}, flatten, reshape: {shape: [2, 3, -1, 1]}, conv3d: {filters: 2, kernel: 1}]", VOLUME(2, 1, 3, 2)},
    {"batch_norm", "[conv3d: {filters: 3, kernel: 1}, batch_norm, tanh, layer_norm: {dims: 4}]", VOLUME(2, 2, 2, 2)},
    {"group_norm", "[conv3d: {filters: 4, kernel: 1}, group_norm: {groups: 2}, prelu, concat: {inputs: [prelu1, input]}]", VOLUME(2, 1, 3, 2)},
    {"mean", "[conv3d: {filters: 3, kernel: 1}, slice: {axis: 3, begin: 1}, mean: {axis: 2}, tanh]", VOLUME(2, 3, 2, 2)},
    STEPS("upsample1d", "{scale: 2}", 3),
    STEPS("upsample1d", "{scale: 3, mode: linear}", 3),
    SOLID("upsample3d", "{scale: 2}", 1, 2, 2),
    SOLID("upsample3d", "{scale: [2, 1, 3], mode: trilinear}", 2, 2, 2),
    STEPS("conv_transpose1d", "{filters: 3, kernel: 3}", 4),
    STEPS("conv_transpose1d", "{filters: 2, kernel: 4, stride: 3, padding: 2, output_padding: 2, groups: 2, bias: false}", 4),
    STEPS("conv_transpose1d", "{filters: 2, kernel: 3, dilation: 2, frozen: true}", 4),
    SOLID("conv_transpose3d", "{filters: 3, kernel: 2, stride: 2}", 2, 2, 1),
    SOLID("conv_transpose3d", "{filters: 4, kernel: [3, 1, 2], stride: [2, 1, 3], padding: [1, 0, 1], output_padding: [1, 0, 2], groups: 2, bias: false}", 2, 2, 2),
    SOLID("conv_transpose3d", "{filters: 2, kernel: 2, dilation: [2, 1, 1], frozen: true}", 2, 1, 2),
    POOL("max_pool", "{size: 2}", 4, 6),
    POOL("max_pool", "{size: 2}", 5, 5),
    POOL("max_pool", "{size: 3, stride: 2, padding: 1}", 6, 5),
    POOL("max_pool", "{size: [2, 3], stride: [1, 2], ceil_mode: true}", 4, 6),
    POOL("max_pool", "{size: 2, stride: 3}", 5, 6),
    {"max_pool", "[conv2d: {filters: 17, kernel: 1}, max_pool: {size: 2}, dense: {units: 1}]", IMAGE(2, 4, 2)},
    POOL("avg_pool", "{size: 2}", 4, 6),
    POOL("avg_pool", "{size: 3, stride: 2, padding: 1}", 6, 5),
    POOL("avg_pool", "{size: [3, 2], stride: 2, padding: 1, ceil_mode: true, count_include_pad: false}", 5, 4),
    POOL("avg_pool", "{size: [3, 2], stride: 2, padding: 1, ceil_mode: true}", 4, 6),
    POOL("global_avg_pool", "{}", 3, 4),
    {"flatten", "[dense: {units: 3}, flatten: {}, dense: {units: 2}]", IMAGE(2, 3, 2)},
    {"reshape", "[dense: {units: 6}, reshape: {shape: [2, 3]}, dense: {units: 2}]", VECTOR(4)},
    {"reshape", "[dense: {units: 12}, reshape: {shape: [3, -1, 2]}, dense: {units: 2}]", VECTOR(4)},
    {"reshape", "[conv2d: {filters: 3, kernel: 1}, reshape: {shape: [2, 3, 3]}, dense: {units: 2}]", IMAGE(2, 3, 2)},
    {"reshape", "[conv2d: {filters: 3, kernel: 1}, reshape: {shape: [3, 6]}, dense: {units: 2}]", IMAGE(2, 3, 2)},
    {"flatten", "[dense: {units: 5}, flatten: {}, dense: {units: 2}]", {.rank = 2, .dim = {3, 4}}},
    {"flatten", "[flatten: {}, dense: {units: 2}]", {.rank = 3, .dim = {2, 3, 2}}},
    {"dropout", "[dense: {units: 5}, dropout: {rate: 0.4}, dense: {units: 2}]", VECTOR(4)},
    {"dropout", "[dense: {units: 5}, dropout: {rate: 0}, dense: {units: 2}]", VECTOR(4)},
    {"dropout", "[dense: {units: 5}, dropout: {rate: 0.4, scale: evaluation}, dense: {units: 2}]", VECTOR(4)},
    {"graph_conv", "[graph_conv: {units: 4, edges: [[0, 1], [3, 2], [1, 2], [2, 1]], activation: tanh}, graph_conv: {units: 2, bias: false}, flatten]", {.rank = 2, .dim = {5, 3}}},
    {"graph_conv", "[graph_conv: {units: 3, edges: []}, flatten, dense: {units: 2}]", {.rank = 2, .dim = {2, 3}}},
    {"dropconnect", "[dense: {units: 5}, dropconnect: {units: 6, rate: 0.3}, tanh, dropconnect: {units: 2, bias: false}]", VECTOR(4)},
    {"dropconnect", "[dropconnect: {units: 3}, dense: {units: 2}]", {.rank = 2, .dim = {3, 4}}},
    {"dropconnect", "[dense: {units: 5}, dropconnect: {units: 6, rate: 0.3, mask: step}, tanh, dropconnect: {units: 2, mask: step}]", VECTOR(4)},
    {"layer_norm", "[dense: {units: 5}, layer_norm: {}, tanh, dense: {units: 2}]", VECTOR(4)},
    {"layer_norm", "[dense: {units: 20}, layer_norm: {affine: false}, dense: {units: 2}]", VECTOR(4)},
    {"layer_norm", "[dense: {units: 3}, layer_norm: {eps: 0.1}, dense: {units: 2}]", {.rank = 3, .dim = {2, 3, 2}}},
    {"layer_norm", "[dense: {units: 3}, layer_norm: {dims: 3}, dense: {units: 2}]", {.rank = 3, .dim = {2, 3, 2}}},
    {"layer_norm", "[dense: {units: 3}, layer_norm: {dims: 2}, dense: {units: 2}]", {.rank = 2, .dim = {3, 2}}},
    {"rms_norm", "[dense: {units: 5}, rms_norm: {}, tanh, dense: {units: 2}]", VECTOR(4)},
    {"rms_norm", "[dense: {units: 20}, rms_norm: {affine: false, eps: 0.1}, dense: {units: 2}]", VECTOR(4)},
    {"rms_norm", "[dense: {units: 3}, rms_norm: {dims: 2}, dense: {units: 2}]", MATRIX(3, 2)},
    {"rms_norm", "[dense: {units: 3}, rms_norm: {dims: 3}, dense: {units: 2}]", IMAGE(2, 4, 3)},
    {"rms_norm", "[dense: {units: 5}, rms_norm: {frozen: true}, dense: {units: 2}]", VECTOR(4)},
    {"group_norm", "[dense: {units: 6}, group_norm: {groups: 2}, tanh, dense: {units: 2}]", VECTOR(4)},
    {"group_norm", "[dense: {units: 6}, group_norm: {groups: 1, affine: false, eps: 0.1}, dense: {units: 2}]", VECTOR(4)},
    {"group_norm", "[conv2d: {filters: 6, kernel: 1}, group_norm: {groups: 3}, conv2d: {filters: 2, kernel: 1}]", IMAGE(3, 2, 2)},
    {"group_norm", "[conv2d: {filters: 4, kernel: 1}, group_norm: {groups: 4, affine: false}, tanh, conv2d: {filters: 2, kernel: 1}]", IMAGE(3, 2, 2)},
    {"group_norm", "[conv2d: {filters: 4, kernel: 1}, group_norm: {groups: 2, frozen: true}, conv2d: {filters: 2, kernel: 1}]", IMAGE(3, 2, 2)},
    {"positions", "[dense: {units: 3}, positions: {}, tanh, dense: {units: 2}]", MATRIX(4, 2)},
    {"positions", "[dense: {units: 3}, positions: {context: 6}, tanh, dense: {units: 2}]", MATRIX(4, 2)},
    {"positions", "[dense: {units: 3}, positions: {kind: sinusoidal}, tanh, dense: {units: 2}]", MATRIX(4, 2)},
    {"positions", "[dense: {units: 3}, positions: {frozen: true}, tanh]", MATRIX(4, 2)},
    {"transpose", "[dense: {units: 3}, transpose: {}, dense: {units: 2}]", MATRIX(4, 2)},
    {"transpose", "[conv2d: {filters: 2, kernel: 1}, transpose: {dim0: 1, dim1: 3}, dense: {units: 2}]", IMAGE(3, 4, 2)},
    {"transpose", "[conv2d: {filters: 2, kernel: 1}, transpose: {dim0: -1, dim1: 2}, dense: {units: 2}]", IMAGE(3, 4, 2)},
    {"slice", "[dense: {units: 5}, slice: {}, dense: {units: 2}]", VECTOR(4)},
    {"slice", "[dense: {units: 3}, slice: {axis: 1, begin: -1}, tanh]", MATRIX(4, 2)},
    {"slice", "[dense: {units: 5}, slice: {axis: -1, begin: 1, end: -2}, tanh]", MATRIX(3, 2)},
    {"slice", "[conv2d: {filters: 4, kernel: 1}, slice: {begin: 1, end: 3}, conv2d: {filters: 2, kernel: 1}]", IMAGE(3, 4, 2)},
    {"slice", "[conv2d: {filters: 2, kernel: 1}, slice: {axis: 2, end: 2}, slice: {axis: 3, begin: 1}, tanh]", IMAGE(3, 4, 2)},
    {"mean", "[dense: {units: 3}, mean: {}, dense: {units: 2}]", MATRIX(4, 2)},
    {"mean", "[dense: {units: 3}, mean: {}, tanh]", SEQUENCES(4, 2)},
    {"mean", "[dense: {units: 3}, mean: {axis: -1}, dense: {units: 2}]", MATRIX(4, 2)},
    {"mean", "[dense: {units: 3}, mean: {axis: 1}, dense: {units: 2}]", VECTOR(4)},
    {"mean", "[conv2d: {filters: 3, kernel: 1}, mean: {axis: 2}, tanh]", IMAGE(2, 4, 2)},
    {"pad", "[conv2d: {filters: 2, kernel: 1}, pad: {padding: 1}, tanh, conv2d: {filters: 2, kernel: 1}]", IMAGE(3, 2, 2)},
    {"pad", "[conv2d: {filters: 2, kernel: 1}, pad: {padding: [2, 1], mode: reflect}, tanh, conv2d: {filters: 2, kernel: 1}]", IMAGE(3, 4, 2)},
    {"pad", "[dense: {units: 3}, pad: {padding: [2, 3], mode: edge}, tanh]", MATRIX(2, 2)},
    {"glu", "[dense: {units: 6}, glu: {}, dense: {units: 2}]", VECTOR(4)},
    {"glu", "[dense: {units: 6, activation: {glu: {gate: swish}}}, dense: {units: 2}]", MATRIX(3, 2)},
    {"glu", "[dense: {units: 6}, glu: {gate: gelu}, tanh]", IMAGE(2, 4, 3)},
    {"glu", "[dense: {units: 520}, glu: {gate: swish}]", VECTOR(1)},
    {"upsample", "[conv2d: {filters: 2, kernel: 1}, upsample: {scale: 2}, tanh, conv2d: {filters: 2, kernel: 1}]", IMAGE(3, 2, 2)},
    {"upsample", "[conv2d: {filters: 2, kernel: 1}, upsample: {scale: [2, 3], mode: bilinear}, tanh]", IMAGE(3, 2, 2)},
    {"upsample", "[dense: {units: 3}, upsample: {scale: [1, 4], mode: bilinear}, tanh]", MATRIX(2, 2)},
    TRANSPOSE("{filters: 3, kernel: 3}", 3, 4),
    TRANSPOSE("{filters: 3, kernel: 2, stride: 2, bias: false}", 3, 2),
    TRANSPOSE("{filters: 4, kernel: [3, 4], stride: [2, 3], padding: [1, 2], output_padding: [1, 0], groups: 2}", 3, 2),
    TRANSPOSE("{filters: 2, kernel: 3, dilation: [1, 2], padding: 1, output_padding: [0, 1]}", 2, 3),
    {"conv_transpose2d", "[conv_transpose2d: {filters: 2, kernel: 2}, tanh, conv_transpose2d: {filters: 1, kernel: 3, padding: 1}]", MATRIX(3, 2)},
    {"conv_transpose2d", "[conv2d: {filters: 2, kernel: 1}, conv_transpose2d: {filters: 3, kernel: 2, frozen: true}]", IMAGE(2, 3, 2)},
    {"multiply", "[dense: {units: 4, name: a}, dense: {units: 4, name: b, activation: sigmoid}, multiply: {inputs: [a, b_sigmoid, input]}, dense: {units: 2}]", VECTOR(4)},
    {"multiply", "[dense: {units: 4, name: a}, multiply: {inputs: [a, a, a]}]", VECTOR(4)},
    {"maxout", "[dense: {units: 6, activation: {maxout: {k: 3}}}, dense: {units: 2}]", VECTOR(4)},
    {"maxout", "[dense: {units: 6}, maxout, dense: {units: 2}]", VECTOR(4)},
    {"prelu", "[dense: {units: 5, activation: prelu}, dense: {units: 2}]", VECTOR(4)},
    {"prelu", "[dense: {units: 5}, prelu: {gamma: 0.1, shared: true}, dense: {units: 2}]", VECTOR(4)},
    {"prelu", "[prelu: {}]", VECTOR(4)},
    {"softmax", "[dense: {units: 5}, softmax: {}, dense: {units: 2}]", VECTOR(4)},
    {"softmax", "[dense: {units: 5}, softmax: {}, dense: {units: 2}]", IMAGE(2, 4, 3)},
    {"maxout", "[dense: {units: 6}, maxout: {k: 3}, dense: {units: 2}]", IMAGE(2, 3, 2)},
    {"layer_norm", "[dense: {units: 3}, layer_norm: {dims: 2}, dense: {units: 2}]", IMAGE(2, 3, 2)},
    {"layer_norm", "[dense: {units: 3}, layer_norm: {dims: 3}, dense: {units: 2}]", IMAGE(2, 4, 3)},
    {"prelu", "[dense: {units: 5}, prelu, dense: {units: 2}]", IMAGE(2, 4, 3)},
    RECURRENT_ALL("rnn", "nonlinearity: tanh, "),
    RECURRENT_ALL("rnn", "nonlinearity: relu, "),
    RECURRENT_ALL("lstm", ""),
    RECURRENT_ALL("gru", ""),
    {"lstm", "[lstm: {units: 2}, dense: {units: 2}]", MATRIX(1, 5)},
    {"gru", "[gru: {units: 2, return: all}, dense: {units: 2}]", MATRIX(1, 5)},
    /* one dense layer for every step: time-distributed */
    {"lstm", "[lstm: {units: 2, return: all}, dense: {units: 3, activation: tanh}, rnn: {units: 2}]", SEQUENCES(3, 2)},
    {"embedding", "[embedding: {vocabulary: 5, units: 3}, gru: {units: 2}]", {.rank = 1, .dim = {4}, .lengths = true, .vocabulary = 5}},
    {"embedding", "[embedding: {vocabulary: 5, units: 2, padding_idx: 2}, tanh]", {.rank = 2, .dim = {2, 3}, .vocabulary = 5}},
    {"embedding", "[embedding: {vocabulary: 4, units: 3}, conv2d: {filters: 2, kernel: [2, 1]}, dense: {units: 2}]", {.rank = 2, .dim = {3, 2}, .vocabulary = 4}},
    {"embedding", "[embedding: {vocabulary: 4, units: 3}, tanh, dense: {units: 2}]", {.rank = 3, .dim = {2, 2, 3}, .vocabulary = 4}},
    /* one tensor in several layers */
    {"dense", "[dense: {units: 4, name: a, activation: tanh}, dense: {units: 4, tie: a.weight, activation: tanh}, dense: {units: 4, bias: false, tie: [a.weight]}, dense: {units: 2}]", VECTOR(4)},
    {"dense", "[dense: {units: 4, name: a}, tanh, dense: {units: 4, name: b, tie: [a.bias, a.weight]}, tanh, dense: {units: 4, tie: b.weight}]", {.rank = 2, .dim = {3, 4}}},
    {"dense", "[dense: {units: 3}, dense: {units: 3, name: a, frozen: true}, tanh, dense: {units: 3, tie: a.weight, frozen: true}]", VECTOR(4)},
    {"embedding", "[embedding: {vocabulary: 5, units: 3, name: tokens}, dense: {units: 3, activation: tanh}, dense: {units: 5, bias: false, tie: tokens.weight}]", {.rank = 1, .dim = {4}, .vocabulary = 5}},
    {"embedding", "[embedding: {vocabulary: 40, units: 3, name: tokens, padding_idx: 2}, tanh, dense: {units: 40, tie: tokens.weight}, dense: {units: 2}]", {.rank = 1, .dim = {4}, .vocabulary = 40}},
    {"lstm", "[lstm: {units: 3, return: all, name: a}, lstm: {units: 3, tie: [a.weight_ih_l0, a.weight_hh_l0]}]", SEQUENCES(4, 3)},
    {"conv2d", "[conv2d: {filters: 2, kernel: 3, padding: 1, name: a}, tanh, conv2d: {filters: 2, kernel: 3, padding: 1, tie: a.weight}]", IMAGE(4, 5, 2)},
    {"dense", "[dense: {units: 4, name: a}, repeat: {times: 3, layers: [residual: [tanh, dense: {units: 4, tie: a.weight}]]}]", VECTOR(4)},
    /* frozen, they pass gradients on */
    {"attention", "[dense: {units: 4}, attention: {heads: 2, frozen: true}]", SEQUENCES(4, 2)},
    {"dense", "[dense: {units: 5}, dense: {units: 4, frozen: true}, dense: {units: 2}]", VECTOR(4)},
    {"conv2d", "[conv2d: {filters: 2, kernel: 1}, conv2d: {filters: 3, kernel: 3, padding: 1, frozen: true}]", IMAGE(4, 5, 2)},
    {"graph_conv", "[dense: {units: 3}, graph_conv: {units: 2, edges: [[0, 1], [1, 2]], frozen: true}, flatten]", MATRIX(4, 2)},
    {"dropconnect", "[dense: {units: 5}, dropconnect: {units: 4, frozen: true}, dropconnect: {units: 2, mask: step, frozen: true}]", VECTOR(4)},
    {"layer_norm", "[dense: {units: 5}, layer_norm: {frozen: true}, dense: {units: 2}]", VECTOR(4)},
    {"prelu", "[dense: {units: 5}, prelu: {frozen: true}, dense: {units: 2}]", VECTOR(4)},
    {"lstm", "[dense: {units: 3}, lstm: {units: 3, layers: 2, bidirectional: true, return: all, frozen: true}]", SEQUENCES(4, 2)},
    {"residual", "[dense: {units: 4}, residual: [dense: {units: 3, activation: tanh}, dense: {units: 4}], dense: {units: 2}]", VECTOR(3)},
    {"residual", "[residual: {layers: [dense: {units: 3}, tanh], shortcut: [dense: {units: 3}, swish], activation: sigmoid}, dense: {units: 2}]", VECTOR(4)},
    {"residual", "[conv2d: {filters: 2, kernel: 3, padding: 1}, residual: {layers: [conv2d: {filters: 3, kernel: 3, stride: 2, padding: 1, bias: false}, batch_norm, relu, conv2d: {filters: 3, kernel: 3, padding: 1}], shortcut: [conv2d: {filters: 3, kernel: 1, stride: 2}, batch_norm], activation: relu}]", IMAGE(4, 5, 2)},
    {"residual", "[dense: {units: 3, name: a}, tanh: {name: t}, residual: {name: r, inputs: a, layers: [residual: [layer_norm, dense: {units: 3}], tanh]}, add: {inputs: [r, t]}, dense: {units: 2}]", VECTOR(3)},
    {"repeat", "[repeat: {times: 3, name: block, layers: [residual: [dense: {units: 3, name: fc}, tanh]]}, dense: {units: 2}]", VECTOR(3)},
    {"repeat", "[dense: {units: 3}, repeat: {times: 2, layers: [repeat: {times: 2, layers: [dense: {units: 3, activation: tanh}]}, layer_norm]}]", VECTOR(3)},
    ELEMENTWISE("identity", "{}"),
    ELEMENTWISE("sign", "{}"),
    ELEMENTWISE("step", "{}"),
    ELEMENTWISE("sigmoid", "{}"),
    ELEMENTWISE("logistic", "{}"),
    ELEMENTWISE("tanh", "{}"),
    ELEMENTWISE("relu", "{}"),
    ELEMENTWISE("leaky_relu", "{gamma: 0.2}"),
    ELEMENTWISE("leaky_relu", "{gamma: 0}"),
    ELEMENTWISE("elu", "{gamma: 0.7}"),
    ELEMENTWISE("elu", "{}"),
    ELEMENTWISE("softplus", "{}"),
    ELEMENTWISE("swish", "{beta: 1.5}"),
    ELEMENTWISE("gelu", "{}"),
    ELEMENTWISE("gelu_tanh", "{}"),
    ELEMENTWISE("gelu_sigmoid", "{}"),
    /* outputs read twice: the gradients of both readers add up, in place or not */
    {"add", "[dense: {units: 4, name: a}, dense: {units: 4, name: b, activation: relu}, add: {inputs: [a, b_relu]}, dense: {units: 2}]", VECTOR(4)},
    {"add", "[dense: {units: 4, name: a}, tanh: {name: t}, swish: {name: s, inputs: a}, add: {inputs: [a, t, s]}]", VECTOR(4)},
    {"add", "[dense: {units: 4, name: a}, batch_norm, relu, dense: {units: 4}, batch_norm: {name: b}, add: {inputs: [a, b], activation: relu}, dense: {units: 2}]", VECTOR(3)},
    {"add", "[dense: {units: 4, name: a}, add: {inputs: [a, a, input]}]", VECTOR(4)},
};
/* clang-format on */

struct setup {
    nn_pool pool;
    nn_model *model;
    nn_real *params, *grads, *x, *r;
    size_t inputs, outputs;
    nn_pass pass;
};

static const nn_pass whole = {.batch = BATCH,
                              .training = true,
                              .seed = 1,
                              .step = 2,
                              .sample = (const int64_t[BATCH]){10, 20, 30}};
static const int32_t lengths[BATCH] = {2, 3, 0};

static int set_up(struct setup *s, const struct gradient_case *c) {
    nn_node *layers;
    nn_shape input = {.rank = c->input.rank};
    *s = (struct setup){.pass = whole};
    s->pass.length = c->input.lengths ? lengths : NULL;
    NN_TRY(nn_yaml_parse(&s->pool, c->row, c->yaml, strlen(c->yaml), &layers));
    memcpy(input.dim, c->input.dim, sizeof input.dim);
    NN_TRY(nn_model_plan(layers, input, NULL, &s->model));
    nn_shape output = nn_model_output_shape(s->model);
    s->inputs = BATCH * nn_shape_count(&input);
    s->outputs = BATCH * nn_shape_count(&output);
    NN_TRY(NN_NEW(&s->params, nn_model_size(s->model), "parameters"));
    NN_TRY(NN_NEW(&s->grads, nn_model_size(s->model), "gradients"));
    NN_TRY(NN_NEW(&s->x, s->inputs, "x"));
    NN_TRY(NN_NEW(&s->r, s->outputs, "r"));
    NN_TRY(nn_model_init(s->model, 3, s->params));
    nn_rng rng = nn_rng_stream(7, NN_RNG_TEST, 0, 0);
    nn_rng_normal(&rng, 0, s->inputs, s->x);
    for (size_t i = 0; c->input.vocabulary && i < s->inputs; i++)
        s->x[i] = (nn_real)(i * 3 % (size_t)c->input.vocabulary);
    rng = nn_rng_stream(7, NN_RNG_TEST, 1, 0);
    nn_rng_normal(&rng, 0, s->outputs, s->r);
    return nn_model_bind(s->model, s->params, s->grads, BATCH);
}

static void tear_down(struct setup *s) {
    nn_model_free(s->model);
    nn_free(s->params);
    nn_free(s->grads);
    nn_free(s->x);
    nn_free(s->r);
    nn_pool_release(&s->pool);
}

static double functional(struct setup *s) {
    const nn_real *y = nn_model_forward(s->model, &s->pass, s->x);
    double sum = 0;
    for (size_t i = 0; i < s->outputs; i++)
        sum += s->r[i] * y[i];
    return sum;
}

static double numeric(struct setup *s, nn_real *w) {
    nn_real kept = *w;
    *w = kept + STEP;
    double up = functional(s);
    *w = kept - STEP;
    double down = functional(s);
    *w = kept;
    return (up - down) / (2 * STEP);
}

static void back_propagate(struct setup *s) {
    functional(s);
    memcpy(nn_model_output_grad(s->model), s->r, s->outputs * sizeof *s->r);
    nn_model_backward(s->model, &s->pass, NULL, NULL);
}

static void check_gradient(struct setup *s, const struct gradient_case *c) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param);
    back_propagate(s);
    for (size_t p = 0; p < params; p++)
        for (size_t i = 0; i < param[p]->count; i++) {
            size_t at = param[p]->offset + i;
            if (param[p]->role == NN_PARAM_STATE)
                break;                     /* a statistic, no derivative */
            if (param[p]->layer->frozen) { /* that work is left out */
                CHECK(s->grads[at] == 0);
                continue;
            }
            double want = numeric(s, &s->params[at]);
            if (fabs(s->grads[at] - want) > 1e-7 * (1 + fabs(want)))
                fprintf(stderr, "%s: %s/%s[%zu]\n", c->yaml, param[p]->layer->name, param[p]->name,
                        i);
            CHECK_NEAR(s->grads[at], want, 1e-7 * (1 + fabs(want)));
        }
}

/* nn_sum_fn where one rank has all microbatches. */
static void sum_microbatches(void *ctx, size_t n, double *values) {
    const nn_shard_microbatches *micro = ctx;
    for (size_t i = 1; i < micro->count; i++)
        for (size_t k = 0; k < n; k++)
            values[k] += values[i * n + k];
}

/* Cut into microbatches, one of them empty, the same comes out. */
static void check_stream_split(struct setup *s, const struct gradient_case *c) {
    static const size_t row[] = {0, 1, 1, BATCH};
    const nn_span sum = {0, 3};
    nn_shard_microbatches micro = {3, row, 1, &sum, true};
    size_t size = nn_model_size(s->model);
    nn_real *whole_grads = NULL;
    double want = functional(s);
    back_propagate(s);
    CHECK(NN_NEW(&whole_grads, size, "gradients") == 0);
    memcpy(whole_grads, s->grads, size * sizeof *whole_grads);
    nn_model_set_microbatches(s->model, 3, BATCH - 1, size);
    CHECK(nn_model_bind(s->model, s->params, s->grads, BATCH) == 0);
    s->pass.micro = &micro;
    s->pass.sum = sum_microbatches;
    s->pass.sum_ctx = &micro;
    CHECK_NEAR(functional(s), want, 1e-9 * (1 + fabs(want)));
    back_propagate(s);
    for (size_t i = 0; i < size; i++)
        if (!CHECK_NEAR(s->grads[i], whole_grads[i], 1e-9 * (1 + fabs(whole_grads[i]))))
            fprintf(stderr, "%s: element %zu of the gradient, cut into microbatches\n", c->yaml, i);
    nn_free(whole_grads);
}

/* With the results of each layer but the last one computed again, all bits are the same. */
static void check_again(struct setup *s, const struct gradient_case *c) {
    size_t size = nn_model_size(s->model) * sizeof *s->grads;
    nn_real *once = NULL;
    CHECK(NN_NEW(&once, nn_model_size(s->model), "gradients") == 0);
    back_propagate(s);
    memcpy(once, s->grads, size);
    nn_model_set_recompute(s->model, NN_RECOMPUTE_LAYERS);
    CHECK(nn_model_bind(s->model, s->params, s->grads, BATCH) == 0);
    memset(s->grads, 0, size);
    back_propagate(s);
    if (!CHECK(memcmp(once, s->grads, size) == 0))
        fprintf(stderr, "%s: other gradients where layers are computed again\n", c->yaml);
    nn_free(once);
}

/* Large inputs give no NaN. */
static void check_extremes(struct setup *s, const struct gradient_case *c) {
    size_t size = nn_model_size(s->model);
    for (size_t i = 0; !c->input.vocabulary && i < s->inputs; i++)
        s->x[i] = i % 3 ? 1e4 : -1e4;
    back_propagate(s);
    bool finite = isfinite(functional(s));
    for (size_t i = 0; i < size; i++)
        finite = finite && isfinite(s->grads[i]);
    if (!CHECK(finite))
        fprintf(stderr, "%s: NaN or Inf from inputs of 1e4\n", c->yaml);
}

static void check_case(const struct gradient_case *c) {
    struct setup s;
    int rc = set_up(&s, c);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", c->yaml, nn_error_message());
    if (CHECK(rc == 0)) {
        check_gradient(&s, c);
        check_again(&s, c); /* as are those of all that follows */
        check_extremes(&s, c);
        check_stream_split(&s, c);
    }
    tear_down(&s);
}

/* ---- the options that the cases use ---------------------------------------------------------- */

enum { MOST_VALUES = 64, VALUE = 80 };

/* Different values of one option of one row. */
struct values {
    const char *row;
    const nn_option *option;
    size_t count;
    char text[MOST_VALUES][VALUE];
};

static void append_text(const nn_node *node, char text[VALUE]) {
    size_t used = strlen(text);
    if (node->kind == NN_NODE_SCALAR)
        snprintf(text + used, VALUE - used, "%s ", node->text);
    for (size_t i = 0; i < node->count; i++)
        append_text(node->item[i], text);
}

static void note_value(struct values *v, const nn_node *options) {
    const nn_node *given = nn_node_get(options, v->option->key);
    char text[VALUE] = "";
    if (given)
        append_text(given, text);
    else
        snprintf(text, sizeof text, "%s ", v->option->fallback ? v->option->fallback : "");
    size_t i = 0;
    while (i < v->count && strcmp(v->text[i], text) != 0)
        i++;
    if (i == v->count && CHECK(i < MOST_VALUES))
        snprintf(v->text[v->count++], VALUE, "%s", text);
}

/* A layer of a case: `row`, or {row: {options}}, whose activation is a layer too. */
static void look_at(struct values *v, const nn_node *node) {
    const nn_node *options = node->kind == NN_NODE_MAP && node->count ? node->item[0] : NULL;
    const char *name = options ? options->key : node->text;
    if (name && strcmp(name, v->row) == 0)
        note_value(v, options && options->kind == NN_NODE_MAP ? options : NULL);
    const nn_node *activation = options ? nn_node_get(options, "activation") : NULL;
    if (activation)
        look_at(v, activation);
}

static void look_at_cases(struct values *v) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nn_pool pool = {0};
        nn_node *layers;
        CHECK(nn_yaml_parse(&pool, "case", cases[i].yaml, strlen(cases[i].yaml), &layers) == 0);
        for (size_t k = 0; k < layers->count; k++)
            look_at(v, layers->item[k]);
        nn_pool_release(&pool);
    }
}

/* Values that an option has to be seen with. */
static size_t wanted_values(const nn_option *option) {
    size_t choices = 2;
    for (const char *c = option->range; option->type == NN_OPT_CHOICE && c && *c; c++)
        choices += *c == '|';
    return option->type == NN_OPT_CHOICE ? choices - 1 : 2;
}

static void check_options(const nn_entry *row) {
    for (const nn_option *o = row->options; o && o->key; o++) {
        static struct values v;
        v = (struct values){.row = row->name, .option = o};
        look_at_cases(&v);
        if (!CHECK(v.count >= wanted_values(o)))
            fprintf(stderr, "option '%s' of layer '%s' has gradient cases with %zu values of %zu\n",
                    o->key, row->name, v.count, wanted_values(o));
    }
}

static void check_row(const nn_entry *row) {
    bool found = false;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        found = found || strcmp(cases[i].row, row->name) == 0;
    if (!CHECK(found))
        fprintf(stderr, "layer '%s' has no gradient case\n", row->name);
    check_options(row);
}

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
    for (const nn_entry *const *row = nn_layers.rows; *row; row++)
        check_row(*row);
    return check_done();
}
