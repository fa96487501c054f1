#include "record/result_writer.hpp"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace tarsier::record {
namespace fs = std::filesystem;
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();  // written as null

/// JSON has no NaN and no infinity.
void append_number(std::string& out, double value, int decimals) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{:.{}f}", value, decimals);
  } else {
    out += "null";
  }
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> all_quoted(const std::vector<std::string>& labels) {
  std::vector<std::string> out;
  out.reserve(labels.size());
  for (const auto& label : labels) out.push_back(quoted(label));
  return out;
}

void append_class_name(std::string& out, int32_t class_id, const std::vector<std::string>& quoted_labels) {
  if (class_id >= 0 && size_t(class_id) < quoted_labels.size()) {
    out += quoted_labels[size_t(class_id)];
  } else {
    fmt::format_to(std::back_inserter(out), R"("class {}")", class_id);
  }
}

void append_class(std::string& out, int32_t class_id, const std::vector<std::string>& quoted_labels) {
  fmt::format_to(std::back_inserter(out), R"("class_id":{},"class":)", class_id);
  append_class_name(out, class_id, quoted_labels);
}

/// ,"entered":{"person":4,"car":1}
void append_counts(std::string& out, std::string_view key, const vision::ClassCounts& counts,
                   const std::vector<std::string>& quoted_labels) {
  fmt::format_to(std::back_inserter(out), R"(,"{}":{{)", key);
  bool first = true;
  for (const auto& [class_id, count] : counts) {
    if (!std::exchange(first, false)) out += ',';
    append_class_name(out, class_id, quoted_labels);
    fmt::format_to(std::back_inserter(out), ":{}", count);
  }
  out += '}';
}

void append_zone(std::string& out, const pipeline::ZoneResult& zone,
                 const std::vector<std::string>& quoted_labels) {
  const auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"name":{},"count":{},"inside":[)", quoted(zone.name), zone.count.inside.size());
  bool first = true;
  for (const auto& visitor : zone.count.inside) {
    if (!std::exchange(first, false)) out += ',';
    fmt::format_to(at, R"({{"track":{},"dwell":)", visitor.track);
    append_number(out, visitor.dwell_s, 3);
    out += '}';
  }
  out += ']';
  append_counts(out, "entered", zone.count.entered, quoted_labels);
  append_counts(out, "left", zone.count.left, quoted_labels);
  out += R"(,"mean_dwell":)";
  append_number(out, zone.count.mean_dwell_s().value_or(kNone), 3);
  out += '}';
}

void append_crossings(std::string& out, const pipeline::LineResult& line,
                      const std::vector<std::string>& quoted_labels) {
  const auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"name":{},"crossed":[)", quoted(line.name));
  bool first = true;
  for (const auto& one : line.count.crossed) {
    if (!std::exchange(first, false)) out += ',';
    fmt::format_to(at, R"({{"track":{},"direction":"{}"}})", one.track, one.forward ? "forward" : "backward");
  }
  out += ']';
  append_counts(out, "forward", line.count.forward, quoted_labels);
  append_counts(out, "backward", line.count.backward, quoted_labels);
  out += '}';
}

/// Detection or Track.
template <class T>
void append_box(std::string& out, const T& box) {
  out += R"("box":[)";
  append_number(out, box.x0, 2);
  out += ',';
  append_number(out, box.y0, 2);
  out += ',';
  append_number(out, box.x1, 2);
  out += ',';
  append_number(out, box.y1, 2);
  out += ']';
}

void append_track(std::string& out, const vision::Track& track,
                  const std::vector<std::string>& quoted_labels) {
  fmt::format_to(std::back_inserter(out), R"({{"id":{},)", track.id);
  append_class(out, track.class_id, quoted_labels);
  out += R"(,"score":)";
  append_number(out, track.score, 4);
  out += ',';
  append_box(out, track);
  fmt::format_to(std::back_inserter(out), R"(,"state":"{}","age":)", vision::name_of(track.state));
  append_number(out, track.age_s, 3);
  out += R"(,"velocity":[)";
  append_number(out, track.velocity_x, 1);
  out += ',';
  append_number(out, track.velocity_y, 1);
  out += ']';
  const auto measured = [&](std::string_view name, const std::optional<vision::Measured>& one, int decimals) {
    fmt::format_to(std::back_inserter(out), R"(,"{}":)", name);
    append_number(out, one ? one->value : kNone, decimals);
    fmt::format_to(std::back_inserter(out), R"(,"{}_sigma":)", name);
    append_number(out, one ? one->sigma : kNone, decimals);
  };
  measured("distance", track.distance_m, 2);
  measured("relative_speed", track.relative_speed_mps, 2);
  measured("ttc", track.ttc_s, 2);
  out += R"(,"lateral":)";
  append_number(out, track.lateral_m.value_or(kNone), 2);
  measured("lateral_speed", track.lateral_speed_mps, 2);
  out += '}';
}

