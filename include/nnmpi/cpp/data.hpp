/* Arrays, data sets in memory, configurations: a part of <nnmpi/nnmpi.hpp>. */
#ifndef NNMPI_CPP_DATA_HPP
#define NNMPI_CPP_DATA_HPP

#include <nnmpi/cpp/base.hpp>

#include <cstdint>
#include <mutex>
#include <vector>

namespace nnmpi {

/* ---- arrays ---------------------------------------------------------------------------------- */

namespace detail {

template <class T> constexpr nn_dtype dtype() {
    using U = std::remove_cv_t<T>;
    constexpr bool integer = std::is_integral_v<U> && !std::is_same_v<U, bool>;
    constexpr bool is_signed = std::is_signed_v<U>;
    constexpr std::size_t size = sizeof(U);
    static_assert(std::is_same_v<U, float> || std::is_same_v<U, double> ||
                      (integer && (is_signed ? size <= 8 : size == 1)),
                  "arrays are of float, double, signed integers of up to 64 bits, or bytes");
    if (std::is_floating_point_v<U>)
        return size == 4 ? NN_F32 : NN_F64;
    return !is_signed  ? NN_U8
           : size == 1 ? NN_I8
           : size == 2 ? NN_I16
           : size == 4 ? NN_I32
                       : NN_I64;
}

/* Conversions from signed and unsigned counts alike. */
template <class... Dims> constexpr bool are_dims = (std::is_integral_v<std::decay_t<Dims>> && ...);

} // namespace detail

/* Numbers in the program's memory: `{pixels, rows, 784}` is a matrix of what `pixels` holds, its
 * last dimension innermost, and `labels` alone a vector. A container with a name, a view or a
 * pointer is borrowed: it stays as it is, and where it is, until the configuration that uses it
 * is gone. A container without a name (std::move(pixels)) is taken over. */
class Array {
  public:
    Array() = default; /* none */
    /* of anything with data() and size(), as std::vector, std::array and std::span */
    template <class C, class... Dims,
              class = std::enable_if_t<detail::are_dims<Dims...> &&
                                       !std::is_same_v<std::decay_t<C>, Array>>,
              class T = std::remove_pointer_t<decltype(std::declval<C &>().data())>>
    Array(C &&container, Dims... dims) {
        std::size_t size = container.size();
        if constexpr (sizeof...(dims) == 0)
            describe(detail::dtype<T>(), size);
        else
            describe(detail::dtype<T>(), dims...);
        if constexpr (sizeof...(dims) > 0)
            check_size(size);
        if constexpr (std::is_lvalue_reference_v<C>) {
            c_.data = container.data();
        } else {
            auto kept = std::make_shared<std::decay_t<C>>(std::move(container));
            c_.data = kept->data();
            kept_ = std::move(kept);
        }
    }
    template <class T, class... Dims,
              class = std::enable_if_t<detail::are_dims<Dims...> && (sizeof...(Dims) > 0)>>
    Array(const T *data, Dims... dims) {
        describe(detail::dtype<T>(), dims...);
        c_.data = data;
    }
    /* Type and shape alone, for rows that Data::set_reader's function fills. */
    template <class T, class... Dims> static Array like(Dims... dims) {
        return Array(static_cast<const T *>(nullptr), dims...);
    }

    const nn_array &c() const noexcept {
        return c_;
    }
    const std::shared_ptr<const void> &kept() const noexcept {
        return kept_;
    }

  private:
    template <class... Dims> void describe(nn_dtype type, Dims... dims) {
        static_assert(sizeof...(dims) <= NN_ARRAY_RANK, "arrays have up to 5 dimensions");
        c_ = {
            type, static_cast<int>(sizeof...(dims)), {static_cast<std::int64_t>(dims)...}, nullptr};
    }
    void check_size(std::size_t size) const {
        std::size_t count = 1;
        std::string shape;
        for (int i = 0; i < c_.rank; i++) {
            count *= static_cast<std::size_t>(c_.dim[i]);
            shape += (i > 0 ? ", " : "") + std::to_string(c_.dim[i]);
        }
        if (count != size)
            detail::misuse("nnmpi::Array: the container has " + std::to_string(size) +
                           " numbers, and [" + shape + "] are " + std::to_string(count));
    }

    nn_array c_{};
    std::shared_ptr<const void> kept_;
};

/* ---- data sets ------------------------------------------------------------------------------- */

/* Rows [first, first + count) of a field of a split, written to `out`. What it throws ends the call
 * that wanted the rows, and comes out of it on this rank. */
using Reader = std::function<void(std::string_view split, std::string_view field,
                                  std::int64_t first, std::int64_t count, void *out)>;

namespace detail {

/* Keeps what a function of the program throws until the call that it was called from is back. */
class Thrown {
  public:
    void keep() noexcept { /* within catch */
        std::lock_guard<std::mutex> lock(mutex_);
        if (!first_)
            first_ = std::current_exception();
    }
    explicit operator bool() const {
        std::lock_guard<std::mutex> lock(mutex_);
        return first_ != nullptr;
    }
    void rethrow() {
        std::exception_ptr found;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            found.swap(first_);
        }
        if (found)
            std::rethrow_exception(found);
    }

  private:
    mutable std::mutex mutex_;
    std::exception_ptr first_;
};

/* What goes with an nn_data, and is there as long as it. */
struct Source {
    std::vector<std::shared_ptr<const void>> arrays;
    Reader read;
    Thrown thrown;

