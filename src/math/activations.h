/* The elementwise activations a = f(z), each once: kernels, layers, help and reference follow from
 * these rows. What they compute, <name>_value and <name>_slope, stands in isa/activations.c. */
#ifndef NN_MATH_ACTIVATIONS_H
#define NN_MATH_ACTIVATIONS_H

#define NN_ZERO_GRADIENT                                                                           \
    "its gradient is 0 everywhere, so back-propagation teaches no layer before it anything"

/* X(name, reads, rectifier, warning, help)
 * P(name, reads, rectifier, parameter, default, range, help of the parameter, help)
 *
 * reads: what the slope is computed from, OUTPUT (then the layer runs in place), INPUT, or NOTHING
 * (a slope that is the same everywhere).
 *
 * rectifier: it passes half of its input, so the layer before it starts with He's variance.
 *
 * warning: said when it is trained by back-propagation, or NULL. */
#define NN_ACTIVATIONS(X, P)                                                                       \
    X(identity, NOTHING, false, NULL, "a = z")                                                     \
    X(sign, NOTHING, false, NN_ZERO_GRADIENT, "a = 1 for z > 0, -1 for z < 0, 0 at 0")             \
    X(step, NOTHING, false, NN_ZERO_GRADIENT, "a = 1 for z > 0, else 0")                           \
    X(sigmoid, OUTPUT, false, NULL, "a = 1 / (1 + exp(-z))")                                       \
    X(tanh, OUTPUT, false, NULL, "a = tanh(z)")                                                    \
    X(relu, OUTPUT, true, NULL, "a = max(0, z)")                                                   \
    P(leaky_relu, OUTPUT, true, "gamma", "0.01", "[0, 1]", "slope for negative z",                 \
      "a = z for z > 0, else gamma z")                                                             \
    P(elu, OUTPUT, true, "gamma", "1", "[0, 1e3]", "limit -gamma for z towards -infinity",         \
      "a = z for z > 0, else gamma (exp(z) - 1)")                                                  \
    X(softplus, OUTPUT, true, NULL, "a = log(1 + exp(z))")                                         \
    P(swish, INPUT, true, "beta", "1", "[-1e3, 1e3]", "steepness of the gate",                     \
      "a = z sigmoid(beta z)")                                                                     \
    X(gelu, INPUT, true, NULL, "a = z Phi(z), Phi the normal distribution function")               \
    X(gelu_tanh, INPUT, true, NULL, "a = 0.5 z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3)))")         \
    X(gelu_sigmoid, INPUT, true, NULL, "a = z sigmoid(1.702 z)")

/* The same with one macro M(name, ...) for all of them. */
#define NN_EACH_ACTIVATION(M) NN_ACTIVATIONS(M, M)

#endif
