/* ranks: 1 2 */
/* Tensors in C++: operators and functions, derivatives once and twice, who owns what, optimisers,
 * and misuse. What each operation computes is tested in C. */
#include "cpp/thrown.h"

#include <cstring>

using nnmpi::Tensor;

static const std::vector<double> six{1, 2, 3, 4, 5, 6};

static void near(const Tensor &x, const std::vector<double> &expected, double tolerance = 1e-5) {
    CHECK_EQ_INT(x.count(), expected.size());
    for (std::size_t i = 0; i < expected.size(); i++)
        CHECK_NEAR(x.values()[i], expected[i], tolerance);
}

/* Every function once, so that all of them compile and reach the right one of C. */
static void computes() {
    Tensor x({six, 3, 2}), row(std::vector<float>{10, 20}), index(std::vector<int>{2, 0});
    CHECK(x.shape() == nnmpi::Shape({3, 2}) && x.type() == NN_F32 && index.type() == NN_I64);
    CHECK_EQ_INT(index.values<std::int64_t>()[0], 2);
    near(2 * x + row - 1, {11, 23, 15, 27, 19, 31});
    near(1 - (x / 2.0 + 3.0 * x), {-2.5, -6, -9.5, -13, -16.5, -20});
    near(row * row / row - row, {0, 0});
    near(6 / x, {6, 3, 2, 1.5, 1.2, 1});
    near(1 + -x, {0, -1, -2, -3, -4, -5});
    near(maximum(row, Tensor::scalar(15)) - minimum(row, Tensor::scalar(15)), {5, 5});
    near(where(greater(x, Tensor::scalar(3)), x, pow(x, 2)), {1, 4, 9, 4, 5, 6});
    near(equal(row, Tensor::scalar(10)), {1, 0});
    near(log(exp(x)), six);
    near(abs(-sqrt(x * x)), six);
    near(relu(x) - x + sigmoid(x - x) + softplus(x) - log(1 + exp(x)),
         {0.5, 0.5, 0.5, 0.5, 0.5, 0.5});
    near(gelu(tanh(x - x)) + dropout(x, 0, 1, 2), six);
    CHECK_NEAR(sum(x).item(), 21, 0);
    near(mean(x, {0}), {3, 4});
    CHECK(max(x, {-1}, true).shape() == nnmpi::Shape({3, 1}));
    near(sum(softmax(x, 1), {1}), {1, 1, 1});
    near(sum(exp(log_softmax(x, 1)), {1}), {1, 1, 1});
    near(matmul(x, x, true, false), {35, 44, 44, 56});
    near(linear(x, reshape(row, {1, 2})), {50, 110, 170});
    near(permute(x, {1, 0}), {1, 3, 5, 2, 4, 6});
    near(expand(row, {2, 2}), {10, 20, 10, 20});
    near(slice(x, {0, 1}, {2, 1}, {2, 1}), {2, 6});
    near(nnmpi::concat({row, row}, 0), {10, 20, 10, 20});
    near(gather(x, index), {5, 6, 1, 2});
    near(pick(x, Tensor(std::vector<int>{0, 1, -1})), {1, 4, 0});
    CHECK_NEAR(cross_entropy(x - x, Tensor(std::vector<int>{0, 1, 1})).item(), std::log(2), 1e-6);
    CHECK_NEAR(mse(row, row + 2).item(), 4, 0);
    near(layer_norm(x, 1, {}, {}, 0), {-1, 1, -1, 1, -1, 1});
    Tensor zero = Tensor::zeros({2}), one = zero + 1;
    near(batch_norm(x, one, row, zero, one, false, 0.1, 0), {11, 22, 13, 24, 15, 26});
}

static void convolves() {
    Tensor image(std::vector<float>{1, 2, 3, 4}), one(std::vector<float>{1, 1, 1, 1});
    image = reshape(image, {1, 1, 2, 2});
    near(conv2d(image, reshape(one, {1, 1, 2, 2}), {}, nnmpi::Window(2, 2)), {10});
    Tensor row(std::vector<float>{10, 20});
    near(conv_transpose2d(reshape(row, {1, 1, 1, 2}), reshape(one, {1, 1, 2, 2}), {},
                          nnmpi::Window(2, 2)),
         {10, 30, 20, 10, 30, 20});
    near(max_pool2d(image, nnmpi::Window(1, 2)), {2, 4});
    near(avg_pool2d(image, nnmpi::Window(2, 1)), {2, 3});
}

static void differentiates() {
    Tensor x(std::vector<double>{0.5, 2}), w(std::vector<float>{3, 5});
    x.require_grad();
    Tensor first = grad(sum(pow(x, 3) * w), x, NN_GRAD_CREATE);
    near(first, {2.25, 60});
    near(grad(sum(first), x), {9, 60});
    CHECK(!grad(sum(w * Tensor(x).detach() * x), x).requires_grad());
    std::vector<Tensor> both = nnmpi::grad({x * w, x}, {x, x}, 0, {w, w});
    near(both[1], {12, 30});
    (x * w).backward(NN_GRAD_KEEP, w);
    near(x.gradient(), {9, 25});
    x.set_gradient({});
    CHECK(!x.gradient());
    {
        nnmpi::NoGrad pause;
        CHECK(!(x * w).requires_grad());
    }
    CHECK((x * w).requires_grad());
}

