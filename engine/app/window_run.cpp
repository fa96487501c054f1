// The loop with a window: the same frames, shown with the panels on top; parameters change while it runs.
#include <algorithm>
#include <utility>

#include "app/application.hpp"
#include "app/command_line.hpp"
#include "app/file_watch.hpp"
#include "app/window_compare.hpp"
#include "app/window_layers.hpp"
#include "app/window_params.hpp"
#include "app/window_state.hpp"
#include "app/window_swap.hpp"
#include "app/window_timeline.hpp"
#include "app/window_transport.hpp"
#include "app/window_zones.hpp"
#include "core/log.hpp"
#include "gpu/memory_owner.hpp"
#include "overlay/panels.hpp"
#include "present/palette.hpp"
#include "window/window.hpp"

namespace tarsier::app {
namespace {

using Seconds = std::chrono::duration<double>;

/// Ages and rate of the last frames that completed.
void fill_ages(overlay::ProfileSnapshot& data, const Profiler& profiler) {
  constexpr size_t kFrames = 300;
  const size_t first = profiler.size() - std::min(profiler.size(), kFrames);
  std::vector<double> ages;
  for (size_t i = first; i < profiler.size(); ++i) ages.push_back(profiler.at(i).age_ms());
  data.age_history_ms.assign(ages.begin(), ages.end());
  data.age_ms = ages.empty() ? 0 : ages.back();
  data.age_p50_ms = percentile(ages, 0.50);
  data.age_p95_ms = percentile(ages, 0.95);
  data.age_p99_ms = percentile(ages, 0.99);
  if (ages.size() < 2) return;
  // Of five seconds, but at least of two frames.
  const auto last = profiler.at(profiler.size() - 1).completed;
  size_t from = profiler.size() - 2;
  while (from > first && last - profiler.at(from - 1).completed <= std::chrono::seconds(5)) --from;
  const double span = Seconds(last - profiler.at(from).completed).count();
  data.frames_per_s = span > 0 ? static_cast<double>(profiler.size() - 1 - from) / span : 0;
}

class WindowedRun {
 public:
  WindowedRun(Application& app, window::Window& window)
      : app_(app),
        window_(window),
        pipeline_file_(app.spec.file),
        swap_(app),
        compare_(app),
        zones_(app),
        params_(app, swap_),
        transport_(app),
        timeline_(app),
        layers_(app) {
    panels_.visible = true;
    data_.first_run = state_.first_run();
    if (!state_.panels().empty())
      if (const Status read = panels_.places().read(state_.panels()); !read.ok())
        state_.refuse(read.error().message);
    const auto& info = app.mailbox->info();
    data_.pipeline = app.spec.name;
    data_.source = info.name;
    data_.frame_width = info.width;
    data_.frame_height = info.height;
    data_.frame_count = info.frames;
    data_.device = app.device->info().name;
    data_.software_device = app.device->info().software;
    data_.profiler = {&app.loop->profiler(), {}, data_.device, app.device->info().driver};
  }

  Status run() {
    while (!app_.stop.raised() && !app_.has_enough()) {
      // A paused or minimised window waits for events instead of spinning; so does one whose source is slower
      // than it.
      const window::Events events = window_.poll(waits_ ? 0.001 : idle_ ? 0.005 : 0.0);
      data_.first_run = data_.first_run && !events.any_key;
      if (events.help) show_help();
      if (quits(events)) break;
      transport_.handle(events.transport);
      handle({.toggle = events.record, .keep = events.keep});
      if (const int steps = events.transport.event; steps != 0)
        transport_.go_to(timeline_.event_from(transport_.position(), steps));
      if (places_kept_ != panels_.places().changes() && !panels_.places().moving()) keep_places();
      // Between frames: stages may be replaced.
      if (const auto wanted = std::exchange(wanted_save_, {}); wanted.save || wanted.save_copy)
        save_zones(wanted.save_copy);
      act_on_params();
      if (pipeline_file_.changed()) reload([this] { return read_again(app_.spec.file); });
      if (params_.preset_changed()) reload([this] { return read_again(app_.preset.file); });
      while (const auto outcome = swap_.poll()) act_on_swap(*outcome);
      TARSIER_TRY(const std::string compared, compare_.poll());
      if (!compared.empty()) window_.say(compared);
      TARSIER_TRY(const bool more, turn());
      if (!more) break;
      TARSIER_CHECK(app_.loop->take_error());
    }
    keep_places();
    return failed_;
  }

