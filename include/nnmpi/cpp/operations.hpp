/* Functions of tensors: a part of <nnmpi/nnmpi.hpp>. Each is nn_tensor_<name>, of which
 * <nnmpi/tensor.h> says what it computes. They are found without `nnmpi::` where an operand is a
 * Tensor: tanh(linear(x, w, b)). All is Local. */
#ifndef NNMPI_CPP_OPERATIONS_HPP
#define NNMPI_CPP_OPERATIONS_HPP

#include <nnmpi/cpp/tensor.hpp>

namespace nnmpi {

/* ---- elementwise ----------------------------------------------------------------------------- */

inline Tensor maximum(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_maximum, a.get(), b.get());
}
inline Tensor minimum(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_minimum, a.get(), b.get());
}
inline Tensor greater(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_greater, a.get(), b.get());
}
inline Tensor equal(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_equal, a.get(), b.get());
}
inline Tensor where(const Tensor &c, const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_where, c.get(), a.get(), b.get());
}
inline Tensor pow(const Tensor &x, double exponent) {
    return Tensor::made(nn_tensor_power, x.get(), exponent);
}
inline Tensor exp(const Tensor &x) {
    return Tensor::made(nn_tensor_exp, x.get());
}
inline Tensor log(const Tensor &x) {
    return Tensor::made(nn_tensor_log, x.get());
}
inline Tensor sqrt(const Tensor &x) {
    return Tensor::made(nn_tensor_sqrt, x.get());
}
inline Tensor abs(const Tensor &x) {
    return Tensor::made(nn_tensor_abs, x.get());
}
inline Tensor relu(const Tensor &x) {
    return Tensor::made(nn_tensor_relu, x.get());
}
inline Tensor sigmoid(const Tensor &x) {
    return Tensor::made(nn_tensor_sigmoid, x.get());
}
inline Tensor tanh(const Tensor &x) {
    return Tensor::made(nn_tensor_tanh, x.get());
}
inline Tensor softplus(const Tensor &x) {
    return Tensor::made(nn_tensor_softplus, x.get());
}
inline Tensor gelu(const Tensor &x) {
    return Tensor::made(nn_tensor_gelu, x.get());
}
inline Tensor dropout(const Tensor &x, double rate, std::uint64_t seed, std::uint64_t step) {
    return Tensor::made(nn_tensor_dropout, x.get(), rate, seed, step);
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* Over these axes, all where there are none; `keep`: they stay, with length 1. */
inline Tensor sum(const Tensor &x, const std::vector<int> &axes = {}, bool keep = false) {
    return Tensor::made(nn_tensor_sum, x.get(), static_cast<int>(axes.size()), axes.data(), keep);
}
inline Tensor mean(const Tensor &x, const std::vector<int> &axes = {}, bool keep = false) {
    return Tensor::made(nn_tensor_mean, x.get(), static_cast<int>(axes.size()), axes.data(), keep);
}
inline Tensor max(const Tensor &x, const std::vector<int> &axes = {}, bool keep = false) {
    return Tensor::made(nn_tensor_max, x.get(), static_cast<int>(axes.size()), axes.data(), keep);
}
inline Tensor softmax(const Tensor &x, int axis) {
    return Tensor::made(nn_tensor_softmax, x.get(), axis);
}
inline Tensor log_softmax(const Tensor &x, int axis) {
    return Tensor::made(nn_tensor_log_softmax, x.get(), axis);
}

/* ---- products -------------------------------------------------------------------------------- */

inline Tensor matmul(const Tensor &a, const Tensor &b, bool transpose_a = false,
                     bool transpose_b = false) {
    return Tensor::made(nn_tensor_matmul, a.get(), b.get(), transpose_a, transpose_b);
}
/* x W^T + b, without b where there is none */
inline Tensor linear(const Tensor &x, const Tensor &w, const Tensor &b = {}) {
    return Tensor::made(nn_tensor_linear, x.get(), w.get(), b.get_or_null());
}
/* Windows of images, with the defaults of PyTorch. */
struct Window : nn_window {
    Window(std::int64_t rows, std::int64_t columns, std::int64_t stride_ = 1,
           std::int64_t padding_ = 0)
        : nn_window{sizeof(nn_window),
                    {rows, columns},
                    {stride_, stride_},
                    {padding_, padding_},
                    {1, 1},
                    1,
                    {0, 0}} {}
};
inline Tensor conv2d(const Tensor &x, const Tensor &w, const Tensor &b, const nn_window &window) {
    return Tensor::made(nn_tensor_conv2d, x.get(), w.get(), b.get_or_null(), &window);
}
inline Tensor conv_transpose2d(const Tensor &x, const Tensor &w, const Tensor &b,
                               const nn_window &window) {
    return Tensor::made(nn_tensor_conv_transpose2d, x.get(), w.get(), b.get_or_null(), &window);
}
inline Tensor max_pool2d(const Tensor &x, const nn_window &window) {
    return Tensor::made(nn_tensor_max_pool2d, x.get(), &window);
}
inline Tensor avg_pool2d(const Tensor &x, const nn_window &window) {
    return Tensor::made(nn_tensor_avg_pool2d, x.get(), &window);
}

/* ---- shapes and places ----------------------------------------------------------------------- */

namespace detail {

/* For arrays of C that have a number for each of x's dimensions. */
template <class T>
void check_places(const char *function, const Tensor &x, const std::vector<T> &places) {
    if (places.size() != x.shape().size())
        misuse(std::string("nnmpi::") + function + ": " + std::to_string(places.size()) +
               " places for a tensor of " + std::to_string(x.shape().size()) + " dimensions");
}

} // namespace detail

inline Tensor reshape(const Tensor &x, const Shape &shape) {
    return Tensor::made(nn_tensor_reshape, x.get(), static_cast<int>(shape.size()), shape.data());
}
inline Tensor expand(const Tensor &x, const Shape &shape) {
    return Tensor::made(nn_tensor_expand, x.get(), static_cast<int>(shape.size()), shape.data());
}
/* Dimension i of the result is dimension axes[i] of x. */
inline Tensor permute(const Tensor &x, const std::vector<int> &axes) {
    detail::check_places("permute", x, axes);
    return Tensor::made(nn_tensor_permute, x.get(), axes.data());
}
/* Elements begin, begin + step ... (`count` of them) along each dimension. */
inline Tensor slice(const Tensor &x, const Shape &begin, const Shape &step, const Shape &count) {
    for (const Shape *places : {&begin, &step, &count})
        detail::check_places("slice", x, *places);
    return Tensor::made(nn_tensor_slice, x.get(), begin.data(), step.data(), count.data());
}
inline Tensor concat(const std::vector<Tensor> &x, int axis) {
    return Tensor::made(nn_tensor_concat, x.size(), detail::c_tensors(x).data(), axis);
}
inline Tensor gather(const Tensor &x, const Tensor &index) {
    return Tensor::made(nn_tensor_gather, x.get(), index.get());
}
inline Tensor pick(const Tensor &x, const Tensor &classes) {
    return Tensor::made(nn_tensor_pick, x.get(), classes.get());
}

/* ---- losses and normalisations --------------------------------------------------------------- */

inline Tensor cross_entropy(const Tensor &z, const Tensor &classes) {
    return Tensor::made(nn_tensor_cross_entropy, z.get(), classes.get());
}
inline Tensor mse(const Tensor &y, const Tensor &t) {
    return Tensor::made(nn_tensor_mse, y.get(), t.get());
}
/* Over the last `dims` dimensions; w and b may be none. */
inline Tensor layer_norm(const Tensor &x, int dims, const Tensor &w, const Tensor &b,
                         double eps = 1e-5) {
    return Tensor::made(nn_tensor_layer_norm, x.get(), dims, w.get_or_null(), b.get_or_null(), eps);
}
/* w, b, mean and var may be none. */
inline Tensor batch_norm(const Tensor &x, const Tensor &w, const Tensor &b, const Tensor &mean,
                         const Tensor &var, bool training, double momentum = 0.1,
                         double eps = 1e-5) {
    return Tensor::made(nn_tensor_batch_norm, x.get(), w.get_or_null(), b.get_or_null(),
                        mean.get_or_null(), var.get_or_null(), training, momentum, eps);
}

} // namespace nnmpi

#endif
