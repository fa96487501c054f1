// What a frame is made with: one set of parameters for all of its stages, told in its results.
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>

#include "app/frame_loop.hpp"
#include "core/file.hpp"
#include "core/text.hpp"
#include "gpu/driver_setup.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::app {
namespace {

/// Values that the frames' steps saw, by frame.
using Log = std::map<uint64_t, std::vector<double>>;

/// Reads its parameter in every step of a frame.
class Probe final : public pipeline::Stage {
 public:
  Probe(std::string name, const uint64_t& frame, Log& log)
      : name_(std::move(name)), frame_(frame), log_(log) {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  Status prepare(gpu::FrameContext& /*frame*/, const Params& params, pipeline::DeviceFrame& /*p*/) override {
    return note(params);
  }
  Status record(gpu::FrameContext& /*frame*/, const pipeline::DeviceFrame& /*p*/,
                const Params& params) override {
    return note(params);
  }
  Status edit(gpu::FrameContext& /*frame*/, const Params& params, pipeline::DeviceFrame& /*shown*/) override {
    return note(params);
  }
  void layers(const gpu::FrameContext& /*frame*/, const pipeline::DeviceFrame& /*p*/, const Params& params,
              pipeline::Layers& /*layers*/) const override {
    log_[frame_].push_back(params.real("probe.x"));
  }
  void read_results(gpu::FrameContext& /*frame*/, const std::shared_ptr<pipeline::FrameResult>& /*result*/,
                    bool /*wanted*/) override {}

 private:
  Status note(const Params& params) {
    log_[frame_].push_back(params.real("probe.x"));
    return {};
  }
  std::string name_;
  const uint64_t& frame_;
  Log& log_;
};

TEST(Settings, AChangeDuringAFrameCountsForTheNextOneInAllStages) {
  auto device = gpu::Device::create({.validation = true});
  ASSERT_TRUE(device.ok()) << device.error().message;
  auto ring = gpu::FrameRing::create(**device, 2, 4 << 20);
  ASSERT_TRUE(ring.ok()) << ring.error().message;
  const test::TempFolder folder;
  auto outputs = Outputs::open("", 25, folder / "a.jsonl");
  ASSERT_TRUE(outputs.ok());
  Params params;
  ASSERT_TRUE(params.declare({.key = "probe.x", .initial = 0.5}).ok());
  ASSERT_TRUE(params.set("probe.x", 0.6, ParamOrigin::kPipeline).ok());

  uint64_t id = 0;
  Log log;
  Side::Stages stages;
  stages.push_back(std::make_unique<Probe>("first", id, log));
  stages.push_back(std::make_unique<Probe>("second", id, log));
  auto side = Side::create(**device, std::move(stages));
  ASSERT_TRUE(side.ok()) << side.error().message;
  FrameLoop::Parts parts;
  parts.side = *std::move(side);
  parts.device = device->get();
  parts.ring = ring->get();
  parts.outputs = std::move(*outputs);
  parts.params = &params;
  auto loop = FrameLoop::create(std::move(parts));
  ASSERT_TRUE(loop.ok()) << loop.error().message;
  (*loop)->use_names("probes", "careful");
  for (id = 0; id < 6; ++id) {
    auto context = (*ring)->begin();
    ASSERT_TRUE(context.ok());
    capture::Frame frame;
    frame.id = id;
    frame.width = 64;
    frame.height = 48;
    frame.time_s = double(id) / 25;
    frame.bgra = std::make_shared<std::vector<uint8_t>>(64 * 48 * 4);
    ASSERT_TRUE((*loop)->record(**context, frame).ok());
    // The panels are drawn here: what they set is for the next frame.
    if (id == 1) {
      ASSERT_TRUE(params.set_by_hand("probe.x", 0.9).ok());
    }
    if (id == 3) {
      ASSERT_TRUE(params.set_by_hand("probe.x", 0.2).ok());
      ASSERT_TRUE(params.set_by_hand("probe.x", 0.9).ok());
    }
    if (id == 4) (*loop)->use_names("probes", "");
    ASSERT_TRUE((*ring)->submit(**context).ok());
  }
  (*ring)->drain();
  ASSERT_TRUE((*loop)->outputs().finish().ok());

  for (const auto& [frame, seen] : log)
    EXPECT_EQ(seen, std::vector<double>(8, frame < 2 ? 0.6 : 0.9)) << "frame " << frame;
  EXPECT_EQ(log.size(), 6U);
  std::vector<std::string> told;
  for (const auto& line : split(*read_text(folder / "a.jsonl"), '\n')) {
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line);
    told.push_back(json["preset"].dump() + " " + json["params"].dump());
  }
  EXPECT_EQ(told, (std::vector<std::string>{R"("careful" {"probe.x":0.6})", R"("careful" null)",
                                            R"("careful" {"probe.x":0.9})", R"("careful" null)",
                                            R"("careful" null)", R"(null {"probe.x":0.9})"}));
}

}  // namespace
}  // namespace tarsier::app
