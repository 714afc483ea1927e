/* Texts that a trained model makes: a part of <nnmpi/nnmpi.hpp>. */
#ifndef NNMPI_CPP_GENERATE_HPP
#define NNMPI_CPP_GENERATE_HPP

#include <nnmpi/cpp/train.hpp>

namespace nnmpi {

/* As nn_generation. */
struct Generation {
    std::int64_t max_tokens = 200;
    double temperature = 1;
    std::int64_t top_k = 0;
    double top_p = 1;
    std::int64_t seed = 1;
    std::optional<std::string> stop = std::nullopt;
    std::uint64_t first = 0;
    /* Is told each token of prompt i as it comes; false: this text wants no more. What it throws
     * ends all. */
    std::function<bool(std::size_t i, std::int32_t token, std::string_view added)> told = nullptr;
};

/* The beginning of a text, or the tokens of one. */
struct Prompt {
    Prompt(std::string of_text) : text(std::move(of_text)) {
        if (text->find('\0') != std::string::npos)
            detail::misuse("nnmpi::Prompt: a text has no byte 0");
    }
    Prompt(const char *of_text) : Prompt(std::string(of_text)) {}
    Prompt(std::vector<std::int32_t> of_tokens) : tokens(std::move(of_tokens)) {}

    std::optional<std::string> text = std::nullopt;
    std::vector<std::int32_t> tokens{};
};

/* What follows a prompt. */
struct Text {
    std::string text; /* "" where the model has no vocabulary */
    std::vector<std::int32_t> tokens{};
};

namespace detail {

/* The texts of a call, and what the program throws while it is told of them. */
struct Texts {
    const Generation &how;
    std::vector<Text> made;
    Thrown thrown{};

    static bool add(void *ctx, std::size_t i, std::int32_t token, const char *bytes,
                    std::size_t length) noexcept {
        auto *self = static_cast<Texts *>(ctx);
        try {
            if (self->thrown)
                return false;
            self->made[i].text.append(bytes, length);
            self->made[i].tokens.push_back(token);
            return !self->how.told || self->how.told(i, token, {bytes, length});
        } catch (...) {
            self->thrown.keep();
            return false;
        }
    }
};

/* By nn_generate or nn_training_generate. */
template <class T>
std::vector<Text> generate(int (*function)(T *, const nn_generation *, std::size_t,
                                           const nn_prompt *, nn_token_fn *, void *),
                           T *object, const std::vector<Prompt> &prompts, const Generation &how) {
    const nn_generation c_how{sizeof(nn_generation),
                              how.max_tokens,
                              how.temperature,
                              how.top_k,
                              how.top_p,
                              how.seed,
                              how.first,
                              how.stop ? how.stop->c_str() : nullptr};
    std::vector<nn_prompt> c_prompts;
    for (const Prompt &prompt : prompts)
        c_prompts.push_back({prompt.text ? prompt.text->c_str() : nullptr,
                             prompt.text ? nullptr : prompt.tokens.data(), prompt.tokens.size()});
    Texts texts{how, std::vector<Text>(prompts.size())};
    int rc = function(object, &c_how, c_prompts.size(), c_prompts.data(), Texts::add, &texts);
    texts.thrown.rethrow();
    check(rc);
    return std::move(texts.made);
}

} // namespace detail

/* The model of a checkpoint, which continues `batch` prompts side by side. Local. */
class Generator : public detail::Handle<nn_generator> {
  public:
    explicit Generator(const std::string &checkpoint, std::size_t batch = 1, int threads = 1)
        : Handle("nnmpi::Generator",
                 detail::make<nn_generator>(nn_generator_open, checkpoint.c_str(), batch, threads),
                 nn_generator_free) {}

    std::vector<Text> generate(const std::vector<Prompt> &prompts,
                               const Generation &how = {}) const {
        return detail::generate(nn_generate, get(), prompts, how);
    }
};

/* With the parameters of a training, between two steps or after its end. Local. */
inline std::vector<Text> generate(Training &training, const std::vector<Prompt> &prompts,
                                  const Generation &how = {}) {
    return detail::generate(nn_training_generate, training.get(), prompts, how);
}

} // namespace nnmpi

#endif
