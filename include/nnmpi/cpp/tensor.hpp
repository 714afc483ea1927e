/* Tensors with automatic differentiation: a part of <nnmpi/nnmpi.hpp>. Their functions, from relu
 * to cross_entropy, are in <nnmpi/cpp/operations.hpp>, optimisers in <nnmpi/cpp/optimizer.hpp>;
 * <nnmpi/tensor.h> says what each one computes. A model y = relu(x W^T + b) learns by
 *
 *   nnmpi::Optimizer optimizer(comm, "adam: {lr: 0.01}", {w, b});
 *   while (next minibatch x, t) {
 *       nnmpi::Tensor loss = cross_entropy(relu(linear(x, w, b)), t);
 *       loss.backward();
 *       optimizer.step();
 *       optimizer.zero_gradients();
 *   }
 *
 * All is Local. */
#ifndef NNMPI_CPP_TENSOR_HPP
#define NNMPI_CPP_TENSOR_HPP

#include <nnmpi/cpp/data.hpp>

namespace nnmpi {

using Shape = std::vector<std::int64_t>;

/* ---- tensors --------------------------------------------------------------------------------- */

/* Numbers with a shape, float or int64. A copy of the object is the same tensor, which is freed
 * with the last of them; by itself it is none, as of a bias that is not there or a gradient of what
 * nothing depends on. */
class Tensor {
  public:
    Tensor() noexcept {} /* none */
    /* A copy of the numbers: Tensor({x, rows, 4}); integers become int64, all others float. */
    explicit Tensor(const Array &array)
        : Tensor(
              made(nn_tensor_new, array.c().type, array.c().rank, array.c().dim, array.c().data)) {}
    static Tensor zeros(const Shape &shape) {
        return made(nn_tensor_new, NN_F32, static_cast<int>(shape.size()), shape.data(), nullptr);
    }
    /* A single number, without dimensions. */
    static Tensor scalar(double number) {
        return made(nn_tensor_new, NN_F64, 0, nullptr, &number);
    }
    /* A tensor [outputs, inputs, ...] that learns, with first values by an initialiser as
     * configurations have it, "he_uniform", as a function of seed and name. */
    static Tensor parameter(const Shape &shape, const std::string &initializer, std::uint64_t seed,
                            const std::string &name) {
        Tensor made = zeros(shape);
        detail::check(nn_tensor_initialize(made.get(), initializer.c_str(), seed, name.c_str()));
        return made.require_grad();
    }

    Tensor(const Tensor &other) noexcept : c_(nn_tensor_retain(other.c_)) {}
    Tensor(Tensor &&other) noexcept : c_(std::exchange(other.c_, nullptr)) {}
    Tensor &operator=(Tensor other) noexcept {
        std::swap(c_, other.c_);
        return *this;
    }
    ~Tensor() {
        nn_tensor_release(c_);
    }

    explicit operator bool() const noexcept {
        return c_ != nullptr;
    }
    /* That of C, which stays this object's. */
    nn_tensor *get() const {
        if (!c_)
            detail::misuse("nnmpi::Tensor: there is no tensor: this object was not given one, was "
                           "moved from, or is the derivative by what nothing depends on");
        return c_;
    }
    /* The same, or NULL where there is none. */
    nn_tensor *get_or_null() const noexcept {
        return c_;
    }
    /* Takes over a reference that the caller has. */
    static Tensor adopt(nn_tensor *c) noexcept {
        Tensor adopted;
        adopted.c_ = c;
        return adopted;
    }
    /* What a function of C makes, which throws where it makes none: made(nn_tensor_exp, x.get()).
     * The scope is there so that it belongs to this object even in a scope of the caller. */
    template <class... Parameters, class... Arguments>
    static Tensor made(nn_tensor *(*function)(Parameters...), Arguments... arguments) {
        nn_tensor_scope scope;
        nn_tensor_scope_open(&scope);
        Tensor result = adopt(nn_tensor_retain(function(arguments...)));
        nn_tensor_scope_close(&scope);
        if (!result)
            throw error(nn_error_code(), nn_error_message(), nn_error_trace());
        return result;
    }

    Shape shape() const {
        const std::int64_t *dims = nn_tensor_dims(get());
        return {dims, dims + nn_tensor_rank(get())};
    }
    std::size_t count() const {
        return static_cast<std::size_t>(nn_tensor_count(get()));
    }
    nn_dtype type() const {
        return nn_tensor_type(get());
    } /* NN_F32 or NN_I64 */
    /* The numbers, float or std::int64_t, to be read while the tensor is there. */
    template <class T = float> span<const T> values() const {
        if (type() != detail::dtype<T>())
            detail::misuse(std::string("nnmpi::Tensor::values: the tensor holds ") +
                           (type() == NN_F32 ? "floats" : "std::int64_t"));
        return {static_cast<const T *>(nn_tensor_values(get())), count()};
    }
    /* That of a tensor of one. */
    double item() const {
        if (count() != 1)
            detail::misuse("nnmpi::Tensor::item: the tensor has " + std::to_string(count()) +
                           " numbers, not one");
        return type() == NN_F32 ? static_cast<double>(values()[0])
                                : static_cast<double>(values<std::int64_t>()[0]);
    }
    /* New numbers, for a tensor that no operation has made. */
    void set_values(const Array &array) {
        std::int64_t numbers = 1;
        for (int i = 0; i < array.c().rank; i++)
            numbers *= array.c().dim[i];
        if (numbers != nn_tensor_count(get()))
            detail::misuse("nnmpi::Tensor::set_values: " + std::to_string(numbers) +
                           " numbers for a tensor of " + std::to_string(count()));
        detail::check(nn_tensor_set_values(get(), array.c().type, array.c().data));
    }

