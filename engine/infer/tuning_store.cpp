#include "infer/tuning_store.hpp"

#include <nlohmann/json.hpp>

#include "core/file.hpp"
#include "core/log.hpp"
#include "gpu/pipeline.hpp"
#include "gpu/shader_library.hpp"

namespace tarsier::infer {
namespace {

uint64_t hash_of_shaders() {
  static const uint64_t hash = [] {
    uint64_t all = 0;
    for (const auto& shader : gpu::embedded_shaders()) all = hash64(std::as_bytes(shader.words), all);
    return all;
  }();
  return hash;
}

std::map<std::string, TunedChoice> read_choices(const std::filesystem::path& file, bool tell) {
  std::map<std::string, TunedChoice> choices;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return choices;
  const auto text = read_text(file);
  const auto json = text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  const auto table = json.is_object() ? json.find("choices") : json.end();
  if (!json.is_object() || table == json.end() || !table->is_object()) {
    if (tell) log::warn("{} is damaged and will be replaced", file.string());
    return choices;
  }
  for (const auto& [key, value] : table->items()) {
    if (!value.is_object() || !value.contains("variant") || !value["variant"].is_string()) continue;
    const auto ms = value.find("ms");
    const auto full = value.find("full");
    choices[key] = {value["variant"].get<std::string>(),
                    full != value.end() && full->is_boolean() && full->get<bool>(),
                    ms != value.end() && ms->is_number() ? ms->get<double>() : 0.0};
  }
  return choices;
}

}  // namespace

TuningStore::TuningStore(std::filesystem::path file)
    : file_(std::move(file)), choices_(read_choices(file_, true)) {}

std::filesystem::path TuningStore::default_file(const gpu::Device& device) {
  return cache_dir() / "tuning" /
         fmt::format("{}-w{}-{:016x}.json", gpu::driver_key(device.physical()),
                     device.features().subgroup_size, hash_of_shaders());
}

std::optional<TunedChoice> TuningStore::find(const std::string& key) const {
  const auto found = choices_.find(key);
  return found == choices_.end() ? std::nullopt : std::optional(found->second);
}

void TuningStore::put(const std::string& key, TunedChoice choice) {
  choices_[key] = std::move(choice);
  changed_ = true;
}

void TuningStore::save() {
  if (!changed_) return;
  auto merged = read_choices(file_, false);
  for (const auto& [key, choice] : choices_) merged[key] = choice;
  nlohmann::json table = nlohmann::json::object();
  for (const auto& [key, choice] : merged) {
    table[key] = {{"variant", choice.variant}, {"full", choice.full}, {"ms", choice.ms}};
  }
  std::error_code error;
  std::filesystem::create_directories(file_.parent_path(), error);
  const auto written = write_text_atomic(file_, nlohmann::json{{"choices", table}}.dump(1) + "\n");
  if (!written) log::warn("measured choices are not kept: {}", written.error().message);
  changed_ = false;
}

}  // namespace tarsier::infer