void append_lanes(std::string& out, const pipeline::LaneResult& result) {
  const auto measured = [&](std::string_view name, const std::optional<vision::Measured>& one, int decimals) {
    fmt::format_to(std::back_inserter(out), R"("{}":)", name);
    append_number(out, one ? one->value : kNone, decimals);
    fmt::format_to(std::back_inserter(out), R"(,"{}_sigma":)", name);
    append_number(out, one ? one->sigma : kNone, decimals);
  };
  out += R"("boundaries":[)";
  bool first = true;
  for (const size_t side : {0, 1}) {
    const auto& one = result.lane.sides[side];
    if (!one.known) continue;
    if (!std::exchange(first, false)) out += ',';
    fmt::format_to(std::back_inserter(out), R"({{"side":"{}","seen":{},"confidence":)",
                   side == 0 ? "left" : "right", one.seen);
    append_number(out, one.confidence, 2);
    out += ',';
    measured("lateral", one.lateral, 3);
    out += R"(,"points":[)";
    for (const auto& point : result.curves[side]) {
      if (&point != &result.curves[side].front()) out += ',';
      out += '[';
      append_number(out, point.x, 1);
      out += ',';
      append_number(out, point.y, 1);
      out += ']';
    }
    out += "]}";
  }
  out += "],";
  measured("position", result.lane.position_m, 3);
  out += ',';
  measured("width", result.lane.width_m, 3);
  out += ',';
  measured("curvature", result.lane.curvature, 6);
  fmt::format_to(std::back_inserter(out), R"(,"horizon":"{}",)",
                 result.lane.pitch_from_lanes ? "lanes" : "pitch");
  measured("pitch", result.lane.pitch_deg, 3);
}

void append_landmarks(std::string& out, const pipeline::Landmarks& one) {
  fmt::format_to(std::back_inserter(out), R"({{"kind":"{}","score":)", one.kind);
  append_number(out, one.score, 4);
  if (one.head) {
    out += R"(,"head":{"yaw":)";
    append_number(out, one.head->yaw, 2);
    out += R"(,"pitch":)";
    append_number(out, one.head->pitch, 2);
    out += R"(,"roll":)";
    append_number(out, one.head->roll, 2);
    out += '}';
  }
  out += R"(,"points":[)";
  bool first = true;
  for (const auto& point : one.points) {
    out += std::exchange(first, false) ? "[" : ",[";
    append_number(out, point.x, 2);
    out += ',';
    append_number(out, point.y, 2);
    out += ',';
    append_number(out, point.z, 2);
    out += ']';
  }
  out += "]}";
}

/// "key":[...], each element by `append`.
template <class List, class Append>
void append_list(std::string& out, std::string_view key, const List& list, Append&& append) {
  fmt::format_to(std::back_inserter(out), R"(,"{}":[)", key);
  bool first = true;
  for (const auto& one : list) {
    if (!std::exchange(first, false)) out += ',';
    append(one);
  }
  out += ']';
}

void append_event(std::string& out, const pipeline::Event& event) {
  const auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"type":"{}","track":)", event.type);
  if (event.track != 0) {
    fmt::format_to(at, "{}", event.track);
  } else {
    out += "null";
  }
  if (*event.side != 0) fmt::format_to(at, R"(,"side":"{}")", event.side);
  fmt::format_to(at, R"(,"began":{},"began_time":)", event.began_frame);
  append_number(out, event.began_s, 3);
  fmt::format_to(at, R"(,"ended":{}}})", event.ended);
}

