/* ranks: 1 2 */
/* The C++ interface: objects move and free what they own in any order, arrays of all kinds,
 * callbacks and their exceptions, and misuse, which is an error everywhere. */
#include "cpp/thrown.h"

#include <algorithm>
#include <array>
#include <numeric>

static const char net[] = "model: [dense: {name: fc1, units: 8, activation: tanh},\n"
                          "        dense: {name: out, units: 2}]\n"
                          "loss: cross_entropy\n"
                          "train: {epochs: 2, batch_size: 16, lr: 0.1}\n"
                          "validate: {metrics: [accuracy, confusion]}\n";

/* Two classes of points [n, 4], told apart by the sign of the first number. */
struct Points {
    std::vector<double> x;
    std::vector<int> y;

    explicit Points(int n) : x(static_cast<std::size_t>(n) * 4), y(static_cast<std::size_t>(n)) {
        for (std::size_t i = 0; i < x.size(); i++)
            x[i] = std::sin(1.0 + static_cast<double>(i * i % 1009));
        for (std::size_t i = 0; i < y.size(); i++)
            y[i] = x[4 * i] > 0;
    }
};

static nnmpi::Config configured(const Points &points) {
    nnmpi::Data data; /* goes before the configuration, which keeps it */
    data.set("train", "x", {points.x, points.y.size(), 4}).set("train", "y", points.y);
    data.set("test", "x", {points.x.data(), 16, 4});
    data.set("test", "y", std::vector<std::int8_t>(points.y.begin(), points.y.begin() + 16));
    nnmpi::Config config = nnmpi::Config::parse("net", net);
    config.use(data);
    return config;
}

static nnmpi::Options nowhere() {
    nnmpi::Options options;
    options.run_dir = "";
    return options;
}

/* ---- what works ------------------------------------------------------------------------------ */

static std::string driven(const nnmpi::Comm &comm, nnmpi::Config config) {
    nnmpi::Options options = nowhere();
    options.measures = true;
    nnmpi::Training training(comm, config, options);
    config.close(); /* the training keeps it */
    training.step();
    training.attend();
    while (training.goes_on())
        training.advance(100);
    std::vector<nnmpi::TensorInfo> tensors = training.tensors();
    CHECK_EQ_INT(tensors.size(), 4);
    CHECK_STR(tensors[0].name.c_str(), "fc1/weight");
    CHECK_EQ_INT(tensors[0].shape[0], 8);
    CHECK_EQ_INT(tensors[0].shape[1], 4);
    std::vector<float> weight = training.get_tensor("fc1/weight");
    CHECK_EQ_INT(weight.size(), 32);
    training.set_tensor("fc1/weight", weight);
    CHECK_EQ_INT(training.evaluate("test").samples(), 16);
    CHECK_STR(training.measure().split().c_str(), "train");
    THROWS(NN_EUSAGE, "no step has been taken", training.measure());
    std::string path = "interface_cpp" + std::to_string(comm.size()) + ".h5";
    training.write(path);
    training.load(path);
    if (comm.rank() == 0)
        std::remove(path.c_str());
    THROWS(NN_EUSAGE, "fc1/weight, which has 32", training.set_tensor("fc1/weight", {nullptr, 0}));
    THROWS(NN_EUSAGE, "did you mean 'fc1/weight'", training.get_tensor("fc/weight"));
    nnmpi::Training moved = std::move(training);
    THROWS(NN_EUSAGE, "moved from or closed", training.step());
    THROWS(NN_EUSAGE, "moved from or closed", (void)training.steps());
    THROWS(NN_EUSAGE, "the run is over", moved.step());
    nnmpi::Result result = moved.finish();
    THROWS(NN_EUSAGE, "finished", moved.step());
    CHECK_EQ_INT(result.steps, 12);
    return result.digest;
}

static void trains(const nnmpi::Comm &comm, const Points &points) {
    nnmpi::Options options = nowhere();
    int begun = 0, reports = 0;
    options.begun = [&] { begun++; };
    options.progress = [&](const nnmpi::Status &status) { reports += status.step > 0; };
    nnmpi::Result result = nnmpi::train(comm, configured(points), options);
    CHECK_EQ_INT(begun, 1);
    CHECK((reports > 0) == (comm.rank() == 0));
    CHECK_STR(driven(comm, configured(points)).c_str(), result.digest.c_str());
    if (!CHECK(result.test.has_value()))
        return;
    nnmpi::Metric confusion = result.test->metric("confusion");
    CHECK_EQ_INT(confusion.rows * confusion.columns, 4);
    CHECK_NEAR(std::accumulate(confusion.table.begin(), confusion.table.end(), 0.0), 16, 0);
    THROWS(NN_EUSAGE, "no row 2", confusion.at(2, 0));
    THROWS(NN_EUSAGE, "there are accuracy, confusion", result.test->metric("f1"));
    for (const nnmpi::Metric &metric : result.test->metrics())
        CHECK(!metric.name.empty());
}

