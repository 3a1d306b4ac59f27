#pragma once

#include <cassert>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace braid {

/// What a `try_` call gives: a value, or the error that its twin without `try_` would have thrown.
///
///     auto server = co_await network.try_connect("tcp://127.0.0.1:14004");
///     if (!server) co_return show(server.text());
///     auto stream = co_await server->open();
template <typename T>
class [[nodiscard]] Result {
public:
    /// A success.
    Result(T value) : value_{std::move(value)} {}

    /// A failure. `thrown` is the exception that holds `error`.
    Result(const std::system_error& error, std::exception_ptr thrown)
        : error_{error.code()}, text_{error.what()}, thrown_{std::move(thrown)} {}

    /// True for a success.
    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return value_.has_value(); }

    /// The value, which must be there.
    T& operator*() & noexcept {
        assert(value_);
        return *value_;
    }
    const T& operator*() const& noexcept {
        assert(value_);
        return *value_;
    }
    T&& operator*() && noexcept {
        assert(value_);
        return std::move(*value_);
    }
    T* operator->() noexcept {
        assert(value_);
        return &*value_;
    }
    const T* operator->() const noexcept {
        assert(value_);
        return &*value_;
    }

    /// The value.
    /// @throws what the twin without `try_` would have thrown
    T value() && {
        if (thrown_) std::rethrow_exception(thrown_);
        return std::move(*value_);
    }

    /// No error if there is a value.
    std::error_code error() const noexcept { return error_; }

    /// What went wrong where, and what to do next, in one line; empty if there is a value.
    const std::string& text() const noexcept { return text_; }

private:
    std::optional<T> value_;
    std::error_code error_;
    std::string text_;
    std::exception_ptr thrown_;
};

}  // namespace braid