 private:
  void show_help() {
    panels_.toggle_help();
    if (panels_.shows_help()) window_.show_panels(true);
  }

  void keep_places() {
    places_kept_ = panels_.places().changes();
    state_.keep(panels_.places().text());
  }

  /// Q, Esc and closing the window end the run; what was drawn and not saved is told first.
  bool quits(const window::Events& events) {
    bool quit = events.quit;
    panels_.visible = window_.panels_visible();
    for (const auto& input : events.input) {
      warned_ = warned_ && zones_.unfinished();
      if (input.what == window::Input::What::kEscape && panels_.close_popup()) continue;
      if (input.what == window::Input::What::kP) panels_.show_profiler(!panels_.profiler_visible());
      if (input.what == window::Input::What::kI) panels_.toggle_layers();
      if (input.what == window::Input::What::kUp) layers_.walk(-1);
      if (input.what == window::Input::What::kDown) layers_.walk(1);
      if (params_.input(input)) continue;
      if (compare_.input(input, window_.picture_area(), panels_)) continue;
      if (compare_.shows_twice() && input.what != window::Input::What::kEscape) continue;
      const bool used = zones_.input(input, window_.picture_area(), panels_);
      quit = quit || (!used && input.what == window::Input::What::kEscape);
      if (zones_.wants_save()) save_zones(false);
    }
    if (!quit || !zones_.unfinished() || warned_ || ended_) return quit;
    warned_ = true;
    window_.show_panels(true);
    window_.say(zones_.drawing() ? "this zone is not finished: Q once more quits without it"
                                 : "the zones are not saved: Ctrl+S saves them, Q once more quits");
    return false;
  }

  /// A clip that is over, or a camera that is gone, takes nothing along that was drawn and not saved.
  bool stays_for_zones() {
    if (!zones_.unfinished()) return false;
    if (!std::exchange(ended_, true)) window_.show_panels(true);
    return true;
  }

  void handle(const overlay::SessionEvents& events) {
    SessionRecorder& recorder = *app_.recorder;
    Status status;
    if (events.toggle && recorder.recording()) {
      app_.ring->drain();  // the result of the frame under way belongs to it
      status = recorder.end();
    } else if (events.toggle) {
      status = recorder.begin(new_session_folder("session"));
    }
    if (status.ok() && events.keep) status = recorder.save_moment(new_session_folder("moment"));
    if (!status.ok()) window_.say(status.error().message);
    if (const std::string told = recorder.take_message(); !told.empty()) window_.say(told);
  }

  void save_zones(bool copy) {
    if (!zones_.save(copy)) return;
    if (copy) pipeline_file_ = FileWatch(app_.options.pipeline);
    pipeline_file_.take();  // what was written is read now
    reload([this] { return "saved the zones to " + app_.spec.file.string(); });
  }

  /// What the user asked for in the panel or by keys since the last frame.
  void act_on_params() {
    const std::string said = params_.act();
    if (said.empty()) return;
    mistake_.clear();
    window_.say(said);
  }

  static std::string read_again(const std::filesystem::path& file) {
    return "read " + file.filename().string() + " again";
  }

  /// The user edits the pipeline or the preset while it runs.
  void reload(std::function<std::string()> said) {
    swap_.reload([this, said = std::move(said)](bool done) {
      if (!done) return std::string();
      zones_.reload();
      return said();
    });
  }

  /// A mistake is told, and what was good goes on.
  void act_on_swap(const WindowSwap::Outcome& outcome) {
    mistake_ = outcome.status.ok() ? "" : outcome.status.error().message;
    if (!outcome.status.ok()) {
      log::error("{}", mistake_);
      window_.show_panels(true);  // the message is one of them
      return;
    }
    data_.pipeline = app_.spec.name;
    zones_.stages_changed();
    params_.reloaded();
    if (!outcome.said.empty()) window_.say(outcome.said);
  }