void append_line(std::string& out, const pipeline::FrameResult& result,
                 const std::vector<std::string>& quoted_labels) {
  const auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"version":{},"id":{},"time":)", kResultVersion, result.frame_id);
  append_number(out, result.time_s, 3);
  fmt::format_to(at, R"(,"width":{},"height":{})", result.width, result.height);
  append_list(out, "detections", result.detections, [&](const vision::Detection& detection) {
    out += '{';
    append_class(out, detection.class_id, quoted_labels);
    out += R"(,"score":)";
    append_number(out, detection.score, 4);
    out += ',';
    append_box(out, detection);
    out += '}';
  });
  append_list(out, "tracks", result.tracks, [&](const auto& one) { append_track(out, one, quoted_labels); });
  append_list(out, "events", result.events, [&](const auto& one) { append_event(out, one); });
  append_list(out, "landmarks", result.landmarks, [&](const auto& one) { append_landmarks(out, one); });
  out += R"(,"lanes":{)";
  if (result.lanes) append_lanes(out, *result.lanes);
  out += '}';
  append_list(out, "zones", result.zones, [&](const auto& one) { append_zone(out, one, quoted_labels); });
  append_list(out, "lines", result.lines,
              [&](const auto& one) { append_crossings(out, one, quoted_labels); });
  out += R"(,"masks":{)";
  bool first = true;
  for (const auto& [mask, coverage] : result.mask_coverage) {
    if (!std::exchange(first, false)) out += ',';
    out += quoted(mask);
    out += ':';
    append_number(out, coverage, 4);
  }
  out += R"(},"latency_ms":)";
  append_number(out, result.latency_ms, 2);
  out += "}\n";
}

}  // namespace

std::string to_json_line(const pipeline::FrameResult& result, const std::vector<std::string>& labels) {
  std::string line;
  append_line(line, result, all_quoted(labels));
  return line;
}

void JsonLinesWriter::use_labels(const std::vector<std::string>& labels) {
  labels_ = all_quoted(labels);
}

Result<std::unique_ptr<JsonLinesWriter>> JsonLinesWriter::open(const fs::path& path) {
  std::unique_ptr<JsonLinesWriter> writer(new JsonLinesWriter);
  writer->path_ = path == "-" ? fs::path("/dev/stdout") : path;
  if (writer->path_.filename().empty()) return input_error("{}: is a folder; name a file", path.string());
  std::error_code code;
  const auto status = fs::status(writer->path_, code);
  if (fs::is_directory(status)) return input_error("{}: is a folder; name a file", path.string());
  fs::path target = writer->path_;
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    if (path.has_parent_path()) {
      fs::create_directories(path.parent_path(), code);
      if (code) {
        return input_error("{}: its folder cannot be made: {}; choose another place", path.string(),
                           code.message());
      }
    }
    target += ".partial";
    writer->partial_ = target;
  }
  writer->descriptor_ = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer->descriptor_ < 0) {
    const int reason = errno;
    writer->partial_.clear();
    return input_error("{}: cannot be written: {}; choose another place", path.string(),
                       std::strerror(reason));
  }
  return writer;
}

JsonLinesWriter::~JsonLinesWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!partial_.empty()) {
    std::error_code code;
    fs::remove(partial_, code);
  }
}

Status JsonLinesWriter::fail(std::string_view what, int reason) {
  failed_ = true;
  failure_ = runtime_error("{}: {} after {} lines: {}; free space or choose another place", path_.string(),
                           what, lines_, std::strerror(reason));
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!partial_.empty()) {
    std::error_code code;
    fs::remove(partial_, code);
    partial_.clear();
  }
  return failure_;
}

Status JsonLinesWriter::write(const pipeline::FrameResult& result) {
  if (failed_) return failure_;
  if (descriptor_ < 0) return runtime_error("{}: already finished", path_.string());
  buffer_.clear();
  append_line(buffer_, result, labels_);
  for (size_t done = 0; done < buffer_.size();) {
    const ssize_t n = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail("cannot be written", n == 0 ? EIO : errno);
    done += size_t(n);
  }
  ++lines_;
  return {};
}

Status JsonLinesWriter::finish() {
  if (failed_) return failure_;
  if (descriptor_ < 0) return {};
  // A network file system may report a full disk only now. Pipes cannot be synchronised, and need not.
  if (!partial_.empty() && ::fsync(descriptor_) != 0) return fail("cannot be flushed", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) return fail("cannot be closed", errno);
  if (!partial_.empty()) {
    if (::rename(partial_.c_str(), path_.c_str()) != 0) return fail("cannot be put in place", errno);
    partial_.clear();
  }
  return {};
}

}  // namespace tarsier::record
