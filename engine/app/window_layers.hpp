// The layers of a network in the window: a tap of the one that is looked at, its times, and pictures of the
// layer that is chosen. Nothing runs and nothing is held while they are not shown.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/application.hpp"
#include "gpu/timestamps.hpp"
#include "overlay/layer_panel.hpp"
#include "vision/feature_maps.hpp"

namespace tarsier::app {

class WindowLayers final : public infer::LayerTap {
 public:
  explicit WindowLayers(Application& app) : app_(app) {}
  /// Before a frame is recorded, or drawn again. With `shown` the network that is looked at tells its layers
  /// until end().
  void begin(gpu::FrameContext& frame, bool shown);
  /// Once it is recorded.
  void end();
  /// So many layers on, in the list as it is shown.
  void walk(int steps) { steps_ += steps; }
  void handle(const overlay::LayerEvents& events);
  [[nodiscard]] overlay::LayersView view();

 private:
  void before(gpu::CommandList& commands, const infer::PlanLayer& layer) override;
  void behind(gpu::CommandList& commands, const infer::PlanLayer& layer) override;

  /// What frames in flight use, and what they bring.
  struct OnDevice {
    vision::FeatureMaps maps;
    std::vector<overlay::LayerRange> ranges;  // of each tile, then of all; of the latest frame that is done
    uint64_t ranges_of = 0;                   // chosen_ in that frame
  };
  struct Stamps {
    std::vector<gpu::Timestamps> slots;
    std::vector<float> times_ms;  // of each layer, in the latest frame that is done
  };
  [[nodiscard]] std::vector<pipeline::NamedNetwork> networks() const;
  /// A network that is another one than before: its list, its timestamps.
  void look_at(const pipeline::Network& network);
  void draw(gpu::CommandList& commands, const infer::PlanLayer& layer);
  Status take_memory();
  void forget_pictures();
  [[nodiscard]] std::vector<uint32_t> colors() const;

  Application& app_;
  std::string network_, layer_;  // the names that the user chose; empty: the first
  size_t first_ = 0;             // the first network that runs, once settled_
  bool settled_ = false;
  /// A channel with a value far beyond the others' would leave those dark.
  vision::FeatureMaps::Options options_{.own_ranges = true};
  int steps_ = 0;

  std::shared_ptr<OnDevice> device_;
  std::shared_ptr<Stamps> stamps_;  // null: the device has none
  const pipeline::Network* looked_at_ = nullptr;
  uint64_t sides_ = 0;  // FrameLoop::sides() then: another network may have the address of one that is gone
  std::vector<overlay::LayerRow> rows_;
  size_t row_ = 0;       // the chosen one
  uint64_t chosen_ = 1;  // counts choices of a network or layer

  // Of the frame that is recorded:
  gpu::FrameContext* frame_ = nullptr;
  pipeline::Network* tapped_ = nullptr;
  bool ran_ = false, runs_ = false;  // whether its first execution was recorded, or is just being
  // Of the latest one that the network ran in:
  std::optional<overlay::LayerPictures> pictures_;
  std::string why_none_;
};

}  // namespace tarsier::app
