#include "app/session_recorder.hpp"

#include <algorithm>
#include <ctime>

#include "app/application.hpp"
#include "core/file.hpp"
#include "core/log.hpp"

namespace tarsier::app {
namespace fs = std::filesystem;

fs::path new_session_folder(std::string_view prefix) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
  fs::path folder = fmt::format("out/{}-{}", prefix, text);
  std::error_code code;
  for (int number = 2; fs::exists(folder, code); ++number)
    folder = fmt::format("out/{}-{}-{}", prefix, text, number);
  return folder;
}

NetworkNames network_names(const Application& app) {
  NetworkNames names;
  for (const std::string& key : network_keys(app.params, app.catalogue))
    names.emplace_back(key, app.params.text(key));
  return names;
}

Result<std::vector<record::SessionNetwork>> session_networks(const Application& app,
                                                             const NetworkNames& names) {
  std::vector<record::SessionNetwork> networks;
  for (const auto& [key, name] : names) {
    TARSIER_TRY(const auto entry, app.catalogue.resolve(name));
    const auto there = models::locate(entry, app.store);
    if (!there.ok()) continue;
    for (size_t i = 0; i < there->files.size(); ++i) {
      const fs::path& file = there->files[i];
      std::string hash = i < entry.files.size() ? entry.files[i].sha256 : "";
      if (hash.empty()) {
        TARSIER_TRY(hash, sha256_of_file(file));
      }
      networks.push_back({key, name, file.filename().string(), std::move(hash)});
    }
  }
  return networks;
}

record::SessionSource session_source(const Application& app, const capture::SourceInfo& info, bool can_seek) {
  if (app.session) {  // what is recorded of a session has its source
    record::SessionSource source = app.session->head().source;
    if (!source.kept && !app.options.session_source.empty())
      source.reference = fs::absolute(app.options.session_source).lexically_normal();
    return source;
  }
  record::SessionSource source{.name = info.name,
                               .kind = info.kind,
                               .width = info.width,
                               .height = info.height,
                               .fps = info.fps,
                               .kept = !can_seek};
  if (can_seek) {
    const std::string path = app.source.starts_with("file://") ? app.source.substr(7) : app.source;
    source.reference = info.kind == "synthetic" ? path : fs::absolute(path).lexically_normal().string();
  }
  return source;
}

Result<record::SessionHead> session_head(const Application& app, record::SessionSource source) {
  record::SessionHead head;
  head.tarsier = TARSIER_VERSION;
  head.began = record::utc_now();
  head.source = std::move(source);
  const gpu::DeviceInfo& device = app.device->info();
  head.device = device.name;
  head.uuid = device.uuid;
  head.driver = device.driver;
  head.pipeline = app.spec.name;
  head.preset = app.preset.name;
  head.precision = app.options.precision;
  head.tune = app.options.globals.tune;
  head.layers = app.options.record_layers;
  TARSIER_TRY(head.networks, session_networks(app, network_names(app)));
  return head;
}

SessionRecorder::SessionRecorder(const Application& app, record::SessionSource source, const Memory& memory)
    : app_(app), source_(std::move(source)), memory_(memory) {}

Status SessionRecorder::begin(const fs::path& folder) {
  TARSIER_TRY(auto head, session_head(app_, source_));
  head.continues = frames_ > 0;
  networks_ = network_names(app_);
  TARSIER_TRY(writer_, record::SessionWriter::create(folder, std::move(head)));
  if (pipeline_) TARSIER_CHECK(writer_->use_pipeline(*pipeline_));
  message_ = "recording to " + folder.string();
  return {};
}

Status SessionRecorder::end(const std::string& why) {
  if (!writer_) return {};
  const auto writer = std::move(writer_);
  Status status = writer->finish(why);
  described_ = fmt::format("{}, {} frames", writer->folder().string(), writer->frames());
  message_ = "recorded " + described_;
  return status;
}

void SessionRecorder::stop_on(const Status& status) {
  if (status.ok() || !writer_) return;
  const std::string why = status.error().message;
  const Status ended = end(why);  // of a full disk it fails, too: the first error counts
  message_ = fmt::format("{}; the recording stops after {}, the run goes on", why, described_);
  log::error("{}", message_);
  if (failure_.ok()) failure_ = status;
}