  /// A session's parameters change where they changed when it was recorded.
  void follow(const capture::Frame& frame) {
    const auto changed = follow_session(app_, frame);
    if (!changed.ok()) mistake_ = changed.error().message;
    if (!changed.ok() || !*changed) return;
    zones_.reload();
    params_.reloaded();
  }

  /// One round: a new frame where there is one, else the last one again where something may have changed.
  Result<bool> turn() {
    app_.ring->poll();
    waits_ = app_.one_in_flight() && app_.ring->in_flight() > 0;
    if (waits_) return true;
    auto letter = app_.mailbox->poll();
    using State = capture::Mailbox::State;
    const bool over = letter.state == State::kEnd || letter.state == State::kFailed;
    if (letter.state == State::kFailed) failed_ = letter.error;
    const bool goes_on = letter.state == State::kEnd && transport_.stays();
    if (over && !goes_on && !stays_for_zones()) return false;
    const bool fresh = letter.state == State::kFrame;
    const bool stands = transport_.paused() || over;
    const bool refresh = stands && app_.loop->has_picture() && capture::Clock::now() >= next_refresh_;
    idle_ = !fresh && !refresh;
    if (idle_) return true;

    if (fresh) {
      follow(letter.frame);
      TARSIER_CHECK(app_.fit_ring(letter.frame));
    }
    TARSIER_TRY(auto* context, app_.ring->begin());
    layers_.begin(*context, panels_.shows_layers());
    if (fresh) {
      TARSIER_CHECK(app_.loop->record(*context, letter.frame));
    } else {
      TARSIER_CHECK(app_.loop->redraw(*context));
      next_refresh_ = capture::Clock::now() + std::chrono::milliseconds(33);
    }
    layers_.end();
    auto composed =
        window_.compose(*context, app_.loop->image(), app_.loop->generation(), [this] { draw_panels(); });
    if (!composed.ok()) return composed.error();
    TARSIER_CHECK(window_.submit(*app_.ring, *context));
    return true;
  }

  void draw_panels() {
    const auto& latest = app_.loop->latest();
    fill_ages(data_, app_.loop->profiler());
    data_.frame_id = latest.frame_id;
    data_.readback_bytes = latest.readback_bytes;
    data_.tracker_bytes = latest.tracker_bytes;
    data_.message = !mistake_.empty() ? mistake_ : window_.message();
    if (data_.message.empty()) data_.message = params_.message();
    if (data_.message.empty()) data_.message = zones_.message();
    if (data_.message.empty() && ended_)
      data_.message = fmt::format("{}; the zones are not saved: Ctrl+S saves them, Q quits",
                                  failed_.ok() ? "the source has ended" : failed_.error().message);
    if (data_.message.empty()) data_.message = transport_.message();
    data_.paused = transport_.paused();
    data_.transport = transport_.view();
    data_.recording = app_.loop->outputs().wants_pictures() || app_.recorder->recording();
    data_.session = overlay::SessionView{app_.recorder->recording(), app_.options.keep_last_s};
    if (data_.transport) timeline_.fill(*data_.transport);
    note_free();
    data_.params = params_.view();
    data_.networks = swap_.view();
    data_.compare = compare_.view(window_.picture_area());
    data_.zones.reset();
    if (!compare_.shows_twice()) data_.zones = zones_.view(window_.picture_area(), panels_);
    data_.drops.clear();
    for (const auto& [reason, count] : app_.mailbox->drops().by_reason())
      if (count > 0) data_.drops.push_back({reason, count});
    data_.passes.clear();
    for (const auto& pass : app_.loop->pass_times()) data_.passes.push_back({pass.name, pass.ms});
    if (panels_.profiler_visible()) fill_memory();
    data_.layers = panels_.shows_layers() ? layers_.view() : overlay::LayersView();
    fill_classes(latest);
    const overlay::PanelEvents events = panels_.draw(data_, app_.params);
    transport_.handle(events.transport);
    handle(events.session);
    timeline_.handle(events.transport);
    if (events.transport.look) show_thumbnail(*events.transport.look);
    if (events.screenshot) window_.screenshot();
    params_.handle(events.params);
    params_.handle(events.networks);
    compare_.handle(events.compare);
    layers_.handle(events.layers);
    zones_.handle(events.zones);
    if (events.zones.save || events.zones.save_copy) wanted_save_ = events.zones;
  }

