#include "models/catalogue.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <toml++/toml.h>
#include <utility>

#include "core/file.hpp"
#include "core/text.hpp"

namespace tarsier::models {
namespace fs = std::filesystem;
namespace {

constexpr std::array kHeads = {
    std::pair{Head::kNone, std::string_view("none")},
    std::pair{Head::kCenterNet, std::string_view("centernet")},
    std::pair{Head::kYolox, std::string_view("yolox")},
    std::pair{Head::kFastestDet, std::string_view("fastestdet")},
    std::pair{Head::kYolov8, std::string_view("yolov8")},
    std::pair{Head::kMaskArgmax, std::string_view("mask_argmax")},
    std::pair{Head::kMaskThreshold, std::string_view("mask_threshold")},
    std::pair{Head::kFaceAnchors, std::string_view("face_anchors")},
    std::pair{Head::kFaceMesh, std::string_view("face_mesh")},
    std::pair{Head::kBody, std::string_view("body")},
    std::pair{Head::kHand, std::string_view("hand")},
    std::pair{Head::kInverseDepth, std::string_view("inverse_depth")},
    std::pair{Head::kDepth, std::string_view("depth")},
    std::pair{Head::kImage, std::string_view("image")},
};
constexpr std::array kFits = {
    std::pair{Fit::kStretch, std::string_view("stretch")},
    std::pair{Fit::kLetterboxCentre, std::string_view("letterbox")},
    std::pair{Fit::kLetterboxTopLeft, std::string_view("letterbox_top_left")},
};

/// Reads typed keys out of one TOML table and keeps the first complaint; finish() then reports it, or a key
/// that nothing asked for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string file) : table_(table), file_(std::move(file)) {}