    static int call(void *ctx, const char *split, const char *field, std::int64_t first,
                    std::int64_t count, void *out) {
        auto *self = static_cast<Source *>(ctx);
        try {
            self->read(split, field, first, count, out);
            return 0;
        } catch (...) {
            self->thrown.keep();
            return -1;
        }
    }
};

inline std::vector<const char *> c_strings(const std::vector<std::string> &names) {
    std::vector<const char *> pointers;
    for (const std::string &name : names)
        pointers.push_back(name.c_str());
    return pointers;
}

} // namespace detail

/* A data set in memory (nnmpi/data.h has the fields). Local but for gather. */
class Data : public detail::Handle<nn_data> {
  public:
    Data() : Data(detail::make<nn_data>(nn_data_new), std::make_shared<detail::Source>()) {}

    Data &set(const std::string &split, const std::string &field, const Array &array) {
        detail::check(nn_data_set(get(), split.c_str(), field.c_str(), &array.c()));
        if (array.kept())
            source_->arrays.push_back(array.kept());
        return *this;
    }
    Data &set_reader(Reader read) {
        nn_data *data = get();
        source_->read = std::move(read);
        nn_data_set_reader(data, detail::Source::call, source_.get());
        return *this;
    }
    Data &set_classes(const std::vector<std::string> &names) {
        detail::check(nn_data_set_classes(get(), names.size(), detail::c_strings(names).data()));
        return *this;
    }
    Data &set_columns(const std::vector<std::string> &names) {
        detail::check(nn_data_set_columns(get(), names.size(), detail::c_strings(names).data()));
        return *this;
    }
    /* x and y are numbers of tokens of this kind. */
    Data &set_tokens(const std::string &kind) {
        detail::check(nn_data_set_tokens(get(), kind.c_str()));
        return *this;
    }
    /* x becomes x * scale + offset. */
    Data &set_scale(span<const double> scale, span<const double> offset) {
        if (scale.size() != offset.size())
            detail::misuse("nnmpi::Data::set_scale: " + std::to_string(scale.size()) +
                           " scales and " + std::to_string(offset.size()) + " offsets");
        detail::check(nn_data_set_scale(get(), scale.size(), scale.data(), offset.data()));
        return *this;
    }
    /* The whole of which each rank has a part. Collective. */
    static Data gather(const Comm &comm, const Data &part) {
        nn_data *whole = nullptr;
        int rc = nn_data_gather(comm.get(), part.get(), &whole);
        if (rc < 0)
            part.source_->thrown.rethrow();
        detail::check(rc);
        return {whole, std::make_shared<detail::Source>()};
    }
    const std::shared_ptr<detail::Source> &source() const noexcept {
        return source_;
    }

  private:
    Data(nn_data *data, std::shared_ptr<detail::Source> source)
        : Handle("nnmpi::Data", data, nn_data_free, source), source_(std::move(source)) {}

    std::shared_ptr<detail::Source> source_;
};

/* ---- models -----------------------------------------------------------------------------------
 */

/* A model described by calls, in the place of a configuration's section `model:`. Local. */
class Model : public detail::Handle<nn_model> {
  public:
    Model() : Handle("nnmpi::Model", detail::make<nn_model>(nn_model_new), nn_model_free) {}

    /* A layer that reads the layers named in `inputs` ("a, b"), "": the one added before; its
     * options are what would stand within the braces in YAML: add("dense", "units: 10"). */
    Model &add(const std::string &kind, const std::string &options = "",
               const std::string &inputs = "") {
        detail::check(nn_model_add(get(), kind.c_str(), inputs.empty() ? nullptr : inputs.c_str(),
                                   options.c_str()));
        return *this;
    }
    std::string yaml() const {
        const char *text = nn_model_yaml(get());
        detail::check(text ? 0 : NN_EMEMORY);
        return text;
    }
};

/* ---- configurations -------------------------------------------------------------------------- */

/* A run's configuration. Local. */
class Config : public detail::Handle<nn_config> {
  public:
    static Config load(const std::string &path) {
        return Config(detail::make<nn_config>(nn_config_load, path.c_str()));
    }
    /* `name` stands for the file in messages. */
    static Config parse(const std::string &name, std::string_view text) {
        return Config(
            detail::make<nn_config>(nn_config_parse, name.c_str(), text.data(), text.size()));
    }
    static Config empty(const std::string &name) {
        return Config(detail::make<nn_config>(nn_config_new, name.c_str()));
    }
    static Config iris() {
        return Config(detail::make<nn_config>(nn_config_default));
    }

    Config & override(const std::string &assignment) { /* "train.lr=0.1" */
        detail::check(nn_config_override(get(), assignment.c_str()));
        return *this;
    }
    /* These are its data from now on. */
    Config &use(const Data &data) {
        detail::check(nn_config_use_data(get(), data.get()));
        data_ = data.share();
        source_ = data.source();
        return *this;
    }
    /* Its model is a copy of this one. */
    Config &use(const Model &model) {
        detail::check(nn_config_use_model(get(), model.get()));
        return *this;
    }
    Config &check() {
        detail::check(nn_config_check(get()));
        return *this;
    }
    std::string text() const {
        return nn_config_text(get());
    }
    std::string name() const {
        return nn_config_name(get());
    }

    const std::shared_ptr<nn_data> &data() const noexcept {
        return data_;
    }
    const std::shared_ptr<detail::Source> &source() const noexcept {
        return source_;
    }

  private:
    explicit Config(nn_config *config) : Handle("nnmpi::Config", config, nn_config_free) {}

    std::shared_ptr<nn_data> data_;
    std::shared_ptr<detail::Source> source_;
};

} // namespace nnmpi

#endif
