/* Errors, views, handles, ranks, log: a part of <nnmpi/nnmpi.hpp>, which says what holds for all
 * parts. */
#ifndef NNMPI_CPP_BASE_HPP
#define NNMPI_CPP_BASE_HPP

#include <nnmpi/nnmpi.h>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_span
#include <span>
#endif

namespace nnmpi {

/* ---- errors ---------------------------------------------------------------------------------- */

/* what() is one line for people: what is wrong, where, and what would be right. */
class error : public std::runtime_error {
  public:
    error(int code, const std::string &message, std::string trace = "")
        : std::runtime_error(message), code_(code), trace_(std::move(trace)) {}

    int code() const noexcept {
        return code_;
    } /* of nn_err */
    /* The functions of the library that it passed through, innermost first. */
    const std::string &trace() const noexcept {
        return trace_;
    }
    /* What a program is to end with for it. */
    int exit_code() const noexcept {
        return nn_error_exit_code(code_);
    }

  private:
    int code_;
    std::string trace_;
};

namespace detail {

inline void check(int rc) {
    if (rc < 0)
        throw error(rc, nn_error_message(), nn_error_trace());
}

[[noreturn]] inline void misuse(const std::string &message) {
    throw error(NN_EUSAGE, message);
}

} // namespace detail

inline std::string version() {
    return nn_version();
}

/* ---- views ----------------------------------------------------------------------------------- */

#ifdef __cpp_lib_span
template <class T> using span = std::span<T>;
#else
/* Elements of somebody else's, to be used while they are there. */
template <class T> class span {
  public:
    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    /* of anything with data() and size(), as std::vector and std::array */
    template <class C, class = std::enable_if_t<
                           std::is_convertible_v<decltype(std::declval<C &>().data()), T *>>>
    constexpr span(C &&container) : data_(container.data()), size_(container.size()) {}
    template <std::size_t N> constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}

    constexpr T *data() const noexcept {
        return data_;
    }
    constexpr std::size_t size() const noexcept {
        return size_;
    }
    constexpr bool empty() const noexcept {
        return size_ == 0;
    }
    constexpr T &operator[](std::size_t i) const {
        return data_[i];
    }
    constexpr T *begin() const noexcept {
        return data_;
    }
    constexpr T *end() const noexcept {
        return data_ + size_;
    }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};
#endif

/* ---- handles --------------------------------------------------------------------------------- */

namespace detail {

/* Owns an object of the C library. Others that need it hold it, too, until they are freed. */
template <class T> class Handle {
  public:
    /* That of C, for what this interface does not have. */
    T *get() const {
        if (!held_)
            misuse(std::string(what_) + ": this object was moved from or closed; make another one");
        return held_.get();
    }
    explicit operator bool() const noexcept {
        return held_ != nullptr;
    }
    /* Frees it now, as the destructor would; what still needs it keeps it until then. */
    void close() noexcept {
        held_.reset();
    }
    const std::shared_ptr<T> &share() const {
        get();
        return held_;
    }

    Handle(Handle &&) noexcept = default;
    Handle &operator=(Handle &&) noexcept = default;

  protected:
    /* `needs` are released after it. */
    template <class... Needs>
    Handle(const char *what, T *object, void (*release)(T *), Needs... needs)
        : held_(object, [release,
                         needs = std::make_tuple(std::move(needs)...)](T *held) { release(held); }),
          what_(what) {}
    ~Handle() = default;

  private:
    std::shared_ptr<T> held_;
    const char *what_;
};

/* The object that a function of C makes: make<nn_config>(nn_config_load, path). */
template <class T, class... Parameters, class... Arguments>
T *make(int (*function)(Parameters...), Arguments... arguments) {
    T *object = nullptr;
    check(function(arguments..., &object));
    return object;
}

} // namespace detail

/* ---- ranks ----------------------------------------------------------------------------------- */

/* The processes of a run. The destructor is collective; it ends MPI where world() has started it.
 */
class Comm : public detail::Handle<nn_comm> {
  public:
    static Comm world() {
        return Comm(detail::make<nn_comm>(nn_comm_init));
    }
    /* <nnmpi/mpi.hpp> has nnmpi::comm_from for an MPI_Comm. */
    static Comm from_fortran(int handle) {
        return Comm(detail::make<nn_comm>(nn_comm_from_fortran, handle));
    }
    static Comm alone() {
        return Comm(detail::make<nn_comm>(nn_comm_alone));
    }
    explicit Comm(nn_comm *comm) : Handle("nnmpi::Comm", comm, nn_comm_free) {} /* takes it over */

    int rank() const {
        return nn_comm_rank(get());
    }
    int size() const {
        return nn_comm_size(get());
    }

    /* Calls `work` on every rank. Where it throws on some, all throw, the others what the lowest of
     * these ranks says, so that none waits for one that is gone. Collective. */
    template <class Work> void agree(Work &&work) const {
        int rc = 0;
        std::exception_ptr thrown;
        try {
            work();
        } catch (const std::exception &failure) {
            const auto *of_nnmpi = dynamic_cast<const error *>(&failure);
            rc = nn_error_set(of_nnmpi ? of_nnmpi->code() : NN_EIO, failure.what());
            thrown = std::current_exception();
        } catch (...) {
            rc = nn_error_set(NN_EIO, "something that is no std::exception was thrown");
            thrown = std::current_exception();
        }
        rc = nn_comm_agree(get(), rc);
        if (thrown)
            std::rethrow_exception(thrown);
        detail::check(rc);
    }
    /* Ends all ranks; does not return. */
    [[noreturn]] void abort(int exit_status) const {
        nn_comm_abort(get(), exit_status);
        std::abort();
    }
};

/* ---- log ------------------------------------------------------------------------------------- */

/* Hands the messages of this thread to `sink` while the object lives; it may be called by threads
 * of the library, and what it throws is ignored. Local. */
class Log {
  public:
    using Sink = std::function<void(nn_log_level, std::string_view)>;

    explicit Log(Sink sink, nn_log_level level = NN_LOG_INFO) : sink_(std::move(sink)) {
        nn_log_to(call_sink, this, level);
    }
    ~Log() {
        nn_log_to(nullptr, nullptr, NN_LOG_WARNING);
    }
    Log(const Log &) = delete;
    Log &operator=(const Log &) = delete;

  private:
    static void call_sink(void *ctx, nn_log_level level, const char *line) {
        try {
            static_cast<Log *>(ctx)->sink_(level, line);
        } catch (...) { /* the library is of C, and a message is no reason to end */
        }
    }

    Sink sink_;
};

} // namespace nnmpi

#endif