/* Arrays that ranks have parts of, and rows that a function makes, are those of the whole. */
static void gathers(const nnmpi::Comm &comm, const Points &points) {
    std::size_t n = points.y.size(), first = n * static_cast<std::size_t>(comm.rank()) /
                                             static_cast<std::size_t>(comm.size());
    std::size_t end =
        n * static_cast<std::size_t>(comm.rank() + 1) / static_cast<std::size_t>(comm.size());
    nnmpi::Data part, made;
    part.set("train", "x", {points.x.data() + 4 * first, end - first, 4});
    part.set("train", "y", {points.y.data() + first, end - first});
    made.set("train", "x", nnmpi::Array::like<double>(n, 4)).set("train", "y", points.y);
    made.set_reader([&](auto, auto field, std::int64_t row, std::int64_t count, void *out) {
        CHECK(field == "x");
        std::copy_n(points.x.begin() + 4 * row, 4 * count, static_cast<double *>(out));
    });
    nnmpi::Config one = nnmpi::Config::parse("net", net), other = nnmpi::Config::parse("net", net);
    one.use(nnmpi::Data::gather(comm, part));
    other.use(made);
    CHECK_STR(nnmpi::train(comm, one, nowhere()).digest.c_str(),
              nnmpi::train(comm, other, nowhere()).digest.c_str());
}

static void predicts(const nnmpi::Comm &comm, const Points &points) {
    std::string folder = "cpp-run-" + std::to_string(comm.size());
    if (comm.rank() == 0 && std::system(("rm -rf " + folder).c_str()) != 0)
        CHECK(false);
    nnmpi::Options options;
    options.run_dir = folder;
    nnmpi::Config config = configured(points);
    nnmpi::Result result = nnmpi::train(comm, config, options);
    std::string file = result.run_dir + "/last.h5";
    CHECK_STR(nnmpi::digest(file).c_str(), result.digest.c_str());
    nnmpi::Predictor predictor(file, 5);
    std::vector<float> y = predictor.predict(points.x); /* doubles */
    std::vector<float> floats(points.x.begin(), points.x.end()), same(y.size());
    predictor.set_threads(2).predict(floats, same);
    CHECK(y == same);
    CHECK_EQ_INT(y.size(), points.y.size() * predictor.outputs());
    CHECK_STR(predictor.class_name(1).c_str(), "");
    CHECK_CONTAINS(predictor.description().c_str(), "\"target_width\"");
    THROWS(NN_EUSAGE, "no output 2", (void)predictor.class_name(2));
    THROWS(NN_EUSAGE, "not a multiple of the 4", (void)predictor.predict(std::array<float, 6>{}));
    THROWS(NN_EUSAGE, "y has room for 3 numbers; 1 samples give 2",
           predictor.predict({floats.data(), 4}, {same.data(), 3}));
    THROWS(NN_EFORMAT, "nothing.h5", nnmpi::Predictor("nothing.h5"));
}

