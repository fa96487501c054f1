#include "app/window_layers.hpp"

#include <algorithm>
#include <utility>

#include "infer/device_tensor.hpp"
#include "window/backend.hpp"

namespace tarsier::app {
namespace {

constexpr uint32_t kColors = 25;  // of the legend; odd: one of them is that of 0

/// Nothing says of a value which axis its channels are. In the linear layout they are last where that axis is
/// shorter than both of a picture.
bool channels_last(const infer::TensorBinding& output) {
  const auto& shape = output.desc.shape;
  return output.layout == graph::Layout::kLinear && shape.size() == 4 && shape[3] < shape[1] &&
         shape[3] < shape[2];
}

vision::FeatureTensor tensor_of(const infer::TensorBinding& output) {
  using Element = vision::FeatureTensor::Element;
  const bool groups = output.layout == graph::Layout::kC4, half = output.storage == graph::DType::kF16;
  return {.address = output.address,
          .shape = output.desc.shape,
          .layout = groups ? vision::TensorLayout::kC4 : vision::TensorLayout::kLinear,
          .element = !infer::is_real(output.desc.dtype) ? Element::kInt
                     : half                             ? Element::kHalf
                                                        : Element::kFloat,
          .channels_last = channels_last(output)};
}

}  // namespace

std::vector<pipeline::NamedNetwork> WindowLayers::networks() const {
  std::vector<pipeline::NamedNetwork> all;
  for (const auto& stage : app_.loop->stages())
    for (auto& one : stage->networks()) all.push_back(std::move(one));
  return all;
}

Status WindowLayers::take_memory() {
  if (device_) return {};
  auto made = std::make_shared<OnDevice>();
  TARSIER_TRY(made->maps, vision::FeatureMaps::create(*app_.device, uint32_t(app_.options.frames_in_flight)));
  device_ = std::move(made);
  return {};
}

void WindowLayers::begin(gpu::FrameContext& frame, bool shown) {
  if (!shown) {
    device_.reset();
    stamps_.reset();
    looked_at_ = nullptr;
    settled_ = false;
    steps_ = 0;
    return;
  }
  const auto all = networks();
  if (all.empty()) {
    looked_at_ = nullptr;
    rows_.clear();
    forget_pictures();
    why_none_ = "no stage of this pipeline has a network";
    return;
  }
  const auto found = std::ranges::find(all, network_, &pipeline::NamedNetwork::name);
  const auto& wanted = found == all.end() ? all[first_ % all.size()] : *found;
  if (looked_at_ != wanted.network || sides_ != app_.loop->sides()) look_at(*wanted.network);
  if (const Status taken = take_memory(); !taken.ok()) {
    why_none_ = taken.error().message;
    return;
  }
  // They live until this frame is done, even if the panel is closed before.
  frame.retire(device_);
  frame.retire(stamps_);
  frame_ = &frame;
  ran_ = runs_ = false;
  tapped_ = wanted.network;
  tapped_->taps().add(*this);
}

void WindowLayers::look_at(const pipeline::Network& network) {
  rows_.clear();
  for (const auto& layer : network.plan().layers())
    rows_.push_back({layer.name, layer.op,
                     layer.outputs.empty() ? "" : graph::to_string(layer.outputs.front().desc.shape)});
  const auto same = std::ranges::find(rows_, layer_, &overlay::LayerRow::name);
  row_ = same == rows_.end() ? 0 : size_t(same - rows_.begin());
  forget_pictures();
  stamps_.reset();
  looked_at_ = &network;
  sides_ = app_.loop->sides();
  auto stamps = std::make_shared<Stamps>();
  for (uint32_t slot = 0; slot < uint32_t(app_.options.frames_in_flight); ++slot) {
    // The start, the end of each layer, and the end of drawing the chosen one.
    auto one = gpu::Timestamps::create(*app_.device, uint32_t(rows_.size()) + 2);
    if (!one.ok()) return;  // a device without: there are no times
    stamps->slots.push_back(*std::move(one));
  }
  stamps_ = std::move(stamps);
}

void WindowLayers::before(gpu::CommandList& commands, const infer::PlanLayer& layer) {
  if (layer.place != 0) return;
  // A network may run several times in a frame, for two hands or until a face has settled.
  runs_ = !std::exchange(ran_, true);
  if (!runs_ || !stamps_) return;
  stamps_->slots[frame_->slot()].reset(commands);
  stamps_->slots[frame_->slot()].write(commands, 0);
}

void WindowLayers::behind(gpu::CommandList& commands, const infer::PlanLayer& layer) {
  if (!runs_) return;
  if (stamps_) stamps_->slots[frame_->slot()].write(commands, uint32_t(layer.place) + 1);
  if (layer.place != row_) return;
  draw(commands, layer);
  if (stamps_) stamps_->slots[frame_->slot()].write(commands, uint32_t(rows_.size()) + 1);
}

void WindowLayers::draw(gpu::CommandList& commands, const infer::PlanLayer& layer) {
  pictures_.reset();
  if (layer.outputs.empty()) {
    why_none_ = "nobody reads what this layer puts out";
    return;
  }
  const auto view = vision::feature_view(tensor_of(layer.outputs.front()));
  if (!view.ok()) {
    why_none_ = view.error().message;
    return;
  }
  const auto& maps = device_->maps;
  maps.record(commands, *view, options_);
  const auto shown = vision::FeatureMaps::shown(*view, options_);
  pictures_ = overlay::LayerPictures{.tiles = maps.tiles(),
                                     .large = maps.large(),
                                     .count = shown.tiles,
                                     .channels = view->tiles,
                                     .tile_width = shown.tile.width,
                                     .tile_height = shown.tile.height,
                                     .large_width = shown.large.width,
                                     .large_height = shown.large.height,
                                     .width = view->width,
                                     .height = view->height,
                                     .chosen = shown.chosen,
                                     .own_ranges = options_.own_ranges};
  maps.read_back(commands, frame_->slot(), shown.tiles);
  frame_->on_complete([device = device_, slot = frame_->slot(), tiles = shown.tiles, pixels = view->pixels,
                       chosen = chosen_] {
    device->ranges.clear();
    for (const auto& range : device->maps.ranges(slot, tiles))
      device->ranges.push_back({range.least, range.largest, range.mean(), range.finite, pixels});
    device->ranges.back().values = uint64_t{tiles} * pixels;
    device->ranges_of = chosen;
  });
}

void WindowLayers::end() {
  if (frame_ == nullptr) return;
  tapped_->taps().remove(*this);
  if (ran_) {
    frame_->commands().barrier(gpu::Scope::kCompute | gpu::Scope::kTransfer,
                               gpu::Scope::kGraphics | gpu::Scope::kHost);
    if (stamps_) {
      frame_->on_complete([stamps = stamps_, slot = frame_->slot(), row = row_] {
        const auto at = stamps->slots[slot].read_ms();
        if (!at.ok()) return;
        stamps->times_ms.clear();
        for (size_t i = 0; i + 2 < at->size(); ++i)
          stamps->times_ms.push_back(float((*at)[i + 1] - (i == row + 1 ? at->back() : (*at)[i])));
      });
    }
  } else if (!pictures_) {
    why_none_ = "this network did not run in this frame";
  }
  // Nobody chose one: of stages that rest another one is looked at in the next frame.
  settled_ = settled_ || ran_;
  if (!settled_ && network_.empty()) ++first_;
  frame_ = nullptr;
}

void WindowLayers::forget_pictures() {
  pictures_.reset();
  options_.chosen.reset();
  why_none_.clear();
  ++chosen_;
}

void WindowLayers::handle(const overlay::LayerEvents& events) {
  if (events.network) {
    const auto all = networks();
    if (*events.network < all.size()) network_ = all[*events.network].name;
  }
  if (events.select && *events.select < rows_.size() && *events.select != row_) {
    row_ = *events.select;
    layer_ = rows_[row_].name;
    forget_pictures();
  }
  if (events.choose) options_.chosen = events.choose;
  if (events.unchoose) options_.chosen.reset();
  if (events.own_ranges) options_.own_ranges = *events.own_ranges;
}

std::vector<uint32_t> WindowLayers::colors() const {
  const auto& all = device_->ranges[pictures_->chosen.value_or(pictures_->count)];
  const vision::ValueRange range{all.least, all.largest};
  const float most = std::max(-range.least, range.largest);
  const bool signs = range.least < 0 && range.largest > 0;
  const float low = signs ? -most : range.least, high = signs ? most : range.largest;
  std::vector<uint32_t> colors;
  for (uint32_t i = 0; i < kColors; ++i)
    colors.push_back(vision::value_colour(low + (high - low) * float(i) / float(kColors - 1), range));
  return colors;
}

overlay::LayersView WindowLayers::view() {
  overlay::LayersView view;
  const auto all = networks();
  for (const auto& one : all) view.networks.push_back(one.name);
  const auto now = std::ranges::find(all, looked_at_, &pipeline::NamedNetwork::network);
  view.network = now == all.end() ? 0 : size_t(now - all.begin());
  view.rows = &rows_;
  if (stamps_) view.times_ms = &stamps_->times_ms;
  if (!rows_.empty()) view.selected = row_;
  view.steps = std::exchange(steps_, 0);
  view.pictures = pictures_;
  view.why_none = why_none_;
  view.draw_tiles = &window::ImguiRenderer::draw_tiles;
  if (pictures_ && device_->ranges_of == chosen_ && device_->ranges.size() == size_t{pictures_->count} + 1) {
    view.ranges = &device_->ranges;
    view.colors = colors();
  }
  return view;
}

}  // namespace tarsier::app
