/* Learning while a simulation runs: the closure of an atmosphere in small.
 *
 * The model of Lorenz (1996, "Predictability: a problem partly solved") has K slow variables X on a
 * circle of latitude, each with J fast ones Y beneath it:
 *
 *   dX_k/dt = -X_k-1 (X_k-2 - X_k+1) - X_k + F + U_k,   U_k = -(h c / b) sum over j of Y_j,k
 *   dY_j/dt = -c b Y_j+1 (Y_j+2 - Y_j-1) - c Y_j + (h c / b) X_k
 *
 * A coarse model has no Y and wants U as a function of the X near it, its closure. Here every rank
 * integrates members of an ensemble with all scales, and after each interval hands what it sees,
 * (X_k-1, X_k, X_k+1) and U_k, to a network that learns while they run: no file, no data set, one
 * step for each interval. Then the coarse model takes U from the network, and is compared with the
 * full one, which goes on. */
#include <nnmpi/mpi.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

namespace {

constexpr int K = 8, J = 32, MEMBERS = 16, ROWS = MEMBERS * K;
constexpr double F = 20, H = 1, B = 10, C = 10, DT = 0.005;
constexpr int SPIN_UP = 400, INTERVALS = 1200, STEPS_EACH = 4, FORECAST = 100; /* steps of DT */

using State = std::vector<double>; /* [members][K], or with all scales [members][K + K J] */

/* ---- the solver ------------------------------------------------------------------------------ */

double slow(const double *x, int k) {
    return -x[(k + K - 1) % K] * (x[(k + K - 2) % K] - x[(k + 1) % K]) - x[k] + F;
}

double closure(const double *y, int k) {
    double sum = 0;
    for (int j = 0; j < J; j++)
        sum += y[k * J + j];
    return -H * C / B * sum;
}

/* The tendency of one member with all scales. */
void full_tendency(const double *s, double *out) {
    const double *x = s, *y = s + K;
    for (int k = 0; k < K; k++)
        out[k] = slow(x, k) + closure(y, k);
    for (int i = 0; i < K * J; i++) {
        int next = (i + 1) % (K * J), second = (i + 2) % (K * J),
            before = (i + K * J - 1) % (K * J);
        out[K + i] = -C * B * y[next] * (y[second] - y[before]) - C * y[i] + H * C / B * x[i / J];
    }
}

void full_tendencies(const State &s, State &out) {
    for (int m = 0; m < MEMBERS; m++)
        full_tendency(&s[static_cast<std::size_t>(m * (K + K * J))],
                      &out[static_cast<std::size_t>(m * (K + K * J))]);
}

/* A step of the classical Runge-Kutta method; tendency(state, out). */
template <class Tendency> void advance(State &s, Tendency tendency) {
    State k(s.size()), at(s), sum(s.size());
    const double weight[] = {1, 2, 2, 1}, reach[] = {0.5, 0.5, 1, 0};
    for (int stage = 0; stage < 4; stage++) {
        tendency(at, k);
        for (std::size_t i = 0; i < s.size(); i++) {
            sum[i] += weight[stage] * k[i];
            at[i] = s[i] + reach[stage] * DT * k[i];
        }
    }
    for (std::size_t i = 0; i < s.size(); i++)
        s[i] += DT / 6 * sum[i];
}

State first_states(int rank) {
    State s(MEMBERS * (K + K * J));
    std::mt19937 random(static_cast<unsigned>(1 + rank));
    for (double &value : s)
        value = std::uniform_real_distribution<double>(-1, 1)(random);
    return s;
}

State slow_part(const State &full) {
    State x;
    for (int m = 0; m < MEMBERS; m++)
        x.insert(x.end(), full.begin() + m * (K + K * J), full.begin() + m * (K + K * J) + K);
    return x;
}

/* ---- what the network sees ------------------------------------------------------------------- */

std::vector<float> neighbourhoods(const State &x) { /* [ROWS][3], of order 1 */
    std::vector<float> rows;
    for (int m = 0; m < MEMBERS; m++)
        for (int k = 0; k < K; k++)
            for (int near : {K - 1, 0, 1})
                rows.push_back(
                    static_cast<float>(x[static_cast<std::size_t>(m * K + (k + near) % K)] / 10));
    return rows;
}

std::vector<float> closures(const State &full) { /* [ROWS][1] */
    std::vector<float> rows;
    for (int m = 0; m < MEMBERS; m++)
        for (int k = 0; k < K; k++)
            rows.push_back(static_cast<float>(
                closure(&full[static_cast<std::size_t>(m * (K + K * J) + K)], k) / 10));
    return rows;
}

nnmpi::Training learner(const nnmpi::Comm &comm) {
    nnmpi::Data shapes; /* of what comes later */
    shapes.set("train", "x", nnmpi::Array::like<float>(0, 3));
    shapes.set("train", "y", nnmpi::Array::like<float>(0, 1));
    nnmpi::Config config = nnmpi::Config::parse(
        "lorenz96",
        "model: [dense: {units: 32, activation: tanh}, dense: {units: 32, activation: tanh},\n"
        "        dense: {units: 1}]\n"
        "loss: squared\n"
        "train: {optimizer: {adam: {lr: 0.01}}, schedule: cosine}\n");
    config.use(shapes);
    config.override("train.batch_size=" + std::to_string(ROWS * comm.size()));
    config.override("train.max_steps=" + std::to_string(INTERVALS));
    nnmpi::Options options;
    options.run_dir = "";
    options.in_parts = true; /* minibatches are the program's */
    return {comm, config, options};
}

/* ---- the run --------------------------------------------------------------------------------- */

/* The solver runs, and the network learns from each interval of it. */
void simulate_and_learn(State &full, nnmpi::Training &training, int rank) {
    for (int i = 0; i < SPIN_UP; i++)
        advance(full, full_tendencies);
    while (training.goes_on()) {
        for (int i = 0; i < STEPS_EACH; i++)
            advance(full, full_tendencies);
        training.step({{neighbourhoods(slow_part(full)), ROWS, 3}, {closures(full), ROWS, 1}});
        training.attend();
        if (rank == 0 && training.steps() % 400 == 0)
            std::printf("interval %d: loss of the closure %.4f\n",
                        static_cast<int>(training.steps()), training.loss());
    }
}

/* Root mean square difference of the slow variables over all members of all ranks. */
double difference(const State &a, const State &b) {
    double sums[2] = {0, static_cast<double>(a.size())};
    for (std::size_t i = 0; i < a.size(); i++)
        sums[0] += (a[i] - b[i]) * (a[i] - b[i]);
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return std::sqrt(sums[0] / sums[1]);
}

/* The coarse model from the same states, with the closure of the network and without any. */
void compare(State &full, nnmpi::Training &training, int rank) {
    State learned = slow_part(full), none = learned;
    auto coarse = [&](bool with_network) {
        return [&, with_network](const State &x, State &out) {
            std::vector<float> u(ROWS, 0.0f);
            if (with_network)
                training.predict({neighbourhoods(x), ROWS, 3}, u);
            for (int row = 0; row < ROWS; row++)
                out[static_cast<std::size_t>(row)] =
                    slow(&x[static_cast<std::size_t>(row / K * K)], row % K) +
                    10 * static_cast<double>(u[static_cast<std::size_t>(row)]);
        };
    };
    for (int i = 0; i < FORECAST; i++) {
        advance(full, full_tendencies);
        advance(learned, coarse(true));
        advance(none, coarse(false));
    }
    State truth = slow_part(full);
    double with = difference(learned, truth), without = difference(none, truth);
    if (rank == 0)
        std::printf("after %.1f time units: error %.2f with the learned closure, %.2f without\n",
                    FORECAST * DT, with, without);
}

void run() {
    nnmpi::Comm comm = nnmpi::comm_from(MPI_COMM_WORLD);
    State full = first_states(comm.rank());
    nnmpi::Training training = learner(comm);
    simulate_and_learn(full, training, comm.rank());
    compare(full, training, comm.rank());
}

} // namespace

int main(int argc, char **argv) {
    int provided, status = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    try {
        run();
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "lorenz96: %s\n", failure.what());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    MPI_Finalize();
    return status;
}