  void fill_memory() {
    const gpu::MemoryUse use = gpu::memory_use();
    data_.profiler.memory.clear();
    for (size_t i = 0; i < use.size(); ++i)
      data_.profiler.memory.push_back({gpu::kMemoryOwnerNames[i], use[i]});
  }

  void show_thumbnail(const overlay::TransportEvents::Look& look) {
    const auto picture = timeline_.thumbnail(look.frame);
    if (!picture) return;
    window_.show_picture({look.x, look.y, look.width, look.height},
                         {uint32_t(picture->width), uint32_t(picture->height), picture->bgra});
  }

  /// Where the scene says something, the panels make room.
  void note_free() {
    data_.keep_free.clear();
    const auto& area = window_.picture_area();
    const double x = area.width / data_.frame_width, y = area.height / data_.frame_height;
    for (const auto& place : app_.loop->keep_free())
      data_.keep_free.push_back({float(area.x + place.x0 * x), float(area.y + place.y0 * y),
                                 float(area.x + place.x1 * x), float(area.y + place.y1 * y)});
  }

  /// The list needs results on the host: tracks are there, detections only while they are written anyway.
  void fill_classes(const pipeline::FrameResult& latest) {
    data_.classes.reset();
    std::vector<overlay::ClassRow> rows;
    const auto count = [&](const auto& one) {
      const std::string name = pipeline::class_name(app_.loop->label_sets(), one.label_set, one.class_id);
      auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == name; });
      if (row == rows.end())
        row = rows.insert(rows.end(), {name, 0, present::class_color_packed(one.class_id)});
      ++row->count;
    };
    if (app_.loop->tracks()) {
      for (const auto& track : latest.tracks) {
        if (track.state == vision::TrackState::kTracked) count(track);
      }
    } else if (app_.loop->outputs().wants_results()) {
      for (const auto& detection : latest.detections) count(detection);
    } else {
      return;
    }
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
    data_.classes = std::move(rows);
  }

  Application& app_;
  window::Window& window_;
  overlay::Panels panels_;
  overlay::ProfileSnapshot data_;
  FileWatch pipeline_file_;
  WindowSwap swap_;
  WindowCompare compare_;
  WindowZones zones_;
  WindowParams params_;
  WindowTransport transport_;
  WindowTimeline timeline_;
  WindowLayers layers_;
  WindowState state_;
  uint64_t places_kept_ = 0;  // of the panels' changes
  overlay::ZoneEvents wanted_save_;
  bool warned_ = false;  // that zones are not saved
  bool ended_ = false;   // the source, and zones are not saved
  Status failed_;        // or it broke
  std::string mistake_;  // in the pipeline file or the preset as it is now
  bool idle_ = false;
  bool waits_ = false;  // for the frame in flight
  capture::Clock::time_point next_refresh_;
};

}  // namespace

Status run_windowed(const RunOptions& options) {
  TARSIER_TRY(const auto extensions, window::Window::instance_extensions());
  gpu::DeviceOptions device = device_options(options.globals);
  device.instance_extensions = extensions;
  device.present = true;

  Application app;
  app.options = options;
  TARSIER_CHECK(assemble(app, device, true));
  window::WindowOptions window_options;
  window_options.title = fmt::format("Tarsier: {} - {}", app.spec.name, app.mailbox->info().name);
  window_options.frames_in_flight = options.frames_in_flight;
  window_options.scale = options.ui_scale;
  TARSIER_TRY(const auto window, window::Window::open(*app.device, window_options));

  const auto begin = capture::Clock::now();
  const Status finished = WindowedRun(app, *window).run();
  app.ring->drain();
  const double seconds = Seconds(capture::Clock::now() - begin).count();
  return conclude(app, finished, seconds);
}

}  // namespace tarsier::app
