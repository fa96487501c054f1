#include "record/session_writer.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "core/file.hpp"
#include "record/result_json.hpp"

namespace tarsier::record {
namespace fs = std::filesystem;

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Result<std::unique_ptr<SessionWriter>> SessionWriter::create(const fs::path& folder, SessionHead head) {
  std::error_code code;
  if (fs::exists(folder, code) && !(fs::is_directory(folder, code) && fs::is_empty(folder, code)))
    return input_error("{}: is there already; name a new folder for the session", folder.string());
  fs::create_directories(folder, code);
  if (code)
    return input_error("{}: cannot be made: {}; choose another place", folder.string(), code.message());
  std::unique_ptr<SessionWriter> writer(new SessionWriter);
  writer->folder_ = folder;
  TARSIER_CHECK(describe_file(head.source, false));
  if (!head.source.kept && head.source.bytes > 0)
    writer->hash_ = std::async(std::launch::async, sha256_of_file, fs::path(head.source.reference));
  writer->head_ = std::move(head);
  TARSIER_TRY(writer->steps_, AppendedFile::create(folder / Session::kSteps));
  if (writer->head_.results) {
    TARSIER_TRY(writer->results_, AppendedFile::create(folder / Session::kResults));
  }
  if (writer->head_.layers) {
    TARSIER_TRY(writer->layers_, AppendedFile::create(folder / Session::kLayers));
  }
  TARSIER_CHECK(write_text_atomic(folder / Session::kHead, head_text(writer->head_)));
  return writer;
}

SessionWriter::~SessionWriter() = default;

Status SessionWriter::use_pipeline(const std::string& text) {
  if (pipelines_ > 0 && text == pipeline_) return {};
  const std::string name = pipeline_name(pipelines_);
  TARSIER_CHECK(write_text_atomic(folder_ / name, text));
  pipeline_ = text;
  pipeline_file_ = name;
  ++pipelines_;
  return {};
}

Status SessionWriter::note_params(SessionStep& step, const std::shared_ptr<const ParamValues>& params) {
  step.pipeline = std::exchange(pipeline_file_, {});
  if (params == params_) return {};
  for (const auto& one : *params) {
    const bool same = params_ && std::ranges::find(*params_, one) != params_->end();
    if (!same) step.params.push_back(one);
  }
  params_ = params;
  return {};
}

Status SessionWriter::put(const SessionStep& step) {
  return steps_.append(step_line(step));
}

Status SessionWriter::put_redraws() {
  if (redraws_.redraws == 0) return {};
  const SessionStep step = std::exchange(redraws_, {});
  return put(step);
}

Status SessionWriter::keep_picture(const capture::Frame& frame, SessionStep& step) {
  if (!pictures_ || frame.width != width_ || frame.height != height_) {
    if (pictures_) TARSIER_CHECK(pictures_->finish());
    files_ += pictures_ ? 1 : 0;
    TARSIER_TRY(pictures_, VideoWriter::open(folder_ / pictures_name(files_),
                                             {.fps = head_.source.fps, .lossless = true}));
    width_ = frame.width;
    height_ = frame.height;
    in_file_ = 0;
  }
  step.file = files_;
  step.position = in_file_++;
  return pictures_->push({frame.width, frame.height, frame.bgra, frame.time_s});
}

void SessionWriter::add_networks(const std::vector<SessionNetwork>& networks) {
  for (const auto& one : networks)
    if (std::ranges::find(head_.networks, one) == head_.networks.end()) head_.networks.push_back(one);
}

Status SessionWriter::frame(const capture::Frame& frame, uint64_t picture,
                            const std::shared_ptr<const ParamValues>& params) {
  TARSIER_CHECK(put_redraws());
  if (head_.frames == 0) began_ = frame.captured;
  SessionStep step{.id = frame.id, .position = frame.position, .time_s = frame.time_s};
  step.taken_s = std::chrono::duration<double>(frame.captured - began_).count();
  step.width = frame.width;
  step.height = frame.height;
  step.picture = picture;
  TARSIER_CHECK(note_params(step, params));
  if (head_.source.kept) TARSIER_CHECK(keep_picture(frame, step));
  ++head_.frames;
  if (head_.results) awaited_.push_back(frame.id);
  return put(step);
}

Status SessionWriter::redrawn(const std::shared_ptr<const ParamValues>& params) {
  if (head_.frames == 0) return {};  // of a frame that is not in the session
  if (params != params_ || !pipeline_file_.empty()) {
    TARSIER_CHECK(put_redraws());
    TARSIER_CHECK(note_params(redraws_, params));
  }
  ++redraws_.redraws;
  return {};
}

Status SessionWriter::result(const pipeline::FrameResult& result, const pipeline::LabelSets& labels) {
  line_.clear();
  append_line(line_, result, labels, result.settings.get(), Numbers::kExact);
  return this->result(line_, result.runs);
}

Status SessionWriter::result(std::string_view line, std::span<const pipeline::NetworkRun> runs) {
  uint64_t id = 0;
  if (!awaited_.empty()) {
    id = awaited_.front();
    awaited_.pop_front();
  }
  if (head_.layers) {
    layers_line_.clear();
    layer_lines_.append(layers_line_, id, runs);
    TARSIER_CHECK(layers_.append(layers_line_));
  }
  return results_.append(line);
}

Status SessionWriter::finish(const std::string& why) {
  head_.ended = why;
  Status first = put_redraws();
  const auto then = [&](const Status& status) {
    if (first.ok()) first = status;
  };
  if (pictures_) then(pictures_->finish());
  then(steps_.close());
  then(results_.close());
  then(layers_.close());
  if (hash_.valid()) {
    const auto hash = hash_.get();
    if (hash.ok()) head_.source.sha256 = *hash;
  }
  then(write_text_atomic(folder_ / Session::kHead, head_text(head_)));
  return first;
}

}  // namespace tarsier::record
