#include "record/trace_writer.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/log.hpp"
#include "core/write_all.hpp"
#include "record/json_text.hpp"

namespace tarsier::record {
namespace fs = std::filesystem;
namespace {

constexpr size_t kFlushBytes = size_t(1) << 16;
constexpr const char* kEnd = "\n]}\n";
constexpr int kProcess = 1, kFrameThread = 0;

std::string with_remedy(int reason) {
  return fmt::format("{} (free space or choose another place)", std::strerror(reason));
}

/// The thread that a viewer shows the track as.
int thread_of(ProfileSpan::Track track) {
  return 1 + int(track);
}

/// An event up to its `args`. `phase` as in the Trace Event Format.
void event(JsonText& json, std::string_view name, char phase, double microseconds, int thread) {
  json.key("name").text(name);
  json.key("ph").name({&phase, 1});
  json.key("ts").number(microseconds, 3);
  json.key("pid").whole(kProcess);
  json.key("tid").whole(uint64_t(thread));
}

/// `fill` gives name and value of each series to its argument.
template <class Fill>
void counter(std::string& out, std::string_view name, double microseconds, Fill&& fill) {
  out += ",\n";
  JsonText json(out);
  json.object([&] {
    event(json, name, 'C', microseconds, kFrameThread);
    json.key("args").object([&] { fill(json); });
  });
}

/// Begin or end of the whole frame: frames in flight overlap, so they are no spans of a thread.
void frame_edge(std::string& out, const FrameProfile& frame, char phase, double microseconds) {
  out += ",\n";
  JsonText json(out);
  json.object([&] {
    event(json, "frame", phase, microseconds, kFrameThread);
    json.key("cat").name("frame");
    json.key("id").name(fmt::format("{:#x}", frame.number));
    json.key("args").object([&] { json.key("frame").whole(frame.frame_id); });
  });
}

}  // namespace

Result<std::unique_ptr<TraceWriter>> TraceWriter::open(const fs::path& path, uint64_t most_bytes) {
  std::error_code code;
  const auto status = fs::status(path, code);
  if (path.filename().empty() || (fs::exists(status) && !fs::is_regular_file(status)))
    return input_error("{}: is no regular file; name a file for the trace", path.string());
  std::unique_ptr<TraceWriter> writer(new TraceWriter);
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), code);
  const fs::path partial = path.string() + ".partial";
  writer->descriptor_ = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer->descriptor_ < 0)
    return input_error("{}: cannot be written: {}; choose another place", path.string(),
                       std::strerror(errno));
  writer->path_ = path;
  writer->partial_ = partial;
  writer->start_ = FrameProfile::Clock::now();
  writer->most_bytes_ = most_bytes;
  return writer;
}

TraceWriter::~TraceWriter() {
  discard();
}

void TraceWriter::discard() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  std::error_code code;
  if (!partial_.empty()) fs::remove(partial_, code);
  partial_.clear();
  kept_frames_ = 0;
}

double TraceWriter::microseconds(FrameProfile::Clock::time_point time) const {
  return std::chrono::duration<double, std::micro>(time - start_).count();
}

void TraceWriter::begin(const std::vector<std::pair<std::string, std::string>>& about) {
  JsonText json(buffer_);
  buffer_ += "{\"displayTimeUnit\":\"ms\",\"otherData\":";
  json.object([&] {
    for (const auto& [name, value] : about) json.text_key(name).text(value);
  });
  buffer_ += ",\"traceEvents\":[\n";
  const auto name_of = [&](const char* what, int thread, std::string_view name) {
    JsonText line(buffer_);
    line.object([&] {
      line.key("name").name(what);
      line.key("ph").name("M");
      line.key("pid").whole(kProcess);
      line.key("tid").whole(uint64_t(thread));
      line.key("args").object([&] { line.key("name").text(name); });
    });
  };
  name_of("process_name", kFrameThread, "tarsier");
  for (const auto& [track, name] :
       {std::pair{ProfileSpan::Track::kCapture, "capture"}, std::pair{ProfileSpan::Track::kHost, "host"},
        std::pair{ProfileSpan::Track::kDevice, "device queue"}}) {
    buffer_ += ",\n";
    name_of("thread_name", thread_of(track), name);
  }
  flush();
}

void TraceWriter::write(const FrameProfile& frame) {
  if (ended_ || descriptor_ < 0) return;
  const double captured = microseconds(frame.captured), completed = microseconds(frame.completed);
  frame_edge(buffer_, frame, 'b', captured);
  frame_edge(buffer_, frame, 'e', completed);
  for (const ProfileSpan& span : frame.spans) {
    buffer_ += ",\n";
    JsonText json(buffer_);
    json.object([&] {
      event(json, span.name, 'X', microseconds(span.begin), thread_of(span.track));
      json.key("dur").number(span.ms() * 1e3, 3);
      json.key("args").object([&] { json.key("frame").whole(frame.frame_id); });
    });
  }
  counter(buffer_, "age (ms)", completed, [&](JsonText& json) { json.key("age").number(frame.age_ms(), 3); });
  counter(buffer_, "bytes", completed, [&](JsonText& json) {
    json.key("up").whole(frame.upload_bytes);
    json.key("down").whole(frame.readback_bytes);
  });
  if (!frame.drops.empty())
    counter(buffer_, "drops", completed, [&](JsonText& json) {
      for (const auto& [reason, count] : frame.drops) json.text_key(reason).whole(count);
    });
  ++frames_;
  if (buffer_.size() >= kFlushBytes) flush();
}

void TraceWriter::flush() {
  if (ended_ || descriptor_ < 0) return;
  if (bytes_ + buffer_.size() > most_bytes_)
    return end(fmt::format("it has reached {} MB, as much as viewers open", most_bytes_ >> 20));
  if (const int reason = write_all(descriptor_, buffer_)) return end(with_remedy(reason));
  bytes_ += buffer_.size();
  kept_frames_ = frames_;
  buffer_.clear();
}

/// What is there so far becomes the trace: behind it goes what was written in part, and the end takes its
/// place, so that a full disk has room for it.
void TraceWriter::end(const std::string& reason) {
  ended_ = true;
  buffer_.clear();
  buffer_.shrink_to_fit();
  const bool kept = bytes_ > 0 && ::ftruncate(descriptor_, off_t(bytes_)) == 0 &&
                    ::lseek(descriptor_, off_t(bytes_), SEEK_SET) >= 0 && write_all(descriptor_, kEnd) == 0;
  if (!kept) discard();
  log::warn("{}: {}; {}, and the run goes on", path_.string(), reason,
            kept ? fmt::format("the trace ends after {} frames", kept_frames_) : "there will be no trace");
}

bool TraceWriter::finish() {
  flush();
  if (descriptor_ >= 0 && !ended_) {
    if (const int reason = write_all(descriptor_, kEnd)) end(with_remedy(reason));
  }
  ended_ = true;
  if (descriptor_ < 0) return false;
  const bool whole = ::fsync(descriptor_) == 0 && ::close(std::exchange(descriptor_, -1)) == 0 &&
                     ::rename(partial_.c_str(), path_.c_str()) == 0;
  if (whole) {
    partial_.clear();
  } else {
    log::warn("{}: the trace cannot be put in place: {}; choose another place", path_.string(),
              std::strerror(errno));
    discard();
  }
  return whole;
}

}  // namespace tarsier::record
