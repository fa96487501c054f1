// Result<T>: a value or an Error, the return type of everything that can fail at load time.
#pragma once

#include <cassert>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <variant>

namespace tarsier {

/// Decides the exit code of the program: 2 for what the user gave (usage, files), 1 for what failed while
/// running.
enum class ErrorKind { kInput, kRuntime };

/// Names from files may hold anything: what is no printable character becomes a question mark.
inline std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return text;
}

/// One clear line: what went wrong, where, and what to do about it.
struct Error {
  ErrorKind kind = ErrorKind::kRuntime;
  std::string message;

  /// The same error seen from one level up: "yolox.onnx: node Conv_3: ...".
  [[nodiscard]] Error in(std::string_view where) const& {
    return {kind, one_line(fmt::format("{}: {}", where, message))};
  }
  [[nodiscard]] int exit_code() const { return kind == ErrorKind::kInput ? 2 : 1; }
};

template <class... Args>
Error input_error(fmt::format_string<Args...> format, Args&&... args) {
  return {ErrorKind::kInput, one_line(fmt::format(format, std::forward<Args>(args)...))};
}
template <class... Args>
Error runtime_error(fmt::format_string<Args...> format, Args&&... args) {
  return {ErrorKind::kRuntime, one_line(fmt::format(format, std::forward<Args>(args)...))};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& value() {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  [[nodiscard]] const Error& error() const {
    assert(!ok_);
    return error_;
  }

 private:
  Error error_;
  bool ok_ = true;
};
using Status = Result<void>;

#define TARSIER_CONCAT_(a, b) a##b
#define TARSIER_CONCAT(a, b) TARSIER_CONCAT_(a, b)

/// TARSIER_TRY(auto x, make_x()): assigns the value or returns the error from the enclosing function.
#define TARSIER_TRY(declaration, expression) \
  TARSIER_TRY_(TARSIER_CONCAT(result_, __LINE__), declaration, expression)
#define TARSIER_TRY_(name, declaration, expression) \
  auto name = (expression);                         \
  if (!name.ok()) return name.error();              \
  declaration = *std::move(name)

/// TARSIER_CHECK(do_x()): returns the error of a Status from the enclosing function.
#define TARSIER_CHECK(expression) \
  if (auto&& status = (expression); !status.ok()) return status.error()

}  // namespace tarsier
