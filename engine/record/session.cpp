#include "record/session.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

namespace tarsier::record {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplace = Json::error_handler_t::replace;  // what is no UTF-8

Json json_of(const ParamValue& value) {
  return std::visit([](const auto& one) { return Json(one); }, value);
}

Result<ParamValue> value_of(const Json& json) {
  if (json.is_boolean()) return ParamValue(json.get<bool>());
  if (json.is_number_integer()) return ParamValue(json.get<int64_t>());
  if (json.is_number()) return ParamValue(json.get<double>());
  if (json.is_string()) return ParamValue(json.get<std::string>());
  if (json.is_array()) return ParamValue(json.get<std::vector<std::string>>());
  return input_error("no parameter has such a value");
}

std::string hex(uint64_t number) {
  return fmt::format("{:016x}", number);
}

Result<uint64_t> number_of(const std::string& hex) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
  if (error != std::errc() || end != hex.data() + hex.size()) return input_error("'{}' is no hash", hex);
  return number;
}

Result<SessionStep> parse_step(const Json& line) {
  SessionStep step;
  if (const auto params = line.find("params"); params != line.end()) {
    for (const auto& [key, json] : params->items()) {
      TARSIER_TRY(auto value, value_of(json));
      step.params.emplace_back(key, std::move(value));
    }
  }
  step.pipeline = line.value("pipeline", "");
  step.redraws = line.value("redraws", 0U);
  if (step.redraws > 0) return step;
  step.id = line.at("id").get<uint64_t>();
  step.position = line.at("position").get<uint64_t>();
  step.file = line.value("file", 0U);
  step.time_s = line.at("time").get<double>();
  step.taken_s = line.at("taken").get<double>();
  step.width = line.at("width").get<int>();
  step.height = line.at("height").get<int>();
  TARSIER_TRY(step.picture, number_of(line.at("picture").get<std::string>()));
  return step;
}

Result<SessionHead> parse_head(const Json& json) {
  SessionHead head;
  const int version = json.at("version").get<int>();
  if (version > kSessionVersion)
    return input_error("is of format {}, this program knows {}; use a newer Tarsier", version,
                       kSessionVersion);
  head.tarsier = json.value("tarsier", "");
  head.began = json.value("began", "");
  const Json& source = json.at("source");
  head.source = {.name = source.at("name").get<std::string>(),
                 .kind = source.at("kind").get<std::string>(),
                 .width = source.at("width").get<int>(),
                 .height = source.at("height").get<int>(),
                 .fps = source.value("fps", 0.0),
                 .kept = source.at("kept").get<bool>(),
                 .reference = source.value("reference", ""),
                 .sha256 = source.value("sha256", ""),
                 .bytes = source.value("bytes", uint64_t{0}),
                 .modified_ns = source.value("modified_ns", int64_t{0})};
  const Json& device = json.at("device");
  head.device = device.at("name").get<std::string>();
  head.uuid = device.value("uuid", "");
  head.driver = device.value("driver", "");
  head.pipeline = json.at("pipeline").get<std::string>();
  head.preset = json.value("preset", "");
  head.precision = json.value("precision", "fp32");
  head.tune = json.value("tune", "fast");
  for (const Json& one : json.value("networks", Json::array()))
    head.networks.push_back({one.at("key").get<std::string>(), one.at("name").get<std::string>(),
                             one.at("file").get<std::string>(), one.at("sha256").get<std::string>()});
  head.continues = json.value("continues", false);
  head.results = json.value("results", true);
  head.layers = json.value("layers", false);
  head.frames = json.value("frames", uint64_t{0});
  head.ended = json.value("ended", "");
  return head;
}

/// `parse` of a JSON text; errors begin with its place.
template <class Parse>
auto parsed(std::string_view text, const std::string& place, Parse&& parse)
    -> decltype(parse(std::declval<Json>())) {
  try {
    auto result = parse(Json::parse(text));
    if (!result.ok()) return result.error().in(place);
    return result;
  } catch (const Json::exception& error) {
    return input_error("{}: is not as a session has it: {}", place, error.what());
  }
}

