/* A network that learns to solve a differential equation, without any data (Raissi et al. 2019,
 * "Physics-informed neural networks"): the temperature u of a wall whose conductivity 1 + a u grows
 * with it, for all a in [0, 5] at once,
 *
 *   d/dx ((1 + a u) du/dx) = 0 for 0 < x < 1,   u(0) = 0,   u(1) = 1.
 *
 * The network N(x, a) is a part of u = x + x (1 - x) N, which has the right values at both ends,
 * and learns to make the left side small at points that every rank draws for itself. That side has
 * derivatives by x, and the optimiser wants its derivatives by the weights: the gradients are
 * differentiated again. The solution is known, u = (sqrt(1 + a (a + 2) x) - 1) / a. */
#include <nnmpi/nnmpi.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

namespace {

using nnmpi::Tensor;

constexpr std::size_t POINTS = 128; /* of a step, on each rank */
constexpr int STEPS = 1500;
constexpr double LARGEST_A = 5;

struct Network {
    std::vector<Tensor> parameters;

    explicit Network(const std::vector<std::int64_t> &widths) {
        for (std::size_t i = 1; i < widths.size(); i++) {
            std::string layer = "fc" + std::to_string(i);
            parameters.push_back(Tensor::parameter({widths[i], widths[i - 1]}, "xavier_uniform",
                                                   /*seed=*/1, layer + "/weight"));
            parameters.push_back(Tensor::zeros({widths[i]}).require_grad());
        }
    }
    Tensor operator()(Tensor y) const {
        for (std::size_t i = 0; i < parameters.size(); i += 2) {
            y = linear(y, parameters[i], parameters[i + 1]);
            if (i + 2 < parameters.size())
                y = tanh(y);
        }
        return y;
    }
};

/* u at x [points, 1] for a [points, 1] */
Tensor temperature(const Network &network, const Tensor &x, const Tensor &a) {
    return x + x * (1 - x) * network(nnmpi::concat({x, a / LARGEST_A}, 1));
}

/* The derivative of each row of y by its own x, which can be differentiated itself. */
Tensor derivative(const Tensor &y, const Tensor &x) {
    return grad(sum(y), x, NN_GRAD_CREATE);
}

Tensor loss_at(const Network &network, std::mt19937 &random) {
    std::uniform_real_distribution<float> uniform(0, 1);
    std::vector<float> places(POINTS), factors(POINTS);
    for (std::size_t i = 0; i < POINTS; i++) {
        places[i] = uniform(random);
        factors[i] = uniform(random) * static_cast<float>(LARGEST_A);
    }
    Tensor x({places, POINTS, 1}), a({factors, POINTS, 1});
    x.require_grad();
    Tensor u = temperature(network, x, a);
    Tensor flux = (1 + a * u) * derivative(u, x);
    return mean(pow(derivative(flux, x), 2));
}

void learn(const nnmpi::Comm &comm, const Network &network) {
    nnmpi::Optimizer optimizer(comm, "adam", network.parameters);
    std::mt19937 random(static_cast<unsigned>(comm.rank()));
    for (int step = 1; step <= STEPS; step++) {
        optimizer.set_rate(0.01 * (1 + std::cos(3.14159265 * step / STEPS)));
        Tensor loss = loss_at(network, random);
        loss.backward();
        optimizer.step(); /* along the mean of all ranks */
        optimizer.zero_gradients();
        if (step % 500 == 0 && comm.rank() == 0)
            std::printf("step %d: loss %.5f\n", step, loss.item());
    }
}

/* The largest |u - solution| of a wall. */
double error_of(const Network &network, double a) {
    constexpr std::size_t n = 101;
    nnmpi::NoGrad nothing_is_recorded;
    std::vector<double> places(n), factors(n, a);
    for (std::size_t i = 0; i < n; i++)
        places[i] = static_cast<double>(i) / (n - 1);
    Tensor u = temperature(network, Tensor({places, n, 1}), Tensor({factors, n, 1}));
    double largest = 0;
    for (std::size_t i = 0; i < n; i++) {
        double solution = (std::sqrt(1 + a * (a + 2) * places[i]) - 1) / a;
        largest = std::max(largest, std::abs(static_cast<double>(u.values()[i]) - solution));
    }
    return largest;
}

} // namespace

int main() {
    try {
        nnmpi::Comm comm = nnmpi::Comm::world();
        Network network({2, 24, 24, 24, 1});
        learn(comm, network);
        if (comm.rank() == 0)
            for (double a : {0.5, 2.0, 5.0})
                std::printf("a = %g: largest error %.4f\n", a, error_of(network, a));
    } catch (const nnmpi::error &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return failure.exit_code();
    }
}