void SessionRecorder::note_pipeline() {
  params_version_ = UINT64_MAX;  // other parameters may have come to the same number of changes
  const auto text = read_text(app_.spec.file);
  if (text.ok()) use_pipeline(*text);  // gone just now: the next frames are as the file was
}

void SessionRecorder::use_pipeline(const std::string& text) {
  if (!pipeline_ || *pipeline_ != text) pipeline_ = std::make_shared<const std::string>(text);
  if (!writer_) return;
  stop_on(writer_->use_pipeline(text));
  auto names = network_names(app_);
  if (!writer_ || names == networks_) return;  // a zone's corner that is dragged comes here with every frame
  networks_ = std::move(names);
  if (const auto networks = session_networks(app_, networks_); networks.ok()) {
    writer_->add_networks(*networks);
  } else {
    log::warn("{}; the session goes on without its hash", networks.error().message);
  }
}

bool SessionRecorder::records_layers() const {
  return app_.options.record_layers;
}

void SessionRecorder::note_params(const Params& params) {
  if (params_ && params_version_ == params.version()) return;
  params_version_ = params.version();
  record::ParamValues values;
  values.reserve(params.specs().size() + 1);
  values.emplace_back(record::Session::kPrecision, app_.options.precision);
  for (const ParamSpec& spec : params.specs()) values.emplace_back(spec.key, params.value(spec.key));
  if (!params_ || values != *params_)
    params_ = std::make_shared<const record::ParamValues>(std::move(values));
}

void SessionRecorder::remember(const capture::Frame& frame, uint64_t picture) {
  if (memory_.seconds <= 0) return;
  kept_.push_back({frame, picture, params_, pipeline_});
  if (source_.kept) {
    kept_bytes_ += frame.bgra->size();
  } else {
    kept_.back().frame.bgra.reset();
  }
  const auto oldest = frame.captured - std::chrono::duration<double>(memory_.seconds);
  while (kept_.size() > 1 && (kept_.front().frame.captured < oldest || kept_bytes_ > memory_.bytes)) {
    if (const auto& pixels = kept_.front().frame.bgra) kept_bytes_ -= pixels->size();
    kept_.pop_front();
  }
}

void SessionRecorder::frame(const capture::Frame& frame, const Params& params) {
  note_params(params);
  ++frames_;
  if (memory_.seconds <= 0 && !writer_) return;
  capture::Frame taken = frame;
  if (app_.session) taken.position = app_.session->frame(frame.position).position;
  const uint64_t picture = hash64(std::as_bytes(std::span(*frame.bgra)));
  remember(taken, picture);
  if (writer_) stop_on(writer_->frame(taken, picture, params_));
}

void SessionRecorder::redrawn(const Params& params) {
  note_params(params);
  if (writer_) stop_on(writer_->redrawn(params_));
}

void SessionRecorder::result(const pipeline::FrameResult& result, const pipeline::LabelSets& labels) {
  // A frame that was under way when the recording began is not in the session.
  if (writer_ && writer_->awaits(result.frame_id)) stop_on(writer_->result(result, labels));
}

Status SessionRecorder::write_moment(const fs::path& folder, record::SessionHead head,
                                     const std::deque<Kept>& kept) {
  TARSIER_TRY(const auto writer, record::SessionWriter::create(folder, std::move(head)));
  for (const Kept& one : kept) {
    if (one.pipeline) TARSIER_CHECK(writer->use_pipeline(*one.pipeline));
    TARSIER_CHECK(writer->frame(one.frame, one.picture, one.params));
  }
  return writer->finish();
}

Status SessionRecorder::save_moment(const fs::path& folder) {
  if (kept_.empty()) return input_error("no frame is there yet to keep");
  if (writes_moment_.valid()) return input_error("{} is still being written", moment_.string());
  TARSIER_TRY(auto head, session_head(app_, source_));
  head.continues = true;
  head.results = head.layers = false;
  moment_ = folder;
  writes_moment_ = std::async(std::launch::async, write_moment, folder, std::move(head), kept_);
  return {};
}

std::string SessionRecorder::take_message() {
  if (writes_moment_.valid() &&
      writes_moment_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    const Status written = writes_moment_.get();
    message_ = written.ok() ? "kept the last seconds in " + moment_.string() : written.error().message;
    if (!written.ok()) log::error("{}", message_);
  }
  return std::exchange(message_, {});
}

}  // namespace tarsier::app