/* Steps in parts on the program's own minibatches are the steps on them; a model by calls. */
static void steps_in_parts(const nnmpi::Comm &comm, const Points &points) {
    nnmpi::Data shapes;
    shapes.set("train", "x", nnmpi::Array::like<double>(0, 4));
    shapes.set("train", "y", nnmpi::Array::like<int>(0)).set_classes({"left", "right"});
    nnmpi::Model model;
    model.add("dense", "name: fc1, units: 8, activation: tanh").add("dense", "units: 2");
    CHECK_CONTAINS(model.yaml().c_str(), "fc1");
    nnmpi::Config config = nnmpi::Config::empty("parts");
    config.use(shapes).use(model).override("loss=cross_entropy");
    config.override("train.batch_size=32").override("train.max_steps=6");
    nnmpi::Options options = nowhere();
    options.in_parts = true;
    nnmpi::Training whole(comm, config, options), parts(comm, config, options);
    std::size_t rows = std::min<std::size_t>(whole.most_rows(), 16);
    CHECK(rows > 0);
    nnmpi::Minibatch batch{{points.x.data(), rows, 4}, {points.y.data(), rows}};
    while (whole.goes_on()) {
        whole.step(batch);
        whole.attend();
        parts.forward(batch);
        CHECK_EQ_INT(parts.outputs().size(), rows * 2);
        double loss = parts.take_loss();
        parts.backward();
        parts.sum_gradients();
        std::vector<float> gradient = parts.get_gradient("fc1/weight");
        parts.set_gradient("fc1/weight", gradient);
        try {
            nnmpi::Taken gradients(parts, NN_GRADIENTS);
            nn_view view = gradients.view("fc1/weight");
            CHECK_NEAR(static_cast<double>(view.data[0]),
                       view.weight * static_cast<double>(gradient[0]), 1e-4);
            THROWS(NN_EUSAGE, "nn_training_restore comes first", parts.update());
            throw std::runtime_error("of the program");
        } catch (const std::runtime_error &) {
        } /* which has restored them */
        nnmpi::Taken again(parts, NN_GRADIENTS);
        again.restore();
        THROWS(NN_EUSAGE, "the tensors are restored", again.restore());
        parts.update();
        parts.attend();
        CHECK_NEAR(loss, whole.loss(), 0);
    }
    CHECK(whole.get_tensor("fc1/weight") == parts.get_tensor("fc1/weight"));
    std::vector<float> bias(8, 1); /* without train.ema the average is the parameters */
    parts.set_average("fc1/bias", bias);
    CHECK(parts.get_tensor("fc1/bias") == bias && parts.get_average("fc1/bias") == bias);
    parts.set_tensor("fc1/bias", whole.get_average("fc1/bias"));
    std::vector<float> y = whole.predict({points.x.data(), 7, 4});
    CHECK_EQ_INT(y.size(), 14);
    CHECK_NEAR(y[0] + y[1], 1, 1e-5);
    THROWS(NN_EUSAGE, "the predictions of x are 14",
           whole.predict({points.x.data(), 7, 4}, {y.data(), 3}));
    THROWS(NN_EUSAGE, "nn_training_forward comes first", (void)whole.outputs());
    nnmpi::Training moved = std::move(parts);
    THROWS(NN_EUSAGE, "moved from or closed", parts.forward(batch));
    CHECK_STR(whole.finish().digest.c_str(), moved.finish().digest.c_str());
}

/* Texts of a training and of its file, by texts and by tokens, until the program throws. */
static void writes(const nnmpi::Comm &comm) {
    const std::vector<int> x{0, 1, 0, 1}, y{1, 0, 1, 0};
    nnmpi::Data data;
    data.set("train", "x", {x, 2, 2}).set("train", "y", {y, 2, 2});
    data.set_classes({"a", "b"}).set_tokens("chars");
    nnmpi::Config config = nnmpi::Config::parse(
        "letters", "model: [embedding: {vocabulary: 2, units: 3}, rnn: {units: 3, return: all},\n"
                   "        dense: {units: 2}]\n"
                   "loss: cross_entropy\n"
                   "train: {max_steps: 1, batch_size: 2}\n");
    config.use(data);
    nnmpi::Training training(comm, config, nowhere());
    std::string told, file = "cpp-letters-" + std::to_string(comm.size()) + ".h5";
    nnmpi::Generation how;
    how.max_tokens = 5;
    how.told = [&](std::size_t i, std::int32_t, std::string_view added) {
        told += added;
        return i == 0 || told.size() < 7;
    };
    const std::vector<nnmpi::Prompt> prompts{"ab", std::vector<std::int32_t>{0}};
    std::vector<nnmpi::Text> texts = nnmpi::generate(training, prompts, how);
    CHECK_EQ_INT(texts[0].tokens.size(), 5);
    CHECK_EQ_INT(texts[1].tokens.size(), 4);
    CHECK_EQ_INT(texts[1].text.size(), 4);
    CHECK_EQ_INT(told.size(), 9);
    training.write(file);
    how.told = nullptr;
    CHECK(nnmpi::Generator(file, 2).generate(prompts, how)[0].text == texts[0].text);
    how.stop = "c";
    THROWS(NN_EUSAGE, "the stop token 'c' is none", (void)nnmpi::generate(training, prompts, how));
    THROWS(NN_EUSAGE, "a text has no byte 0", (void)nnmpi::Prompt(std::string(2, '\0')));
    how.stop = std::nullopt;
    how.told = [](auto, auto, auto) -> bool { throw std::domain_error("no more"); };
    std::string what;
    try {
        (void)nnmpi::generate(training, prompts, how);
    } catch (const std::domain_error &e) {
        what = e.what();
    }
    CHECK_STR(what.c_str(), "no more");
}

/* ---- what programs throw --------------------------------------------------------------------- */

