/* Optimisers of tensors, their state, and learning rates: a part of <nnmpi/nnmpi.hpp>. All is Local
 * but Optimizer's constructor and step. */
#ifndef NNMPI_CPP_OPTIMIZER_HPP
#define NNMPI_CPP_OPTIMIZER_HPP

#include <nnmpi/cpp/tensor.hpp>

namespace nnmpi {

/* ---- optimisers ------------------------------------------------------------------------------ */

/* Takes steps along the gradients of tensors, averaged over the ranks. */
class Optimizer : public detail::Handle<nn_optimizer> {
  public:
    /* As train.optimizer has it, "adam: {lr: 0.001}"; on every rank the tensors get the values of
     * rank 0. Collective. */
    Optimizer(const Comm &comm, const std::string &optimizer, const std::vector<Tensor> &parameters)
        : Handle("nnmpi::Optimizer",
                 detail::make<nn_optimizer>(nn_optimizer_new, comm.get(), optimizer.c_str(),
                                            parameters.size(),
                                            detail::c_tensors(parameters).data()),
                 nn_optimizer_free, comm.share()) {}

    /* `weight` as the rows of this rank, where they differ. Collective. */
    void step(double weight = 1) {
        detail::check(nn_optimizer_step(get(), weight));
    }
    /* What a step takes, for a program that looks at gradients or changes them before. Collective.
     */
    void average_gradients(double weight = 1) {
        detail::check(nn_optimizer_average_gradients(get(), weight));
    }
    void zero_gradients() {
        nn_optimizer_zero_gradients(get());
    }
    std::int64_t steps() const {
        return nn_optimizer_steps(get());
    }
    double rate() const {
        return nn_optimizer_rate(get());
    }
    void set_rate(double rate) {
        detail::check(nn_optimizer_set_rate(get(), rate));
    }

    /* Its state, which with the parameters is all that the next step depends on: slots of each
     * parameter, by their places in slots() and in the constructor, and the steps it has taken. */
    std::vector<std::string> slots() const {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < nn_optimizer_slots(get()); i++)
            names.emplace_back(nn_optimizer_slot(get(), i));
        return names;
    }
    std::vector<float> get_slot(std::size_t parameter, std::size_t slot) const {
        std::vector<float> values(nn_optimizer_param_size(get(), parameter));
        float none = 0; /* of a parameter that there is not */
        detail::check(
            nn_optimizer_get_slot(get(), parameter, slot, values.empty() ? &none : values.data()));
        return values;
    }
    void set_slot(std::size_t parameter, std::size_t slot, span<const float> values) {
        std::size_t wanted = nn_optimizer_param_size(get(), parameter);
        if (wanted > 0 && values.size() != wanted)
            detail::misuse("nnmpi::Optimizer::set_slot: " + std::to_string(values.size()) +
                           " numbers for a parameter of " + std::to_string(wanted));
        detail::check(nn_optimizer_set_slot(get(), parameter, slot, values.data()));
    }
    std::int64_t parameter_steps(std::size_t parameter) const {
        return nn_optimizer_param_steps(get(), parameter);
    }
    void set_parameter_steps(std::size_t parameter, std::int64_t steps) {
        detail::check(nn_optimizer_set_param_steps(get(), parameter, steps));
    }
};

/* ---- learning rates -------------------------------------------------------------------------- */

/* As train.schedule has it, "cosine: {over: 100}"; the program counts its time t, in steps or
 * epochs, and gives Optimizer::set_rate the rate of the beginning times factor(t). */
class Schedule : public detail::Handle<nn_schedule> {
  public:
    using State = nn_schedule_state;

    explicit Schedule(const std::string &schedule)
        : Handle("nnmpi::Schedule", detail::make<nn_schedule>(nn_schedule_new, schedule.c_str()),
                 nn_schedule_free) {}

    /* Of a program that ends at `end`; 0: that is not known. */
    double factor(std::int64_t t, std::int64_t end = 0) const {
        return nn_schedule_factor(get(), t, end);
    }
    /* What reduce_on_plateau watches has this value now; `rate` is that of the beginning. */
    void observe(double value, double rate, bool larger_is_better = false) {
        detail::check(nn_schedule_observe(get(), value, larger_is_better, rate));
    }
    State state() const {
        return nn_schedule_get_state(get());
    }
    void set_state(const State &state) {
        detail::check(nn_schedule_set_state(get(), state));
    }
};

} // namespace nnmpi

#endif
