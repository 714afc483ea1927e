/* Layers, losses and metrics of a program's own: a part of <nnmpi/nnmpi.hpp>; <nnmpi/extend.h> says
 * what their functions do. Options are a struct of C, as the rows of `options` say of its members:
 *
 *   struct Power { double exponent; };
 *   nnmpi::LayerDefinition<Power> power;
 *   power.name = "power";
 *   power.options = {{"exponent", NN_OPT_REAL, offsetof(Power, exponent), "2", "(0, inf)", ""}};
 *   power.plan = [](Power &, nn_layer_layout &) {};
 *   power.forward = [](const Power &p, const nn_layer_call &call) { ... };
 *   power.backward = [](const Power &p, const nn_layer_call &call) { ... };
 *   nnmpi::register_layer(power);
 *
 * Functions may throw: that ends the run on all ranks, with what() in the message of the error that
 * comes out of the call. A definition is copied, and stays until the program ends. All is Local. */
#ifndef NNMPI_CPP_EXTEND_HPP
#define NNMPI_CPP_EXTEND_HPP

#include <nnmpi/cpp/base.hpp>

#include <vector>

namespace nnmpi {

struct NoOptions {};

template <class Options = NoOptions> struct LayerDefinition {
    std::string name, help{};
    std::vector<nn_option> options{};
    std::function<void(Options &, nn_layer_layout &)> plan{};
    std::function<void(const Options &, const nn_layer_call &)> forward{}, backward{};
    bool activation = false, rectifier = false, reproducible = false;
};

template <class Options = NoOptions> struct LossDefinition {
    std::string name, help{};
    std::vector<nn_option> options{};
    nn_target_kind targets = NN_TARGETS_ARE_NUMBERS;
    std::string fuses{}; /* "softmax", "sigmoid"; "": nothing */
    std::function<void(Options &, std::size_t outputs)> plan{};
    std::function<void(const Options &, const nn_loss_call &)> eval{};
    bool reproducible = false;
};

template <class Options = NoOptions> struct MetricDefinition {
    std::string name, help{};
    std::vector<nn_option> options{};
    /* gives how many numbers are summed */
    std::function<std::size_t(Options &, std::size_t outputs, nn_target_kind)> plan{};
    std::function<void(const Options &, const nn_metric_call &)> add{};
    std::function<double(const Options &, std::size_t outputs, const double *sums)> value{};
    bool larger_is_better = false;
};

namespace detail {

/* Calls a function of the program for C, which knows no exceptions. */
template <class Call> int guarded(Call call) noexcept {
    try {
        call();
        return 0;
    } catch (const std::exception &failure) {
        return nn_extend_fail(1, failure.what());
    } catch (...) {
        return nn_extend_fail(1, "it threw something that is no std::exception");
    }
}

template <class Options> Options &options_at(void *options) {
    return *static_cast<Options *>(options);
}
template <class Options> const Options &options_at(const void *options) {
    return *static_cast<const Options *>(options);
}

/* Hands a call of C to the member of a definition that is for it. */
template <class Options, auto Member, class Self, class Call>
int hand_on(void *ctx, const Call *call) {
    return guarded(
        [&] { (static_cast<Self *>(ctx)->*Member)(options_at<Options>(call->options), *call); });
}

/* What layers, losses and metrics have in common. */
template <class Options, class Definition, class C> C describe(Definition &self) {
    static_assert(std::is_trivially_copyable_v<Options> && std::is_standard_layout_v<Options>,
                  "options are a struct of C: bool, int64_t, double, int, const char *");
    self.options.push_back(NN_OPTION_END);
    C c{};
    c.size = sizeof c;
    c.name = self.name.c_str();
    c.help = self.help.c_str();
    c.options = self.options.data();
    c.options_size = sizeof(Options);
    c.ctx = &self;
    return c;
}

/* The library calls a definition's functions until the program ends, so nobody deletes it. */
template <class Definition, class C>
void keep(std::unique_ptr<Definition> self, int (*add)(const C *), const C &c) {
    check(add(&c));
    (void)self.release();
}

} // namespace detail

template <class Options> void register_layer(const LayerDefinition<Options> &definition) {
    using Self = LayerDefinition<Options>;
    auto self = std::make_unique<Self>(definition);
    auto c = detail::describe<Options, Self, nn_layer_def>(*self);
    if (self->plan)
        c.plan = [](void *ctx, nn_layer_layout *layout) {
            return detail::guarded([&] {
                static_cast<Self *>(ctx)->plan(detail::options_at<Options>(layout->options),
                                               *layout);
            });
        };
    if (self->forward)
        c.forward = detail::hand_on<Options, &Self::forward, Self, nn_layer_call>;
    if (self->backward)
        c.backward = detail::hand_on<Options, &Self::backward, Self, nn_layer_call>;
    c.activation = self->activation;
    c.rectifier = self->rectifier;
    c.reproducible = self->reproducible;
    detail::keep(std::move(self), nn_layer_register, c);
}

template <class Options> void register_loss(const LossDefinition<Options> &definition) {
    using Self = LossDefinition<Options>;
    auto self = std::make_unique<Self>(definition);
    auto c = detail::describe<Options, Self, nn_loss_def>(*self);
    c.targets = self->targets;
    c.fuses = self->fuses.empty() ? nullptr : self->fuses.c_str();
    if (self->plan)
        c.plan = [](void *ctx, void *options, std::size_t outputs) {
            return detail::guarded([&] {
                static_cast<Self *>(ctx)->plan(detail::options_at<Options>(options), outputs);
            });
        };
    if (self->eval)
        c.eval = detail::hand_on<Options, &Self::eval, Self, nn_loss_call>;
    c.reproducible = self->reproducible;
    detail::keep(std::move(self), nn_loss_register, c);
}

template <class Options> void register_metric(const MetricDefinition<Options> &definition) {
    using Self = MetricDefinition<Options>;
    auto self = std::make_unique<Self>(definition);
    auto c = detail::describe<Options, Self, nn_metric_def>(*self);
    if (self->plan)
        c.plan = [](void *ctx, void *options, std::size_t outputs, nn_target_kind targets,
                    std::size_t *sums) {
            return detail::guarded([&] {
                *sums = static_cast<Self *>(ctx)->plan(detail::options_at<Options>(options),
                                                       outputs, targets);
            });
        };
    if (self->add)
        c.add = detail::hand_on<Options, &Self::add, Self, nn_metric_call>;
    if (self->value)
        c.value = [](void *ctx, const void *options, std::size_t outputs, const double *sums,
                     double *value) {
            return detail::guarded([&] {
                *value = static_cast<Self *>(ctx)->value(detail::options_at<Options>(options),
                                                         outputs, sums);
            });
        };
    c.larger_is_better = self->larger_is_better;
    detail::keep(std::move(self), nn_metric_register, c);
}

/* Throws unless back-propagation through these layers, for inputs of this shape, and a loss ("": a
 * linear one) agrees with central differences; `options` as nn_gradient_check has them. */
inline nn_gradient_result gradient_check(const std::string &layers, const nn_shape &input,
                                         const std::string &loss = "",
                                         nn_gradient_options options = {}) {
    nn_gradient_result found{};
    found.size = sizeof found;
    options.size = sizeof options;
    options.input = input;
    detail::check(
        nn_gradient_check(layers.c_str(), loss.empty() ? nullptr : loss.c_str(), &options, &found));
    return found;
}

} // namespace nnmpi

#endif
