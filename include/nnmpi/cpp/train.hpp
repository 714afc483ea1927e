/* Training: a part of <nnmpi/nnmpi.hpp>. */
#ifndef NNMPI_CPP_TRAIN_HPP
#define NNMPI_CPP_TRAIN_HPP

#include <nnmpi/cpp/predict.hpp>

#include <csignal>
#include <optional>

namespace nnmpi {

/* nn_status, with the validation that was just made, which is there during the call. */
struct Status : nn_status {
    explicit Status(const nn_status &c) : nn_status(c) {}
    std::optional<Evaluation> evaluation() const {
        return validation ? std::optional<Evaluation>(Evaluation::of(validation)) : std::nullopt;
    }
};

/* As nn_train_options. What begun, progress or ends throws stops the run as *stop would, on all
 * ranks, and comes out of the call that ends for it, the one that they were called from or a later
 * one, at the latest finish; other ranks get NN_ESTOPPED there. */
struct Options {
    std::optional<std::string> run_dir = std::nullopt; /* none: runs/<config>-<time> */
    bool resume = false;
    volatile std::sig_atomic_t *stop = nullptr;
    const volatile std::sig_atomic_t *save = nullptr;
    nn_mismatch on_mismatch = NN_MISMATCH_STOP;
    std::function<void()> begun = nullptr;                  /* on every rank */
    std::function<void(const Status &)> progress = nullptr; /* on rank 0 */
    std::function<bool(const Status &)> ends = nullptr;     /* on rank 0; true: the run is over */
    bool in_parts = false;     /* for steps in parts and on the program's own minibatches */
    bool measures = false;     /* for Training::measure */
    double progress_every = 0; /* seconds: progress between reports, too; 0: with them only */
};

/* As nn_train_result. */
struct Result {
    std::int64_t steps, epochs, best_step, first_step;
    double loss, seconds, samples_per_s;
    std::string why, digest, run_dir, verdict;
    bool restored_best;
    std::optional<Evaluation> test;
};

/* Rows of this rank, as nn_minibatch: {x, y}, {x, y, w} ... */
struct Minibatch {
    Array x{}, y{}, w{}, len{};

    nn_minibatch c() const {
        return {sizeof(nn_minibatch), x.c(), y.c(), w.c(), len.c()};
    }
};

/* A tensor of a model: its name and its shape. */
struct TensorInfo {
    std::string name;
    std::vector<std::int64_t> shape;

    std::size_t count() const {
        std::size_t numbers = 1;
        for (std::int64_t dim : shape)
            numbers *= static_cast<std::size_t>(dim);
        return numbers;
    }
};

namespace detail {

/* The program's functions, and how their exceptions get past the library. */
class Calls {
  public:
    Calls(const Options &options, std::shared_ptr<Source> source)
        : given_(options), source_(std::move(source)) {
        c_.size = sizeof c_;
        c_.run_dir = given_.run_dir ? given_.run_dir->c_str() : nullptr;
        c_.resume = given_.resume;
        c_.stop = stop();
        c_.save = given_.save;
        c_.on_mismatch = given_.on_mismatch;
        c_.ctx = this;
        if (given_.begun)
            c_.begun = [](void *ctx) { guard(ctx, [](Calls &self) { self.given_.begun(); }); };
        if (given_.progress)
            c_.progress = [](void *ctx, const nn_status *status) {
                guard(ctx, [&](Calls &self) { self.given_.progress(Status(*status)); });
            };
        c_.in_parts = given_.in_parts;
        c_.measures = given_.measures;
        c_.progress_every = given_.progress_every;
        if (given_.ends)
            c_.ends = [](void *ctx, const nn_status *status) {
                bool over = false;
                guard(ctx, [&](Calls &self) { over = self.given_.ends(Status(*status)); });
                return over;
            };
    }
    Calls(const Calls &) = delete;
    Calls &operator=(const Calls &) = delete;

