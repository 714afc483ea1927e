/* Evaluations, prediction, digests: a part of <nnmpi/nnmpi.hpp>. */
#ifndef NNMPI_CPP_PREDICT_HPP
#define NNMPI_CPP_PREDICT_HPP

#include <nnmpi/cpp/data.hpp>

namespace nnmpi {

/* ---- evaluations ----------------------------------------------------------------------------- */

/* What one metric says of a split; its table is the evaluation's. */
struct Metric {
    std::string_view name;
    double value;              /* NaN where there is none */
    std::size_t rows, columns; /* of the table; 0: none */
    span<const double> table;  /* [rows][columns] */

    double at(std::size_t row, std::size_t column) const {
        if (row >= rows || column >= columns)
            detail::misuse("nnmpi::Metric: the table of " + std::string(name) + " is [" +
                           std::to_string(rows) + ", " + std::to_string(columns) +
                           "], and has no row " + std::to_string(row) + ", column " +
                           std::to_string(column) + "; both count from 0");
        return table[row * columns + column];
    }
};

/* What a model is worth on a split. Local. */
class Evaluation : public detail::Handle<nn_evaluation> {
  public:
    /* takes it over */
    explicit Evaluation(nn_evaluation *evaluation)
        : Handle("nnmpi::Evaluation", evaluation, nn_evaluation_free) {}
    /* looks at somebody else's, as long as it is there */
    static Evaluation of(const nn_evaluation *evaluation) {
        return Evaluation(const_cast<nn_evaluation *>(evaluation), [](nn_evaluation *) {});
    }

    std::string split() const {
        return nn_evaluation_split(get());
    }
    std::int64_t samples() const {
        return nn_evaluation_samples(get());
    }
    std::int64_t ignored() const {
        return nn_evaluation_ignored(get());
    }
    double loss() const {
        return nn_evaluation_loss(get());
    }
    /* for (const nnmpi::Metric &metric : evaluation.metrics()) */
    std::vector<Metric> metrics() const {
        std::vector<Metric> all;
        for (std::size_t i = 0; i < nn_evaluation_metrics(get()); i++) {
            const nn_metric_value *m = nn_evaluation_metric(get(), i);
            all.push_back(
                {m->name, m->value, m->rows, m->columns, {m->table, m->rows * m->columns}});
        }
        return all;
    }
    Metric metric(std::string_view name) const {
        std::string names;
        for (const Metric &metric : metrics()) {
            if (metric.name == name)
                return metric;
            names += (names.empty() ? "" : ", ") + std::string(metric.name);
        }
        detail::misuse("nnmpi::Evaluation: no metric '" + std::string(name) + "'; there are " +
                       names + " (validate.metrics)");
    }

  private:
    Evaluation(nn_evaluation *evaluation, void (*release)(nn_evaluation *))
        : Handle("nnmpi::Evaluation", evaluation, release) {}
};

/* A checkpoint on a split ("": as nn_evaluate says) of its own data set or of a file. Collective.
 */
inline Evaluation evaluate(const Comm &comm, const std::string &checkpoint,
                           const std::string &data = "", const std::string &split = "") {
    return Evaluation(detail::make<nn_evaluation>(nn_evaluate, comm.get(), checkpoint.c_str(),
                                                  data.empty() ? nullptr : data.c_str(),
                                                  split.empty() ? nullptr : split.c_str()));
}

/* The SHA-256 over the parameters of a checkpoint. Local. */
inline std::string digest(const std::string &checkpoint) {
    char hex[65];
    detail::check(nn_checkpoint_digest(checkpoint.c_str(), hex));
    return hex;
}

/* ---- prediction ------------------------------------------------------------------------------ */

/* A trained model, without ranks. Local. */
class Predictor : public detail::Handle<nn_predictor> {
  public:
    explicit Predictor(const std::string &checkpoint, std::size_t batch = 64)
        : Handle("nnmpi::Predictor",
                 detail::make<nn_predictor>(nn_predictor_open, checkpoint.c_str(), batch),
                 nn_predictor_free) {}

    Predictor &set_threads(int threads) {
        detail::check(nn_predictor_set_threads(get(), threads));
        return *this;
    }
    std::size_t inputs() const {
        return nn_predictor_inputs(get());
    } /* floats a sample */
    std::size_t outputs() const {
        return nn_predictor_outputs(get());
    } /* floats a sample */
    /* Of the model and of the data that it was trained on, a JSON object. */
    std::string description() const {
        const char *json = nn_predictor_description(get());
        if (!json)
            detail::check(nn_error_code());
        return json;
    }
    /* Name of output i's class, "" where it has none. */
    std::string class_name(std::size_t i) const {
        if (i >= outputs())
            detail::misuse("nnmpi::Predictor::class_name: no output " + std::to_string(i) +
                           "; the model has " + std::to_string(outputs()) + ", counted from 0");
        const char *name = nn_predictor_class(get(), i);
        return name ? name : "";
    }

    /* y [count][outputs] = model(x [count][inputs]). */
    void predict(span<const float> x, span<float> y) const {
        std::size_t count = check_count(x.size());
        if (y.size() != count * outputs())
            detail::misuse("nnmpi::Predictor::predict: y has room for " + std::to_string(y.size()) +
                           " numbers; " + std::to_string(count) + " samples give " +
                           std::to_string(count * outputs()));
        detail::check(nn_predict(get(), count, x.data(), y.data()));
    }
    /* The same for numbers of any type, which become floats. */
    template <class C> std::vector<float> predict(const C &x) const {
        std::vector<float> y(check_count(x.size()) * outputs());
        if constexpr (std::is_convertible_v<decltype(x.data()), const float *>) {
            predict(span<const float>(x.data(), x.size()), y);
        } else {
            std::vector<float> floats(x.size());
            for (std::size_t i = 0; i < floats.size(); i++)
                floats[i] = static_cast<float>(x[i]);
            predict(span<const float>(floats), y);
        }
        return y;
    }

  private:
    std::size_t check_count(std::size_t numbers) const {
        if (numbers % inputs() != 0)
            detail::misuse("nnmpi::Predictor::predict: x has " + std::to_string(numbers) +
                           " numbers, not a multiple of the " + std::to_string(inputs()) +
                           " of a sample");
        return numbers / inputs();
    }
};

} // namespace nnmpi

#endif