/* Copies are the same tensor, moves leave none, and what is made within a scope of C is ours. */
static void owns() {
    std::int64_t before = nn_tensor_live();
    {
        Tensor kept, x(std::vector<float>{1, 2});
        Tensor same = x, moved = std::move(x);
        moved.set_values(std::vector<double>{3, 4});
        near(same, {3, 4});
        nn_tensor_scope scope;
        nn_tensor_scope_open(&scope);
        kept = same + same;
        nn_tensor_scope_close(&scope);
        near(kept, {6, 8});
        THROWS(NN_EUSAGE, "there is no tensor", (void)(x + same));
        kept = Tensor();
        CHECK_EQ_INT(nn_tensor_live(), before + 1);
    }
    CHECK_EQ_INT(nn_tensor_live(), before);
}

/* Ranks see other samples of a line, and agree on it. */
static void learns(const nnmpi::Comm &comm) {
    Tensor w = Tensor::parameter({1, 2}, "xavier_uniform", 1, "w");
    Tensor b = Tensor::zeros({1}).require_grad();
    std::vector<float> x{1, 2, 3, 4, 4, 1, 0, 2}, y(4);
    x[0] += static_cast<float>(comm.rank());
    for (std::size_t i = 0; i < 4; i++)
        y[i] = 2 * x[2 * i] - x[2 * i + 1] + 3;
    Tensor input({x, 4, 2}), target({y, 4, 1});
    nnmpi::Optimizer optimizer(comm, "adam: {lr: 0.1}", {w, b});
    for (int i = 0; i < 400; i++) {
        mse(linear(input, w, b), target).backward();
        optimizer.average_gradients();
        optimizer.step();
        optimizer.zero_gradients();
        CHECK(!w.gradient());
    }
    near(w, {2, -1}, 0.1);
    near(b, {3}, 0.1);
    CHECK_EQ_INT(optimizer.steps(), 400);
    optimizer.set_rate(0.05);
    CHECK_NEAR(optimizer.rate(), 0.05, 0);
    THROWS(NN_EUSAGE, "did you mean 'adam'", nnmpi::Optimizer(comm, "adan", {w}));

    /* Another one that gets its state goes on as it does. */
    Tensor w2({w.values().data(), 1, 2}), b2({b.values().data(), 1});
    nnmpi::Optimizer other(comm, "adam: {lr: 0.05}", {w2.require_grad(), b2.require_grad()});
    CHECK(other.slots() == std::vector<std::string>({"exp_avg", "exp_avg_sq"}));
    for (std::size_t i = 0; i < 2; i++) {
        for (std::size_t slot = 0; slot < 2; slot++)
            other.set_slot(i, slot, optimizer.get_slot(i, slot));
        other.set_parameter_steps(i, optimizer.parameter_steps(i));
    }
    for (int i = 0; i < 5; i++) {
        mse(linear(input, w, b), target).backward();
        mse(linear(input, w2, b2), target).backward();
        optimizer.step();
        other.step();
    }
    CHECK_EQ_INT(std::memcmp(w.values().data(), w2.values().data(), 2 * sizeof(float)), 0);
    THROWS(NN_EUSAGE, "1 numbers for a parameter of 2",
           other.set_slot(0, 0, optimizer.get_slot(1, 0)));
    THROWS(NN_EUSAGE, "there is no parameter 2", (void)other.get_slot(2, 0));
    THROWS(NN_EUSAGE, "there is no slot 2", (void)other.get_slot(0, 2));
    nnmpi::Optimizer moved = std::move(optimizer);
    THROWS(NN_EUSAGE, "moved from or closed", optimizer.step());
}

static void schedules() {
    nnmpi::Schedule decay("polynomial: {power: 2}"),
        plateau("reduce_on_plateau: {patience: 0, factor: 0.5}");
    CHECK_NEAR(decay.factor(3, 10), 0.49, 1e-12);
    THROWS(NN_EUSAGE, "watches no value", decay.observe(1, 0.1));
    plateau.observe(4, 0.1);
    plateau.observe(4, 0.1);
    nnmpi::Schedule other("reduce_on_plateau: {patience: 0, factor: 0.5}");
    other.set_state(plateau.state());
    CHECK_NEAR(other.factor(7), 0.5, 1e-12);
    CHECK_NEAR(other.state().best, 4, 0);
    THROWS(NN_EUSAGE, "cosine", nnmpi::Schedule("cosinus"));
}

static void misuse() {
    Tensor x({six, 3, 2}), none;
    THROWS(NN_EUSAGE, "[3, 2]", (void)(x + Tensor::zeros({4})));
    THROWS(NN_EUSAGE, "the tensor holds floats", (void)x.values<std::int64_t>());
    THROWS(NN_EUSAGE, "has 6 numbers, not one", (void)x.item());
    THROWS(NN_EUSAGE, "2 numbers for a tensor of 6", x.set_values(std::vector<float>{1, 2}));
    THROWS(NN_EUSAGE, "there is no tensor", (void)exp(none));
    THROWS(NN_EUSAGE, "1 places for a tensor of 2", (void)permute(x, {1}));
    THROWS(NN_EUSAGE, "1 places for a tensor of 2", (void)slice(x, {0, 0}, {1}, {1, 1}));
    THROWS(NN_EUSAGE, "requires no gradient", (void)grad(sum(x), x));
    THROWS(NN_EUSAGE, "1 seeds for 2", (void)nnmpi::grad({x, x}, {x, x}, 0, {x}));
    THROWS(NN_EUSAGE, "", Tensor(std::vector<int>{1}).require_grad());
    THROWS(NN_EUSAGE, "xavier", (void)Tensor::parameter({2, 2}, "xavier", 1, "w"));
}

int main() {
    {
        nnmpi::Comm comm = nnmpi::Comm::world();
        computes();
        convolves();
        differentiates();
        owns();
        learns(comm);
        schedules();
        misuse();
    }
    return check_done();
}