    const nn_train_options *c() const noexcept {
        return &c_;
    }
    /* After a call: where it has failed, what functions of the program have thrown comes before
     * what it returned. Where it has not, the other ranks go on, and this one with them. */
    void check(int rc) {
        if (rc < 0) {
            thrown_.rethrow();
            if (source_)
                source_->thrown.rethrow();
        }
        detail::check(rc);
    }
    /* After the last call of a run, which has not failed: on all ranks. */
    void check_end(nn_comm *comm) {
        int rc = thrown_ ? nn_error_set(NN_ESTOPPED, "a function of the program has failed") : 0;
        check(nn_comm_agree(comm, rc));
    }

  private:
    template <class Call> static void guard(void *ctx, Call call) noexcept {
        auto *self = static_cast<Calls *>(ctx);
        try {
            call(*self);
        } catch (...) {
            self->thrown_.keep();
            *self->stop() = 1;
        }
    }
    volatile std::sig_atomic_t *stop() noexcept {
        return given_.stop ? given_.stop : &own_stop_;
    }

    Options given_;
    std::shared_ptr<Source> source_;
    nn_train_options c_{};
    volatile std::sig_atomic_t own_stop_ = 0;
    Thrown thrown_;
};

inline Result result_of(nn_train_result &c) {
    std::optional<Evaluation> test;
    if (c.test)
        test.emplace(std::exchange(c.test, nullptr));
    return {c.steps,   c.epochs,        c.best_step,    c.first_step, c.loss,
            c.seconds, c.samples_per_s, c.why,          c.digest,     c.run_dir,
            c.verdict, c.restored_best, std::move(test)};
}

} // namespace detail

/* A training that the program drives (nnmpi/training.h). All is collective but what says Local.
 *
 *   nnmpi::Training training(comm, config);
 *   while (training.goes_on()) {
 *       training.step();
 *       training.attend();
 *   }
 *   nnmpi::Result result = training.finish(); */
class Training : public detail::Handle<nn_training> {
  public:
    Training(const Comm &comm, const Config &config, const Options &options = {})
        : Training(comm, config, std::make_shared<detail::Calls>(options, config.source())) {}

    bool goes_on() const {
        return nn_training_goes_on(get());
    } /* Local */
    void step() {
        calls().check(nn_training_step(get()));
    }
    /* On rows that each rank supplies for itself; wants Options::in_parts. */
    void step(const Minibatch &batch) {
        nn_minibatch c = batch.c();
        calls().check(nn_training_step_on(get(), &c));
    }
    void attend() {
        calls().check(nn_training_attend(get()));
    }
    /* Up to `most` steps, attended, to the end of the epoch at the furthest. */
    void advance(std::int64_t most) {
        calls().check(nn_training_advance(get(), most));
    }
    Result finish() {
        nn_train_result result{};
        result.size = sizeof result;
        calls().check(nn_training_finish(get(), &result));
        Result found = detail::result_of(result);
        calls().check_end(comm_);
        return found;
    }

    std::int64_t steps() const {
        return nn_training_steps(get());
    } /* Local, as the next three */
    std::int64_t epoch() const {
        return nn_training_epoch(get());
    }
    double loss() const {
        return nn_training_loss(get());
    }
    double rate() const {
        return nn_training_rate(get());
    }
    void scale_rate(double factor) {
        detail::check(nn_training_scale_rate(get(), factor));
    }
    void save() {
        calls().check(nn_training_save(get()));
    }
    Evaluation evaluate(const std::string &split = "") {
        nn_evaluation *evaluation = nullptr;
        calls().check(
            nn_training_evaluate(get(), split.empty() ? nullptr : split.c_str(), &evaluation));
        return Evaluation(evaluation);
    }

