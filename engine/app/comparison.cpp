#include "app/comparison.hpp"

#include <algorithm>
#include <cstring>

#include "core/text.hpp"
#include "gpu/device.hpp"

namespace tarsier::app {
namespace {

// Spans before and behind the second side's: what lies between them is its own.
constexpr const char* kBegin = "compare";
constexpr const char* kEnd = "match boxes";

std::span<const vision::Detection> boxes_in(const gpu::Buffer& copy, float least_score) {
  const auto* bytes = static_cast<const std::byte*>(copy.mapped());
  vision::DetectionHeader header;
  std::memcpy(&header, bytes, sizeof header);
  const std::span all(reinterpret_cast<const vision::Detection*>(bytes + sizeof header),
                      std::min<size_t>(header.count, vision::kMaxDetections));
  const auto below =
      std::ranges::find_if(all, [&](const vision::Detection& box) { return box.score <= least_score; });
  return all.first(size_t(below - all.begin()));
}

}  // namespace

Result<present::CompareLook> parse_look(std::string_view text) {
  if (text == "wipe") return present::CompareLook::kWipe;
  if (text == "side") return present::CompareLook::kSide;
  if (text == "difference") return present::CompareLook::kDifference;
  return input_error("--compare-view {}: choose wipe, side or difference", text);
}

Result<RunOptions> compared_options(const RunOptions& options, const std::vector<std::string>& settings) {
  RunOptions other = options;
  for (const auto& setting : settings) {
    const size_t equals = setting.find('=');
    const std::string key = setting.substr(0, equals);
    if (setting.empty() || equals == 0) {
      return input_error(
          "--compare {}: write a preset's name, key=value or precision=fp16, for example detect.score=0.5",
          setting);
    }
    if (equals == std::string::npos) {
      other.preset = setting;
    } else if (key == "preset") {
      other.preset = setting.substr(equals + 1);
    } else if (key == "precision") {
      other.precision = setting.substr(equals + 1);
      if (const auto known = infer::parse_precision(other.precision); !known.ok())
        return known.error().in("--compare " + setting);
    } else {
      other.set.push_back(setting);
    }
  }
  return other;
}

Comparison::Comparison(gpu::Device& device, Setup setup, std::unique_ptr<Side> side, std::string name)
    : device_(device),
      setup_(std::move(setup)),
      side_(std::move(side)),
      name_(std::move(name)),
      view_(device) {}

Status Comparison::use_first(const Side& first) {
  first_ = &first;
  view_.forget_scenes();
  if (!has_boxes()) return {};
  common_ = Agreement::common_classes(detector()->class_names(), side_->detector()->class_names());
  TARSIER_TRY(marks_, present::BoxMarks::create(device_, common_));
  for (auto* boxes : {&first_boxes_, &second_boxes_}) {
    while (boxes->size() < setup_.options.frames_in_flight) {
      TARSIER_TRY(auto buffer, device_.create_buffer({.size = vision::kDetectionBufferBytes,
                                                      .memory = gpu::Memory::kReadback,
                                                      .name = "boxes to compare"}));
      boxes->push_back(std::move(buffer));
    }
  }
  return {};
}

Status Comparison::use_second(Setup setup, std::unique_ptr<Side> side) {
  setup_ = std::move(setup);
  if (!side) return {};
  side_ = std::move(side);
  return use_first(*first_);
}

Status Comparison::record(gpu::FrameContext& context, const pipeline::DeviceFrame& frame) {
  context.begin_span(kBegin);
  context.end_span();
  TARSIER_CHECK(side_->record(context, frame, setup_.params));
  context.begin_span(kEnd);
  if (has_boxes()) {
    const auto boxes = [](const pipeline::DetectionSource& source) {
      return present::BoxMarks::Boxes{&source.device_boxes(), source.shown_score()};
    };
    marks_.record(context.commands(), boxes(*detector()), boxes(*side_->detector()), uint32_t(frame.width),
                  uint32_t(frame.height));
  }
  context.end_span();
  return {};
}

const gpu::Buffer* Comparison::marks_in_first() const {
  return has_boxes() ? &marks_.of_first() : nullptr;
}

Status Comparison::draw(gpu::FrameContext& context, const present::SceneRenderer& first) {
  TARSIER_CHECK(side_->draw(context, setup_.params, has_boxes() ? &marks_.of_second() : nullptr));
  return view_.draw(context, first, side_->scene(), look, edge);
}

void Comparison::read_results(gpu::FrameContext& context, uint64_t position, bool counted) {
  // Its tracker and what follows it need them, once a frame; nobody lists them.
  if (counted) side_->read_results(context, std::make_shared<pipeline::FrameResult>(), false);
  if (!has_boxes()) return;
  const gpu::Buffer &first = first_boxes_[context.slot()], &second = second_boxes_[context.slot()];
  auto& commands = context.commands();
  commands.read_back(detector()->device_boxes(), 0, first, 0, first.size());
  commands.read_back(side_->detector()->device_boxes(), 0, second, 0, second.size());
  context.on_complete([this, &first, &second, position, counted, first_least = detector()->shown_score(),
                       second_least = side_->detector()->shown_score()] {
    agreement_.add({.position = position,
                    .first = boxes_in(first, first_least),
                    .second = boxes_in(second, second_least),
                    .first_names = detector()->class_names(),
                    .second_names = side_->detector()->class_names(),
                    .common = common_},
                   counted);
  });
}

void Comparison::name_passes(std::vector<gpu::PassTime>& passes) {
  const auto begin = std::ranges::find(passes, kBegin, &gpu::PassTime::name);
  const auto end = std::ranges::find(passes, kEnd, &gpu::PassTime::name);
  if (begin == passes.end() || end == passes.end()) return;  // of a frame before it was compared
  double first_ms = 0, second_ms = 0;
  for (auto pass = passes.begin(); pass != begin; ++pass) first_ms += pass->ms;
  for (auto pass = begin + 1; pass != end; ++pass) {
    second_ms += pass->ms;
    pass->name = "B " + pass->name;
  }
  agreement_.add_times(first_ms, second_ms);
  const auto scenes = std::ranges::find(passes.rbegin(), passes.rend(), "scene", &gpu::PassTime::name);
  if (scenes != passes.rend()) scenes->name = "B scene";  // drawn behind the first side's
  passes.erase(begin);
}

}  // namespace tarsier::app