/* On all ranks the run ends; the rank of the function gets what it has thrown, others a stop. */
static void throws(const nnmpi::Comm &comm, const Points &points) {
    nnmpi::Options options = nowhere();
    std::string what;
    options.progress = [](const nnmpi::Status &) { throw std::domain_error("enough"); };
    try {
        nnmpi::train(comm, configured(points), options);
    } catch (const std::domain_error &e) {
        what = e.what();
        CHECK_EQ_INT(comm.rank(), 0);
    } catch (const nnmpi::error &e) {
        CHECK_EQ_INT(e.code(), NN_ESTOPPED);
        what = "enough";
    }
    CHECK_STR(what.c_str(), "enough");

    /* Where the call goes on for the others, it goes on here: nobody waits. */
    options.progress = nullptr;
    bool stopped = false;
    nnmpi::Options began = nowhere();
    if (comm.rank() == 0)
        began.begun = [] { throw std::domain_error("not even begun"); };
    try {
        nnmpi::Config config = configured(points);
        nnmpi::Training training(comm, config, began);
        while (training.goes_on()) {
            training.step();
            training.attend();
        }
        training.finish();
    } catch (const std::domain_error &) {
        stopped = comm.rank() == 0;
    } catch (const nnmpi::error &e) {
        stopped = comm.rank() > 0 && e.code() == NN_ESTOPPED;
    }
    CHECK(stopped);
    options.ends = [](const nnmpi::Status &status) { return status.step >= 6; };
    CHECK_STR(nnmpi::train(comm, configured(points), options).why.c_str(), "callback");

    nnmpi::Data data;
    data.set("train", "x", nnmpi::Array::like<float>(16, 4))
        .set("train", "y", std::vector<int>(16));
    data.set_reader([](auto...) { throw std::range_error("no such rows"); });
    nnmpi::Config config = nnmpi::Config::parse("net", net);
    config.use(data);
    try {
        nnmpi::train(comm, config, nowhere());
        CHECK(false);
    } catch (const std::range_error &e) {
        CHECK_STR(e.what(), "no such rows");
    }

    auto work = [&] {
        if (comm.rank() == comm.size() - 1)
            throw std::runtime_error("the solver diverged");
    };
    try {
        comm.agree(work);
        CHECK(false);
    } catch (const std::runtime_error &e) {
        CHECK_CONTAINS(e.what(), "the solver diverged");
    }
    comm.agree([] {});
    try {
        comm.agree([&] {
            if (comm.rank() == 0)
                throw 3;
        });
        CHECK(false);
    } catch (int) {
        CHECK_EQ_INT(comm.rank(), 0);
    } catch (const nnmpi::error &e) {
        CHECK_EQ_INT(e.code(), NN_EIO);
    }
    try {
        nnmpi::Data::gather(comm, data);
        CHECK(false);
    } catch (const std::range_error &e) {
        CHECK_STR(e.what(), "no such rows");
    }
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void misuse(const nnmpi::Comm &comm, const Points &points) {
    THROWS(NN_EUSAGE, "net:2:1", nnmpi::Config::parse("net", "model: [").check());
    THROWS(NN_EUSAGE, "nothing.yaml", nnmpi::Config::load("nothing.yaml"));
    nnmpi::Config config = configured(points);
    THROWS(NN_EUSAGE, "did you mean 'epochs'", config.override("train.epoch=3").check());
    nnmpi::Data data;
    THROWS(NN_EUSAGE, "has 200 numbers, and [50, 5] are 250",
           data.set("train", "x", {std::vector<float>(200), 50, 5}));
    THROWS(NN_EUSAGE, "unknown field 'z'", data.set("train", "z", points.y));
    THROWS(NN_EUSAGE, "1 scales and 2 offsets",
           data.set_scale(std::array<double, 1>{1}, std::array<double, 2>{}));
    nnmpi::Data moved = std::move(data);
    THROWS(NN_EUSAGE, "nnmpi::Data: this object was moved from", data.set("train", "y", points.y));
    nnmpi::Config other = std::move(config);
    THROWS(NN_EUSAGE, "nnmpi::Config: this object was moved from", (void)config.text());
    THROWS(NN_EUSAGE, "nnmpi::Config: this object was moved from", nnmpi::train(comm, config));
    THROWS(NN_EUSAGE, "nnmpi::Config: this object was moved from", nnmpi::Training(comm, config));
    nnmpi::Comm alone = nnmpi::Comm::alone();
    alone.close();
    alone.close();
    CHECK(!alone);
    THROWS(NN_EUSAGE, "nnmpi::Comm: this object was moved from", (void)alone.rank());
    nnmpi::Training open(comm, configured(points), nowhere());
    open.step();
    THROWS(NN_EUSAGE, "nn_training_attend comes first", open.step());
    open.attend();
    THROWS(NN_EUSAGE, "is no factor", open.scale_rate(-1));
} /* a training is closed in the middle of its run */

int main() {
    {
        nnmpi::Comm comm = nnmpi::Comm::world();
        Points points(96);
        int lines = 0;
        nnmpi::Log log([&](nn_log_level, std::string_view line) { lines += !line.empty(); });
        trains(comm, points);
        gathers(comm, points);
        predicts(comm, points);
        steps_in_parts(comm, points);
        writes(comm);
        throws(comm, points);
        misuse(comm, points);
        CHECK(comm.rank() > 0 || lines > 0);
    }
    return check_done();
}