    /* ---- gradients */

    /* Whether what is computed from it is recorded; itself. */
    Tensor &require_grad(bool on = true) {
        detail::check(nn_tensor_require_grad(get(), on));
        return *this;
    }
    bool requires_grad() const {
        return nn_tensor_requires_grad(get());
    }
    /* Adds the derivatives of sum(seed * this) to the gradients of all tensors that require one;
     * `flags` of NN_GRAD_KEEP, NN_GRAD_CREATE. Without a seed this is a single number. */
    void backward(int flags = 0, const Tensor &seed = {}) const {
        detail::check(nn_tensor_backward(get(), seed.c_, flags));
    }
    /* What backward has added up, or none. */
    Tensor gradient() const {
        return adopt(nn_tensor_retain(nn_tensor_gradient(get())));
    }
    void set_gradient(const Tensor &gradient) {
        detail::check(nn_tensor_set_gradient(get(), gradient.c_));
    }
    /* The same numbers, from which nothing is recorded. */
    Tensor detach() const {
        return made(nn_tensor_detach, get());
    }

  private:
    nn_tensor *c_ = nullptr;
};

namespace detail {

inline std::vector<nn_tensor *> c_tensors(const std::vector<Tensor> &tensors) {
    std::vector<nn_tensor *> pointers;
    for (const Tensor &tensor : tensors)
        pointers.push_back(tensor.get());
    return pointers;
}

} // namespace detail

/* The derivatives of the sum of all y by each x: none where nothing depends on it. Every y is a
 * single number, or has a seed that it is multiplied with. With NN_GRAD_CREATE the derivatives can
 * be differentiated again. */
inline std::vector<Tensor> grad(const std::vector<Tensor> &y, const std::vector<Tensor> &x,
                                int flags = 0, const std::vector<Tensor> &seed = {}) {
    if (!seed.empty() && seed.size() != y.size())
        detail::misuse("nnmpi::grad: " + std::to_string(seed.size()) + " seeds for " +
                       std::to_string(y.size()) + " tensors");
    std::vector<nn_tensor *> outputs = detail::c_tensors(y), inputs = detail::c_tensors(x),
                             seeds = detail::c_tensors(seed), found(x.size());
    detail::check(nn_tensor_grad(outputs.size(), outputs.data(),
                                 seed.empty() ? nullptr : seeds.data(), inputs.size(),
                                 inputs.data(), flags, found.data()));
    std::vector<Tensor> gradients;
    for (nn_tensor *gradient : found)
        gradients.push_back(Tensor::adopt(gradient));
    return gradients;
}
inline Tensor grad(const Tensor &y, const Tensor &x, int flags = 0) {
    return grad(std::vector<Tensor>{y}, std::vector<Tensor>{x}, flags)[0];
}

/* While it lives, this thread records nothing. */
class NoGrad {
  public:
    NoGrad() : before_(nn_tensor_record(false)) {}
    ~NoGrad() {
        nn_tensor_record(before_);
    }
    NoGrad(const NoGrad &) = delete;
    NoGrad &operator=(const NoGrad &) = delete;

  private:
    bool before_;
};

/* ---- operators ------------------------------------------------------------------------------- */

/* Shapes are broadcast as numpy does. */
inline Tensor operator+(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_add, a.get(), b.get());
}
inline Tensor operator-(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_subtract, a.get(), b.get());
}
inline Tensor operator*(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_multiply, a.get(), b.get());
}
inline Tensor operator/(const Tensor &a, const Tensor &b) {
    return Tensor::made(nn_tensor_divide, a.get(), b.get());
}
inline Tensor operator-(const Tensor &x) {
    return Tensor::made(nn_tensor_negate, x.get());
}
/* factor x + summand */
inline Tensor affine(const Tensor &x, double factor, double summand) {
    return Tensor::made(nn_tensor_affine, x.get(), factor, summand);
}
inline Tensor operator+(const Tensor &x, double number) {
    return affine(x, 1, number);
}
inline Tensor operator+(double number, const Tensor &x) {
    return affine(x, 1, number);
}
inline Tensor operator-(const Tensor &x, double number) {
    return affine(x, 1, -number);
}
inline Tensor operator-(double number, const Tensor &x) {
    return affine(x, -1, number);
}
inline Tensor operator*(const Tensor &x, double number) {
    return affine(x, number, 0);
}
inline Tensor operator*(double number, const Tensor &x) {
    return affine(x, number, 0);
}
inline Tensor operator/(const Tensor &x, double number) {
    return x / Tensor::scalar(number);
}
inline Tensor operator/(double number, const Tensor &x) {
    return Tensor::scalar(number) / x;
}

} // namespace nnmpi

#endif
