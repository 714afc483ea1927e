/* ranks: 1 2 */
/* Layers, losses and metrics that a C++ program defines: their options, the gradient check, a run
 * with them on several ranks, and what their functions throw. */
#include "cpp/thrown.h"

struct Gate {
    double slope;
};

/* y = slope s x with a learned s for each feature */
static nnmpi::LayerDefinition<Gate> gate() {
    nnmpi::LayerDefinition<Gate> gate;
    gate.name = "gate";
    gate.options = {{"slope", NN_OPT_REAL, offsetof(Gate, slope), "2", "(0, inf)", "factor of x"}};
    gate.plan = [](Gate &, nn_layer_layout &layout) {
        if (layout.in[0].rank != 1)
            throw std::invalid_argument("it wants features");
        layout.param[layout.params++] = {"scale", NN_PARAM_IS_CONSTANT, 1, layout.in[0], 0, 0};
    };
    gate.forward = [](const Gate &options, const nn_layer_call &call) {
        auto features = static_cast<std::size_t>(call.in[0].dim[0]);
        for (std::size_t i = 0; i < call.rows * features; i++)
            call.y[i] = static_cast<float>(options.slope) * call.w[0][i % features] * call.x[0][i];
    };
    gate.backward = [](const Gate &options, const nn_layer_call &call) {
        auto features = static_cast<std::size_t>(call.in[0].dim[0]);
        for (std::size_t i = 0; i < call.rows * features; i++) {
            float dy = static_cast<float>(options.slope) * call.dy[i];
            call.g[0][i % features] += dy * call.x[0][i];
            if (call.dx[0])
                call.dx[0][i] = dy * call.w[0][i % features];
        }
    };
    return gate;
}

static nnmpi::LossDefinition<> quartic() {
    nnmpi::LossDefinition<> quartic;
    quartic.name = "quartic";
    quartic.eval = [](const nnmpi::NoOptions &, const nn_loss_call &call) {
        for (std::size_t i = 0; i < call.rows; i++) {
            float off = call.z[i] - call.y[i];
            call.loss[i] = off * off * off * off;
            call.dz[i] = 4 * off * off * off;
        }
    };
    quartic.plan = [](nnmpi::NoOptions &, std::size_t outputs) {
        if (outputs != 1)
            throw std::invalid_argument("it wants one output");
    };
    return quartic;
}

/* Σ |z| / samples */
static nnmpi::MetricDefinition<> size_of_outputs() {
    nnmpi::MetricDefinition<> metric;
    metric.name = "size";
    metric.plan = [](nnmpi::NoOptions &, std::size_t, nn_target_kind) -> std::size_t { return 2; };
    metric.add = [](const nnmpi::NoOptions &, const nn_metric_call &call) {
        for (std::size_t i = 0; i < call.rows; i++)
            call.sums[0] += std::abs(static_cast<double>(call.z[i]));
        call.sums[1] += static_cast<double>(call.rows);
    };
    metric.value = [](const nnmpi::NoOptions &, std::size_t, const double *sums) {
        return sums[0] / sums[1];
    };
    return metric;
}

static const char net[] = "model: [gate: {slope: 0.5}, dense: {units: 1}]\n"
                          "loss: quartic\n"
                          "train: {epochs: 100, batch_size: 12, optimizer: {adam: {lr: 0.05}}}\n"
                          "validate: {metrics: size}\n";

/* y = a - b */
static nnmpi::Config configured(const std::string &text) {
    std::vector<float> x, y;
    for (int i = 0; i < 60; i++) {
        x.insert(x.end(), {static_cast<float>(i % 7) / 7, static_cast<float>(i % 5) / 5});
        y.push_back(x[x.size() - 2] - x.back());
    }
    nnmpi::Data data;
    for (const char *split : {"train", "test"})
        data.set(split, "x", {std::vector<float>(x), y.size(), 2})
            .set(split, "y", std::vector<float>(y));
    nnmpi::Config config = nnmpi::Config::parse("net", text);
    config.use(data);
    return config;
}

static nnmpi::Result trained(const nnmpi::Comm &comm, const std::string &text) {
    nnmpi::Options options;
    options.run_dir = "";
    return nnmpi::train(comm, configured(text), options);
}

static void works(const nnmpi::Comm &comm) {
    nn_gradient_result found =
        nnmpi::gradient_check("[gate: {slope: 3}, dense: {units: 2}, gate]", nn_shape{1, {4}});
    CHECK(found.compared > 10 && found.error < 0.005);
    nnmpi::gradient_check("[gate, dense: {units: 1}]", nn_shape{1, {4}}, "quartic");
    nnmpi::Result result = trained(comm, net);
    CHECK_NEAR(result.test->loss(), 0, 0.01);
    CHECK_NEAR(result.test->metric("size").value, 0.28, 0.1);
}

/* What functions throw is in the message, on every rank. */
static void throws(const nnmpi::Comm &comm) {
    nnmpi::LayerDefinition<Gate> bad = gate();
    bad.name = "bad";
    bad.forward = [](const Gate &, const nn_layer_call &call) {
        if (call.training)
            throw std::runtime_error("no fuel");
    };
    nnmpi::register_layer(bad);
    std::string text = net;
    text.replace(text.find("gate"), 4, "bad");
    THROWS(NN_EUSAGE, "no fuel", trained(comm, text));
    bad.name = "worse";
    bad.forward = [](const Gate &, const nn_layer_call &) { throw 1; };
    nnmpi::register_layer(bad);
    text.replace(text.find("bad"), 3, "worse");
    THROWS(NN_EUSAGE, "no std::exception", trained(comm, text));
    bad.name = "wrong";
    bad.forward = gate().forward;
    bad.backward = [](const Gate &, const nn_layer_call &call) {
        std::fill(call.dx[0], call.dx[0] + call.rows, 0.0f);
    };
    nnmpi::register_layer(bad);
    THROWS(NN_EUSAGE, "wrong", nnmpi::gradient_check("[wrong]", nn_shape{1, {1}}));
    THROWS(NN_EUSAGE, "it wants features", nnmpi::gradient_check("[gate]", nn_shape{3, {1, 2, 2}}));
    THROWS(NN_EUSAGE, "it wants one output",
           nnmpi::gradient_check("[gate]", nn_shape{1, {2}}, "quartic"));
    bad.name = "nothing";
    bad.forward = nullptr;
    THROWS(NN_EUSAGE, "forward", nnmpi::register_layer(bad));
    THROWS(NN_EUSAGE, "gate", nnmpi::register_layer(gate()));
}

int main() {
    {
        nnmpi::Comm comm = nnmpi::Comm::world();
        nnmpi::register_layer(gate());
        nnmpi::register_loss(quartic());
        nnmpi::register_metric(size_of_outputs());
        works(comm);
        throws(comm);
    }
    return check_done();
}