    /* Of the minibatches since the last call, as training saw them; wants Options::measures. */
    Evaluation measure() {
        nn_evaluation *evaluation = nullptr;
        calls().check(nn_training_measure(get(), &evaluation));
        return Evaluation(evaluation);
    }
    /* The parameters, with train.ema their average, to a checkpoint of this path. */
    void write(const std::string &path) {
        calls().check(nn_training_write(get(), path.c_str(), nullptr));
    }

    void set_rate(double rate) {
        detail::check(nn_training_set_rate(get(), rate));
    }
    void load(const std::string &checkpoint) {
        calls().check(nn_training_load(get(), checkpoint.c_str()));
    }

    /* A step in parts; wants Options::in_parts. The next minibatch of the data set, or one's own.
     */
    void forward() {
        calls().check(nn_training_forward(get(), nullptr));
    }
    void forward(const Minibatch &batch) {
        nn_minibatch c = batch.c();
        calls().check(nn_training_forward(get(), &c));
    }
    /* [rows][outputs], the training's, until its next function but take_loss. Local. */
    span<const float> outputs() const {
        nn_array array;
        detail::check(nn_training_outputs(get(), &array));
        std::size_t count = 1;
        for (int i = 0; i < array.rank; i++)
            count *= static_cast<std::size_t>(array.dim[i]);
        return {static_cast<const float *>(array.data), count};
    }
    double take_loss() {
        double loss = 0;
        calls().check(nn_training_take_loss(get(), &loss));
        return loss;
    }
    void backward() {
        calls().check(nn_training_backward(get()));
    } /* Local */
    void sum_gradients() {
        calls().check(nn_training_sum_gradients(get()));
    }
    void update() {
        calls().check(nn_training_update(get()));
    }
    std::vector<float> get_gradient(const std::string &tensor) { /* Local, as the next one */
        std::vector<float> values(count_of(tensor));
        detail::check(nn_training_get_gradient(get(), tensor.c_str(), values.data()));
        return values;
    }
    void set_gradient(const std::string &tensor, span<const float> values) {
        check_count("set_gradient", tensor, values.size());
        detail::check(nn_training_set_gradient(get(), tensor.c_str(), values.data()));
    }

    /* Tensors where they lie, until restore (nn_training_take), which Taken does by itself.
     * Collective where parameters are written, else Local; view is Local. */
    void take(nn_access access) {
        detail::check(nn_training_take(get(), access));
    }
    nn_view view(const std::string &tensor) const {
        nn_view view{};
        view.size = sizeof view;
        detail::check(nn_training_view(get(), tensor.c_str(), &view));
        return view;
    }
    void restore() {
        detail::check(nn_training_restore(get()));
    }

    /* Rows that this rank may supply for a step. Local, as the next two. */
    std::size_t most_rows() const {
        return nn_training_most_rows(get());
    }
    /* y [rows][outputs] of x (and the lengths of its sequences), on this rank alone. */
    void predict(const Array &x, span<float> y, const Array &len = {}) {
        nn_minibatch c = Minibatch{x, {}, {}, len}.c();
        if (y.size() != predictions(x))
            detail::misuse("nnmpi::Training::predict: y has room for " + std::to_string(y.size()) +
                           " numbers; the predictions of x are " + std::to_string(predictions(x)));
        calls().check(nn_training_predict(get(), &c, y.data()));
    }
    std::vector<float> predict(const Array &x) {
        std::vector<float> y(predictions(x));
        predict(x, span<float>(y));
        return y;
    }

