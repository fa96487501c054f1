#include "record/session_copy.hpp"

#include "core/file.hpp"
#include "record/session_source.hpp"
#include "record/session_writer.hpp"

namespace tarsier::record {
namespace fs = std::filesystem;
namespace {

std::shared_ptr<const ParamValues> shared(const std::map<std::string, ParamValue>& params) {
  return std::make_shared<const ParamValues>(params.begin(), params.end());
}

capture::Clock::time_point moment(double seconds) {
  return capture::Clock::time_point() +
         std::chrono::duration_cast<capture::Clock::duration>(std::chrono::duration<double>(seconds));
}

Result<uint64_t> copy_pictures(capture::FrameSource& source, const SessionCopy& copy, uint64_t frames) {
  TARSIER_TRY(const auto video, VideoWriter::open(copy.target, {.fps = source.info().fps, .threads = 0}));
  TARSIER_CHECK(source.seek(copy.first));
  for (uint64_t i = 0; i < frames; ++i) {
    TARSIER_TRY(auto frame, source.next());
    if (!frame) break;
    TARSIER_CHECK(video->push({frame->width, frame->height, frame->bgra, frame->time_s}));
  }
  TARSIER_CHECK(video->finish());
  return video->stats().frames;
}

}  // namespace

Result<uint64_t> copy_session(const Session& session, const SessionCopy& copy) {
  const uint64_t all = session.frames().size(), last = copy.last.value_or(all - 1);
  if (copy.first > last || last >= all)
    return input_error("{}: has no frames {} to {}; its frames are 0 to {}", session.folder().string(),
                       copy.first, last, all - 1);
  TARSIER_TRY(const auto source, open_session(session, copy.source));
  std::error_code code;
  if (!fs::is_directory(copy.target, code) && is_video_sink(copy.target))
    return copy_pictures(*source, copy, last - copy.first + 1);

  SessionHead head = session.head();
  head.frames = 0;
  head.continues = head.continues || copy.first > 0;
  head.source.kept = head.source.kept || copy.with_pictures;
  if (!head.source.kept && !copy.source.empty()) head.source.reference = fs::absolute(copy.source, code);
  SessionResults results = session.results();
  SessionLayers layers(session.folder() / Session::kLayers);
  for (uint64_t i = 0; i < copy.first; ++i) {
    results.next();
    TARSIER_CHECK(layers.next());
  }
  TARSIER_TRY(const auto writer, SessionWriter::create(copy.target, head));
  TARSIER_CHECK(source->seek(copy.first));
  auto values = session.params_at(copy.first);
  auto params = shared(values);
  TARSIER_TRY(std::string text, read_text(session.pipeline_at(copy.first)));
  TARSIER_CHECK(writer->use_pipeline(text));
  uint64_t n = copy.first;
  const auto& steps = session.steps();
  for (size_t i = session.frames()[n]; i < steps.size(); ++i) {
    const SessionStep& step = steps[i];
    if (!step.pipeline.empty()) {
      TARSIER_TRY(text, read_text(session.folder() / step.pipeline));
      TARSIER_CHECK(writer->use_pipeline(text));
    }
    for (const auto& [key, value] : step.params) values.insert_or_assign(key, value);
    if (!step.params.empty()) params = shared(values);
    if (step.redraws > 0) {
      for (uint32_t round = 0; round < step.redraws; ++round) TARSIER_CHECK(writer->redrawn(params));
      continue;
    }
    if (n > last) break;
    TARSIER_TRY(auto frame, source->next());
    if (!frame) break;
    frame->position = step.position;
    frame->captured = moment(step.taken_s);
    TARSIER_CHECK(writer->frame(*frame, step.picture, params));
    TARSIER_TRY(const auto runs, layers.next());
    if (const auto line = results.next())
      TARSIER_CHECK(writer->result(*line + "\n", runs.value_or(std::vector<pipeline::NetworkRun>())));
    ++n;
  }
  TARSIER_CHECK(writer->finish(session.head().ended.empty() ? "not finished" : session.head().ended));
  return writer->frames();
}

}  // namespace tarsier::record
