// Parameters, declared once: from one ParamSpec come the TOML key, --set, the help text and the overlay's
// control.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.hpp"

namespace tarsier {

enum class ParamType : uint8_t {
  kBool,
  kInt,
  kFloat,
  kChoice,  // one of ParamSpec::choices
  kText,
  kSet  // a subset of ParamSpec::choices
};

using ParamValue = std::variant<bool, int64_t, double, std::string, std::vector<std::string>>;

struct ParamSpec {
  std::string key;  // "stage.name"
  ParamType type = ParamType::kFloat;
  ParamValue initial = 0.0;
  double min = 0, max = 1, step = 0.01;  // of kInt and kFloat, inclusive
  std::string unit;
  std::string help;
  std::vector<std::string> choices;
  std::string empty = "all";  // of kSet: what the empty set means, and the word for it
  bool restarts = false;      // read when the pipeline starts; the overlay shows it greyed
};

/// Where a value comes from; a later one wins over an earlier one.
enum class ParamOrigin : uint8_t { kDefault, kPipeline, kPreset, kCommandLine, kOverlay };
[[nodiscard]] std::string_view name_of(ParamOrigin origin);
[[nodiscard]] std::string to_string(const ParamValue& value);

/// A value and where it was written ("street.toml:12", "--set"; empty for defaults and the overlay).
struct ParamSource {
  ParamValue value;
  ParamOrigin origin = ParamOrigin::kDefault;
  std::string place;
};

/// The declared parameters and their values. Not thread safe: it is read and set between frames by one
/// thread, which is what gives every stage of a frame the same snapshot.
class Params {
 public:
  /// Declaring a key twice is a programming error. Values that were set before the declaration are applied to
  /// it, so that a pipeline file can be read before its stages are made; an error names the bad value.
  Status declare(ParamSpec spec);
  /// Takes back the declared parameters whose keys start with this: those of a stage that is not there.
  void withdraw(std::string_view prefix);
  /// Sets the value of that origin; it is in force while none of a stronger origin is there. Errors (kInput):
  /// unknown key (with the nearest known one), wrong type, out of range, unknown choice.
  Status set(std::string_view key, const ParamValue& value, ParamOrigin origin);
  /// The same from text, as in `--set key=value` ("0.4", "on", "person,car").
  Status set_text(std::string_view key, std::string_view text, ParamOrigin origin);
  /// As somebody at the overlay does: a value that is there without him is no change of his.
  Status set_by_hand(std::string_view key, const ParamValue& value);
  /// Takes the value of that origin back: the strongest of the others is in force. A default stays.
  void clear(std::string_view key, ParamOrigin origin);
  void clear_all(ParamOrigin origin);
  /// Keeps a value for a key that is declared later. `place` is where the user wrote it ("street.toml:12"):
  /// errors begin with it.
  void set_later(std::string key, ParamValue value, ParamOrigin origin, std::string place = "");
  void set_text_later(std::string key, std::string text, ParamOrigin origin, std::string place = "");
  /// Gives what was kept to keys that are declared by now. Errors: as of set(), behind the place.
  Status settle();
  /// After all declarations: an error for the first of those keys that nothing declared.
  [[nodiscard]] Status check_all_known() const;

  [[nodiscard]] bool has(std::string_view key) const { return slots_.contains(key); }
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] int64_t integer(std::string_view key) const;
  [[nodiscard]] double real(std::string_view key) const;
  [[nodiscard]] const std::string& text(std::string_view key) const;
  [[nodiscard]] const std::vector<std::string>& set_of(std::string_view key) const;
  [[nodiscard]] const ParamValue& value(std::string_view key) const;
  [[nodiscard]] ParamOrigin origin(std::string_view key) const;
  /// Where the value in force was written; empty for defaults, the overlay and keys that nothing declared.
  [[nodiscard]] std::string place(std::string_view key) const;
  /// What is in force, or would be without the values of that origin and stronger ones.
  [[nodiscard]] const ParamSource& source(std::string_view key) const;
  [[nodiscard]] const ParamSource& source_below(std::string_view key, ParamOrigin origin) const;
  /// Those whose value in force is not their default, in order of declaration.
  [[nodiscard]] std::vector<std::pair<std::string, ParamValue>> not_default() const;
  /// In order of declaration.
  [[nodiscard]] const std::vector<ParamSpec>& specs() const { return specs_; }
  [[nodiscard]] std::vector<std::string> keys() const;
  /// Counts changes: a stage compares it to skip work.
  [[nodiscard]] uint64_t version() const { return version_; }

 private:
  struct Slot {
    size_t spec;
    std::vector<ParamSource> sources;  // the default, then what was set, weakest first
  };
  struct Pending {
    std::string key;
    ParamValue value;
    ParamOrigin origin;
    std::string place;
    bool is_text;
  };
  [[nodiscard]] const Slot& slot(std::string_view key) const;
  Status settle(std::string_view key);
  Status put(std::string_view key, const ParamValue& value, ParamOrigin origin, std::string place);
  [[nodiscard]] std::string unknown(std::string_view key) const;
  Result<ParamValue> parse(const ParamSpec& spec, std::string_view text) const;
  Result<ParamValue> conform(const ParamSpec& spec, const ParamValue& value) const;

  std::vector<ParamSpec> specs_;
  std::map<std::string, Slot, std::less<>> slots_;
  std::vector<Pending> pending_;
  uint64_t version_ = 0;
};

}  // namespace tarsier