  template <class T>
  T get(std::string_view key, T fallback) {
    asked_.emplace(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    // value() alone would take 3 for true.
    const std::optional<T> value = std::is_same_v<T, bool> ? node->value_exact<T>() : node->value<T>();
    if (value) return *value;
    complain(*node, key,
             std::is_same_v<T, bool>          ? "true or false"
             : std::is_same_v<T, std::string> ? "a text"
                                              : "a number");
    return fallback;
  }

  std::string required_text(std::string_view key) {
    auto value = get<std::string>(key, "");
    if (value.empty() && table_.get(key) == nullptr) complain(table_, key, "a text, and it is missing");
    return value;
  }

  /// { key = "text", ... }
  std::map<std::string, std::string> text_table(std::string_view key) {
    asked_.emplace(key);
    std::map<std::string, std::string> values;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return values;
    const toml::table* table = node->as_table();
    if (table == nullptr) {
      complain(*node, key, "a table like { output = \"input\" }");
      return values;
    }
    for (const auto& [name, value] : *table) {
      const auto text = value.value<std::string>();
      if (!text) complain(value, key, "a table like { output = \"input\" }");
      if (text) values[std::string(name.str())] = *text;
    }
    return values;
  }

  std::vector<std::string> texts(std::string_view key) {
    asked_.emplace(key);
    std::vector<std::string> values;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return values;
    const toml::array* array = node->as_array();
    if (array != nullptr) {
      for (const auto& item : *array) {
        if (const auto text = item.value<std::string>()) values.push_back(*text);
      }
    }
    if (array == nullptr || values.size() != array->size()) complain(*node, key, "a list of texts");
    return values;
  }

  /// One number for all three channels, or three.
  std::array<float, 3> channels(std::string_view key, float fallback) {
    asked_.emplace(key);
    std::array<float, 3> values{fallback, fallback, fallback};
    const toml::node* node = table_.get(key);
    if (node == nullptr) return values;
    if (const auto one = node->value<double>()) {
      values.fill(static_cast<float>(*one));
      return values;
    }
    const toml::array* array = node->as_array();
    bool good = array != nullptr && array->size() == 3;
    for (size_t i = 0; good && i < 3; ++i) {
      const auto number = array->get(i)->value<double>();
      good = number.has_value();
      if (good) values[i] = static_cast<float>(*number);
    }
    if (!good) complain(*node, key, "a number or three of them");
    return values;
  }

  template <class E, size_t N>
  E choice(std::string_view key, const std::array<std::pair<E, std::string_view>, N>& choices, E fallback) {
    const auto text = get<std::string>(key, "");
    if (text.empty()) return fallback;
    std::vector<std::string> known;
    for (const auto& [value, name] : choices) {
      if (name == text) return value;
      known.emplace_back(name);
    }
    complain(*table_.get(key), key, fmt::format("one of {}", join(known, ", ")));
    return fallback;
  }

  /// Nested tables that the caller reads itself.
  const toml::node* node(std::string_view key) {
    asked_.emplace(key);
    return table_.get(key);
  }

  void complain(const toml::node& at, std::string_view key, std::string_view wanted) {
    if (!error_) {
      error_ = input_error("{}:{}: '{}' must be {}", file_, at.source().begin.line, key, wanted);
    }
  }

  Status finish() const {
    if (error_) return *error_;
    for (const auto& [key, value] : table_) {
      if (asked_.count(std::string(key.str())) == 0) {
        const std::vector<std::string> known(asked_.begin(), asked_.end());
        return input_error("{}:{}: unknown key '{}'{}", file_, value.source().begin.line, key.str(),
                           did_you_mean(key.str(), known));
      }
    }
    return {};
  }

 private:
  const toml::table& table_;
  std::string file_;
  std::set<std::string> asked_;
  std::optional<Error> error_;
};

Result<InputSpec> read_input(const toml::table& table, const std::string& file) {
  TableReader reader(table, file);
  InputSpec input;
  if (const toml::node* node = reader.node("size"); node != nullptr) {
    const toml::array* size = node->as_array();
    const bool good =
        size != nullptr && size->size() == 2 && size->get(0)->is_integer() && size->get(1)->is_integer();
    if (good) {
      input.width = size->get(0)->value_or(0);
      input.height = size->get(1)->value_or(0);
    }
    if (!good || input.width <= 0 || input.height <= 0)
      reader.complain(*node, "size", "[width, height], both positive");
  }
  constexpr std::array kLayouts = {std::pair{false, std::string_view("NCHW")},
                                   std::pair{true, std::string_view("NHWC")}};
  constexpr std::array kColours = {std::pair{false, std::string_view("RGB")},
                                   std::pair{true, std::string_view("BGR")}};
  input.nhwc = reader.choice("layout", kLayouts, false);
  input.bgr = reader.choice("colour", kColours, false);
  input.mean = reader.channels("mean", 0);
  input.std = reader.channels("std", 1);
  if (std::find(input.std.begin(), input.std.end(), 0.0F) != input.std.end()) {
    reader.complain(table, "std", "other than 0");
  }
  input.fit = reader.choice("fit", kFits, Fit::kStretch);
  input.pad = static_cast<float>(reader.get<double>("pad", 0));
  input.any_aspect = reader.get<bool>("any_aspect", false);
  TARSIER_CHECK(reader.finish());
  return input;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status read_files(const toml::node* node, const std::string& file, Entry& entry) {
  if (node == nullptr || node->as_array() == nullptr)
    return input_error("{}: model '{}' has no [[model.file]]", file, entry.name);
  for (const auto& item : *node->as_array()) {
    if (item.as_table() == nullptr)
      return input_error("{}:{}: [[model.file]] expected", file, item.source().begin.line);
    TableReader reader(*item.as_table(), file);
    FileSpec spec;
    spec.name = reader.required_text("name");
    spec.sha256 = to_lower(reader.required_text("sha256"));
    spec.bytes = static_cast<uint64_t>(reader.get<int64_t>("bytes", 0));
    if (!is_sha256(spec.sha256)) reader.complain(item, "sha256", "64 hexadecimal digits");
    if (spec.name.empty() || spec.name != file_name_of(spec.name) || spec.name.front() == '.') {
      reader.complain(item, "name", "a plain file name");
    }
    TARSIER_CHECK(reader.finish());
    entry.files.push_back(std::move(spec));
  }
  return {};
}

Status read_sources(const toml::node* node, const std::string& file, Entry& entry) {
  if (node == nullptr) return {};
  if (node->as_array() == nullptr)
    return input_error("{}:{}: [[model.source]] expected", file, node->source().begin.line);
  for (const auto& item : *node->as_array()) {
    if (item.as_table() == nullptr)
      return input_error("{}:{}: [[model.source]] expected", file, item.source().begin.line);
    TableReader reader(*item.as_table(), file);
    SourceSpec source;
    source.npm = reader.get<std::string>("npm", "");
    source.version = reader.get<std::string>("version", "");
    source.paths = reader.texts("paths");
    source.urls = reader.texts("urls");
    const bool npm = !source.npm.empty();
    if (npm == !source.urls.empty())
      reader.complain(item, "npm", "given where 'urls' is not, and not together with it");
    if (npm && source.version.empty()) reader.complain(item, "version", "given with 'npm'");
    const auto& places = npm ? source.paths : source.urls;
    if (places.size() != entry.files.size()) {
      reader.complain(item, npm ? "paths" : "urls",
                      fmt::format("{} long, one for each [[model.file]]", entry.files.size()));
    }
    TARSIER_CHECK(reader.finish());
    entry.sources.push_back(std::move(source));
  }
  return {};
}

Result<std::vector<std::string>> read_labels(const fs::path& path) {
  TARSIER_TRY(const std::string text, read_text(path));
  std::vector<std::string> labels = split(text, '\n');
  for (auto& label : labels) {
    while (!label.empty() && (label.back() == '\r' || label.back() == ' ')) label.pop_back();
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

/// One [[model]], or a user's own description of one model file (`own`), which has neither files nor sources.
Result<Entry> read_entry(const toml::table& table, const std::string& file, const fs::path& labels_dir,
                         bool own) {
  TableReader reader(table, file);
  Entry entry;
  entry.name = own ? reader.get<std::string>("name", "") : reader.required_text("name");
  entry.title = reader.get<std::string>("title", "");
  entry.task = reader.get<std::string>("task", "");
  entry.license = own ? reader.get<std::string>("license", "") : reader.required_text("license");
  entry.license_url = reader.get<std::string>("license_url", "");
  entry.head = reader.choice("head", kHeads, Head::kNone);
  entry.outputs = reader.texts("outputs");
  entry.state = reader.text_table("state");
  const auto labels = reader.get<std::string>("labels", "");
  const toml::node* input = reader.node("input");
  const toml::node* files = nullptr;
  const toml::node* sources = nullptr;
  if (!own) {
    entry.fetched_by_default = reader.get<bool>("default", false);
    entry.needs_consent = reader.get<bool>("consent", false);
    files = reader.node("file");
    sources = reader.node("source");
  }
  if (input != nullptr && input->as_table() == nullptr) reader.complain(*input, "input", "a table");
  TARSIER_CHECK(reader.finish());
  if (input != nullptr) {
    TARSIER_TRY(entry.input, read_input(*input->as_table(), file));
  }
  if (!own) {
    if (entry.name.empty() || entry.name != file_name_of(entry.name) || entry.name.front() == '.') {
      return input_error("{}:{}: the model's name '{}' must be made of letters, digits, '_', '-' and '.'",
                         file, table.source().begin.line, entry.name);
    }
    TARSIER_CHECK(read_files(files, file, entry));
    TARSIER_CHECK(read_sources(sources, file, entry));
    if (entry.files.empty()) return input_error("{}: model '{}' has no [[model.file]]", file, entry.name);
  }
  if (!labels.empty()) {
    auto names = read_labels(labels_dir / labels);
    if (!names) return names.error().in(fmt::format("{}: labels of '{}'", file, entry.name));
    entry.labels = *std::move(names);
  }
  return entry;
}

Result<toml::table> parse(const fs::path& path) {
  TARSIER_TRY(const std::string text, read_text(path));
  try {
    return toml::parse(text, path.string());
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    return input_error("{}:{}:{}: {}", path.string(), at.line, at.column, error.description());
  }
}

bool looks_like_path(const std::string& name) {
  return name.find('/') != std::string::npos || fs::path(name).extension() == ".onnx" ||
         fs::path(name).extension() == ".tflite" || fs::path(name).extension() == ".json";
}

Result<Entry> own_entry(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) return input_error("{}: no such file", path.string());
  if (fs::is_directory(path, code))
    return input_error("{}: is a folder; name the model file in it", path.string());
  Entry entry;
  entry.input.std = {255, 255, 255};
  fs::path description = path;
  description.replace_extension(".toml");
  if (fs::exists(description, code)) {
    TARSIER_TRY(const toml::table table, parse(description));
    TARSIER_TRY(entry, read_entry(table, description.string(), description.parent_path(), true));
  }
  if (entry.name.empty()) entry.name = path.stem().string();
  entry.files = {FileSpec{path.filename().string(), "", 0}};
  entry.own_file = path;
  return entry;
}

}  // namespace

std::string_view name_of(Head head) {
  return std::find_if(kHeads.begin(), kHeads.end(), [&](const auto& row) { return row.first == head; })
      ->second;
}

std::string_view name_of(Fit fit) {
  return std::find_if(kFits.begin(), kFits.end(), [&](const auto& row) { return row.first == fit; })->second;
}

std::string SourceSpec::describe() const {
  if (!npm.empty()) return fmt::format("npm {}@{}", npm, version);
  return urls.empty() ? "" : urls.front();
}

Result<Catalogue> Catalogue::load(const fs::path& path) {
  TARSIER_TRY(const toml::table table, parse(path));
  const std::string file = path.string();
  TableReader reader(table, file);
  const toml::node* models = reader.node("model");
  TARSIER_CHECK(reader.finish());
  if (models == nullptr || models->as_array() == nullptr) return input_error("{}: no [[model]] in it", file);
  Catalogue catalogue;
  for (const auto& item : *models->as_array()) {
    if (item.as_table() == nullptr)
      return input_error("{}:{}: [[model]] expected", file, item.source().begin.line);
    TARSIER_TRY(Entry entry, read_entry(*item.as_table(), file, path.parent_path() / "labels", false));
    for (const auto& other : catalogue.entries_) {
      if (other.name == entry.name) {
        return input_error("{}:{}: model '{}' is there twice", file, item.source().begin.line, entry.name);
      }
    }
    catalogue.entries_.push_back(std::move(entry));
  }
  return catalogue;
}

Result<Catalogue> Catalogue::load_default() {
  return load(home_dir() / "assets" / "models.toml");
}

std::vector<std::string> Catalogue::names() const {
  std::vector<std::string> names;
  for (const auto& entry : entries_) names.push_back(entry.name);
  return names;
}

Result<const Entry*> Catalogue::find(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return input_error(
      "no network is called '{}'{}; `tarsier models list` shows them, a file of your own is given by its "
      "path",
      name, did_you_mean(name, names()));
}

Result<Entry> Catalogue::resolve(const std::string& name_or_path) const {
  if (looks_like_path(name_or_path)) return own_entry(name_or_path);
  TARSIER_TRY(const Entry* entry, find(name_or_path));
  return *entry;
}

}  // namespace tarsier::models