/// Lines with their breaks off. What stands behind the last break was not written to its end.
std::vector<std::string_view> whole_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string_view::npos; at = end + 1)
    lines.push_back(text.substr(at, end - at));
  return lines;
}

}  // namespace

std::string pipeline_name(size_t index) {
  return fmt::format("pipeline-{}.toml", index);
}
std::string pictures_name(size_t index) {
  return fmt::format("frames-{}.mkv", index);
}

Status describe_file(SessionSource& source, bool hash) {
  struct stat status {};
  if (::stat(source.reference.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  source.bytes = uint64_t(status.st_size);
  source.modified_ns = int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  if (!hash) return {};
  TARSIER_TRY(source.sha256, sha256_of_file(source.reference));
  return {};
}

std::string head_text(const SessionHead& head) {
  Json source = {
      {"name", head.source.name},          {"kind", head.source.kind}, {"width", head.source.width},
      {"height", head.source.height},      {"fps", head.source.fps},   {"kept", head.source.kept},
      {"reference", head.source.reference}};
  if (head.source.bytes > 0) {
    source["bytes"] = head.source.bytes;
    source["modified_ns"] = head.source.modified_ns;
    source["sha256"] = head.source.sha256;
  }
  Json networks = Json::array();
  for (const auto& one : head.networks)
    networks.push_back({{"key", one.key}, {"name", one.name}, {"file", one.file}, {"sha256", one.sha256}});
  const Json json = {{"version", kSessionVersion},
                     {"tarsier", head.tarsier},
                     {"began", head.began},
                     {"source", source},
                     {"device", {{"name", head.device}, {"uuid", head.uuid}, {"driver", head.driver}}},
                     {"pipeline", head.pipeline},
                     {"preset", head.preset},
                     {"precision", head.precision},
                     {"tune", head.tune},
                     {"networks", networks},
                     {"continues", head.continues},
                     {"results", head.results},
                     {"layers", head.layers},
                     {"frames", head.frames},
                     {"ended", head.ended}};
  return json.dump(2, ' ', false, kReplace) + "\n";
}

std::string step_line(const SessionStep& step) {
  Json line = Json::object();
  if (step.redraws > 0) {
    line["redraws"] = step.redraws;
  } else {
    line = {{"id", step.id},         {"position", step.position},   {"file", step.file},
            {"time", step.time_s},   {"taken", step.taken_s},       {"width", step.width},
            {"height", step.height}, {"picture", hex(step.picture)}};
  }
  if (!step.pipeline.empty()) line["pipeline"] = step.pipeline;
  if (!step.params.empty()) {
    Json& params = line["params"] = Json::object();
    for (const auto& [key, value] : step.params) params[key] = json_of(value);
  }
  return line.dump(-1, ' ', false, kReplace) + "\n";
}

Result<Session> Session::open(const fs::path& folder) {
  Session session;
  session.folder_ = folder;
  const fs::path head_file = folder / kHead, steps_file = folder / kSteps;
  const auto head = read_text(head_file);
  if (!head.ok())
    return input_error("{}: is no session: {} is not there or cannot be read", folder.string(), kHead);
  TARSIER_TRY(session.head_, parsed(*head, head_file.string(), parse_head));
  TARSIER_TRY(const std::string text, read_text(steps_file));
  const auto lines = whole_lines(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    TARSIER_TRY(auto step, parsed(lines[i], fmt::format("{}:{}", steps_file.string(), i + 1), parse_step));
    const bool changes = !step.params.empty() || !step.pipeline.empty();
    if (changes) session.changing_.push_back(session.steps_.size());
    // What changed while a frame was drawn again counts for the frame behind it, too.
    const size_t frame = session.frames_.size();
    if (changes && (session.changes_.empty() || session.changes_.back() != frame))
      session.changes_.push_back(frame);
    if (step.redraws == 0) session.frames_.push_back(session.steps_.size());
    session.steps_.push_back(std::move(step));
  }
  if (!text.empty() && text.back() != '\n')
    log::warn("{}: the last line is not whole and is left out", steps_file.string());
  if (session.frames_.empty()) return input_error("{}: has no frame", folder.string());
  if (session.changes_.empty() || session.changes_.front() != 0)
    return input_error("{}:1: the first frame has no parameters", steps_file.string());
  if (session.changes_.back() == session.frames_.size()) session.changes_.pop_back();
  if (session.head_.ended.empty())
    log::warn("{}: the recording was not finished; {} frames are there", folder.string(),
              session.frames_.size());
  return session;
}

std::map<std::string, ParamValue> Session::params_at(size_t frame) const {
  std::map<std::string, ParamValue> params;
  for (const size_t i : changing_) {
    if (i > frames_[frame]) break;
    for (const auto& [key, value] : steps_[i].params) params.insert_or_assign(key, value);
  }
  return params;
}

fs::path Session::pipeline_at(size_t frame) const {
  std::string name = pipeline_name(0);
  for (const size_t i : changing_)
    if (i <= frames_[frame] && !steps_[i].pipeline.empty()) name = steps_[i].pipeline;
  return folder_ / name;
}

std::string Session::precision_at(size_t frame) const {
  const auto params = params_at(frame);
  const auto found = params.find(kPrecision);
  return found == params.end() ? head_.precision : to_string(found->second);
}

size_t Session::change_for(size_t frame) const {
  const auto after = std::ranges::upper_bound(changes_, frame);
  return after == changes_.begin() ? 0 : *(after - 1);
}

SessionResults Session::results() const {
  return SessionResults(folder_ / kResults);
}

std::optional<std::string> SessionResults::next() {
  std::string line;
  // At the end of the file without a break behind it: a line that was not written to its end.
  if (!std::getline(in_, line) || in_.eof()) return std::nullopt;
  return line;
}

uint64_t Session::bytes_on_disk() const {
  uint64_t bytes = 0;
  std::error_code code;
  for (fs::directory_iterator at(folder_, code), end; !code && at != end; at.increment(code))
    if (at->is_regular_file(code)) bytes += at->file_size(code);
  return bytes;
}

Result<std::vector<std::string>> Session::pictures(const std::string& moved) const {
  std::vector<std::string> places;
  std::error_code code;
  if (head_.source.kept) {
    uint32_t last = 0;
    for (const size_t at : frames_) last = std::max(last, steps_[at].file);
    for (uint32_t file = 0; file <= last; ++file) {
      fs::path place = folder_ / pictures_name(file);
      // Of a program that was killed: the last file has no end, and its working name.
      const fs::path partial = folder_ / fmt::format(".{}.partial.mkv", place.stem().string());
      if (!fs::exists(place, code) && fs::exists(partial, code)) place = partial;
      if (!fs::exists(place, code))
        return input_error("{}: the session's pictures are not there", place.string());
      places.push_back(place.string());
    }
    return places;
  }
  std::string place = moved.empty() ? head_.source.reference : moved;
  const bool is_file = head_.source.bytes > 0;
  if (moved.empty() && is_file && !fs::exists(place, code)) {
    // Folders are sent around with their clip.
    for (const fs::path& near : {folder_, fs::absolute(folder_, code).lexically_normal().parent_path()}) {
      const fs::path there = near / fs::path(place).filename();
      if (fs::exists(there, code)) place = there.string();
    }
  }
  if (is_file) {
    SessionSource now{.reference = place};
    TARSIER_CHECK(describe_file(now, false));
    if (now.bytes == 0)
      return input_error("{}: the session's source is not there; say with --source where it is now", place);
    if (now.bytes != head_.source.bytes)
      return input_error("{}: is not the file that the session was made of: that had {} bytes, not {}", place,
                         head_.source.bytes, now.bytes);
    if (now.modified_ns != head_.source.modified_ns && !head_.source.sha256.empty()) {
      TARSIER_CHECK(describe_file(now, true));
      if (now.sha256 != head_.source.sha256)
        return input_error("{}: is not the file that the session was made of: its SHA-256 is {}, not {}",
                           place, now.sha256, head_.source.sha256);
    }
  }
  places.push_back(place);
  return places;
}

}  // namespace tarsier::record