    /* for (const nnmpi::TensorInfo &tensor : training.tensors()). Local. */
    std::vector<TensorInfo> tensors() const {
        std::vector<TensorInfo> all;
        for (std::size_t i = 0; i < nn_training_tensors(get()); i++) {
            nn_array shape;
            const char *name = nn_training_tensor(get(), i, &shape);
            all.push_back({name, {shape.dim, shape.dim + shape.rank}});
        }
        return all;
    }
    std::vector<float> get_tensor(const std::string &name) {
        std::vector<float> values(count_of(name));
        detail::check(nn_training_get(get(), name.c_str(), values.data()));
        return values;
    }
    void set_tensor(const std::string &name, span<const float> values) {
        check_count("set_tensor", name, values.size());
        detail::check(nn_training_set(get(), name.c_str(), values.data()));
    }
    /* Of what validation takes: with train.ema the average. */
    std::vector<float> get_average(const std::string &name) {
        std::vector<float> values(count_of(name));
        detail::check(nn_training_get_average(get(), name.c_str(), values.data()));
        return values;
    }
    void set_average(const std::string &name, span<const float> values) {
        check_count("set_average", name, values.size());
        detail::check(nn_training_set_average(get(), name.c_str(), values.data()));
    }

  private:
    Training(const Comm &comm, const Config &config, std::shared_ptr<detail::Calls> calls)
        : Handle("nnmpi::Training", open(comm.get(), config.get(), *calls), nn_training_close,
                 comm.share(), config.share(), config.data(), config.source(), calls),
          calls_(std::move(calls)), comm_(comm.get()) {}
    static nn_training *open(nn_comm *comm, nn_config *config, detail::Calls &calls) {
        nn_training *training = nullptr;
        calls.check(nn_training_open(comm, config, calls.c(), &training));
        return training;
    }
    detail::Calls &calls() const {
        get(); /* not moved from */
        return *calls_;
    }
    std::size_t predictions(const Array &x) const {
        std::int64_t rows = x.c().rank > 0 ? x.c().dim[0] : 0;
        return nn_training_prediction_size(get()) * static_cast<std::size_t>(rows > 0 ? rows : 0);
    }
    void check_count(const char *what, const std::string &tensor, std::size_t numbers) const {
        std::size_t count = count_of(tensor);
        if (count > 0 && numbers != count)
            detail::misuse(std::string("nnmpi::Training::") + what + ": " +
                           std::to_string(numbers) + " numbers for " + tensor + ", which has " +
                           std::to_string(count));
    }
    /* 0: no such tensor, about which the library has more to say */
    std::size_t count_of(const std::string &name) const {
        for (const TensorInfo &tensor : tensors())
            if (tensor.name == name)
                return tensor.count();
        return 0;
    }

    std::shared_ptr<detail::Calls> calls_;
    nn_comm *comm_; /* which the handle keeps */
};

/* Tensors of a training, which outlives it, taken until its end.
 *
 *   {
 *       nnmpi::Taken weights(training, NN_WRITE_PARAMETERS);
 *       weights.view("fc1/bias").data[0] = 1;
 *   } */
class Taken {
  public:
    Taken(Training &training, nn_access access) : training_(&training) {
        training.take(access);
    }
    Taken(const Taken &) = delete;
    Taken &operator=(const Taken &) = delete;
    /* What fails here, fails again with the training's next function. */
    ~Taken() {
        try {
            if (training_)
                training_->restore();
        } catch (...) {
        }
    }
    nn_view view(const std::string &tensor) const {
        if (!training_)
            detail::misuse("nnmpi::Taken::view: the tensors are restored");
        return training_->view(tensor);
    }
    /* Sooner than by itself, and with the error, if any. */
    void restore() {
        if (!training_)
            detail::misuse("nnmpi::Taken::restore: the tensors are restored");
        std::exchange(training_, nullptr)->restore();
    }

  private:
    Training *training_;
};

/* Trains as the configuration says. Collective. */
inline Result train(const Comm &comm, const Config &config, const Options &options = {}) {
    detail::Calls calls(options, config.source());
    nn_train_result result{};
    result.size = sizeof result;
    int rc = nn_train(comm.get(), config.get(), calls.c(), &result);
    calls.check(rc);
    Result found = detail::result_of(result);
    calls.check_end(comm.get());
    return found;
}

} // namespace nnmpi

#endif
