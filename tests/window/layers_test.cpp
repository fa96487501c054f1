// The layers of a network: the panel with a mouse of its own, what is shown in it without a window, and both
// in the program's window with a real keyboard and mouse.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <imgui.h>
#include <string>
#include <thread>

#include "app/window_layers.hpp"
#include "core/log.hpp"
#include "gpu/memory_owner.hpp"
#include "overlay/panels.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier {
namespace {

using overlay::LayerEvents;
using test::eventually;
using test::Hand;

class LayerPanelTest : public ::testing::Test {
 protected:
  static constexpr float kLeft = 300, kBottom = 700, kWidth = 680;
  overlay::LayerPanel panel_;
  overlay::PanelPlaces places_;
  overlay::LayersView view_;
  std::vector<overlay::LayerRow> rows_;
  std::vector<float> times_;
  std::vector<overlay::LayerRange> ranges_;
  LayerEvents events_;  // of the latest drawings
  std::vector<overlay::TileGrid> drawn;
  static void draw(const ImDrawList*, const ImDrawCmd*) {}

  void SetUp() override {
    ImGui::CreateContext();
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = {1280, 720};
    overlay::apply_style(1, "");
    unsigned char* pixels = nullptr;
    int width = 0, height = 0;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &width, &height);
    for (int i = 0; i < 200; ++i) {
      rows_.push_back({fmt::format("block{}/conv", i), i % 10 == 3 ? "MaxPool" : "Conv", "[1,12,40,60]"});
      times_.push_back(0.1F * float(i % 7));
    }
    for (int i = 0; i <= 12; ++i) ranges_.push_back({-1, float(i), 0.5F, 2400, 2400});
    view_.networks = {"detect", "face"};
    view_.rows = &rows_;
    view_.times_ms = &times_;
    view_.ranges = &ranges_;
    view_.colors = {0xFF000000, 0xFFFFFFFF};
    view_.selected = 0;
    view_.pictures = overlay::LayerPictures{.tiles = 16,
                                            .large = 32,
                                            .count = 12,
                                            .channels = 12,
                                            .tile_width = 60,
                                            .tile_height = 40,
                                            .large_width = 60,
                                            .large_height = 40,
                                            .width = 60,
                                            .height = 40,
                                            .chosen = {}};
    view_.draw_tiles = draw;
  }
  void TearDown() override { ImGui::DestroyContext(); }

  void turn() {
    ImGui::GetIO().DeltaTime = 1.0F / 30;
    ImGui::NewFrame();
    LayerEvents now;
    panel_.begin(view_, places_, kLeft, kBottom, kWidth, now);
    ImGui::End();
    ImGui::Render();
    if (now.network) events_.network = now.network;
    if (now.select) events_.select = now.select;
    if (now.choose) events_.choose = now.choose;
    events_.unchoose = events_.unchoose || now.unchoose;
    view_.steps = 0;
    drawn.clear();
    const ImDrawData& data = *ImGui::GetDrawData();
    for (int i = 0; i < data.CmdListsCount; ++i)
      for (const ImDrawCmd& command : data.CmdLists[i]->CmdBuffer)
        if (command.UserCallback == draw)
          drawn.push_back(*static_cast<const overlay::TileGrid*>(command.UserCallbackData));
  }
  void click(float x, float y) {
    ImGui::GetIO().MousePos = {x, y};
    for (int i = 0; i < 3; ++i) turn();
    for (const bool down : {true, false}) {
      ImGui::GetIO().MouseDown[0] = down;
      turn();
    }
    turn();
  }
};

TEST_F(LayerPanelTest, TilesFillTheRoomThereIsAndAClickChoosesOne) {
  for (int i = 0; i < 3; ++i) turn();
  ASSERT_EQ(drawn.size(), 1U);
  const overlay::TileGrid grid = drawn[0];
  EXPECT_EQ(grid.texels, 16U);
  EXPECT_EQ(grid.tiles, 12U);
  EXPECT_NEAR(grid.size.y / grid.size.x, 40.0F / 60, 0.03F);
  const float rows = std::ceil(12.0F / float(grid.columns));
  EXPECT_LE(grid.at.y + rows * grid.pitch.y, kBottom + 1) << "all of them are in view";
  EXPECT_LE(grid.at.x + float(grid.columns) * grid.pitch.x, kLeft + kWidth + 1);
  EXPECT_GT(grid.at.x, kLeft + kWidth / 2) << "the list is on the left";
  // The second of the second row.
  click(grid.at.x + 1.5F * grid.pitch.x, grid.at.y + 1.5F * grid.pitch.y);
  EXPECT_EQ(events_.choose, grid.columns + 1);
  EXPECT_FALSE(events_.select);

  view_.pictures->chosen = grid.columns + 1;
  turn();
  ASSERT_EQ(drawn.size(), 1U);
  EXPECT_EQ(drawn[0].texels, 32U);
  EXPECT_EQ(drawn[0].tiles, 1U);
  EXPECT_GT(drawn[0].size.x, 2 * grid.size.x);
}

TEST_F(LayerPanelTest, ManyTilesAreScrolled) {
  view_.pictures->count = view_.pictures->channels = 1000;
  for (int i = 0; i < 3; ++i) turn();
  ASSERT_EQ(drawn.size(), 1U);
  EXPECT_GE(drawn[0].size.x, 50) << "large enough to see something";
  const float top = drawn[0].at.y;
  ImGui::GetIO().MousePos = {drawn[0].at.x + 50, top + 50};
  for (int i = 0; i < 5; ++i) {
    ImGui::GetIO().MouseWheel = -3;
    turn();
  }
  EXPECT_LT(drawn[0].at.y, top - 100);
}

TEST_F(LayerPanelTest, RowsAreChosenByMouseAndKeysWithinTheFilter) {
  for (int i = 0; i < 3; ++i) turn();
  const float line = ImGui::GetTextLineHeight() + 2 * ImGui::GetStyle().CellPadding.y;
  const float first = drawn[0].at.y;  // about where the table's first rows are
  click(kLeft + 60, first);
  ASSERT_TRUE(events_.select);
  const size_t clicked = *events_.select;
  EXPECT_LT(clicked, 5U);
  click(kLeft + 60, first + 2 * line);
  EXPECT_EQ(events_.select, clicked + 2);

  view_.selected = 3;
  view_.steps = 1;
  turn();
  EXPECT_EQ(events_.select, 4U);
  view_.selected = 0;
  view_.steps = -1;
  turn();
  EXPECT_EQ(events_.select, 0U) << "there is none before it";

  // Typed into the filter: the pools, 3, 13, 23, ...
  click(kLeft + 180, kBottom - 288 + ImGui::GetFrameHeight() * 1.7F);
  ImGui::GetIO().AddInputCharactersUTF8("maxp");
  turn();
  view_.selected = 0;
  view_.steps = 1;
  turn();
  EXPECT_EQ(events_.select, 3U);
  view_.selected = 3;
  view_.steps = 2;
  turn();
  EXPECT_EQ(events_.select, 23U);
  view_.selected = 23;
  view_.steps = 500;
  turn();
  EXPECT_EQ(events_.select, 193U);
}

TEST_F(LayerPanelTest, NothingToShowIsSaid) {
  view_ = {};
  view_.why_none = "no stage of this pipeline has a network";
  for (int i = 0; i < 2; ++i) turn();
  view_.steps = 1;
  turn();
  EXPECT_FALSE(events_.select);
  EXPECT_TRUE(drawn.empty());
}

/// Without a window: frames as its loop records them.
class WindowLayersTest : public ::testing::Test {
 protected:
  test::TempFolder folder_;
  app::Application app_;
  uint64_t complaints_ = gpu::total_validation_messages();

  void SetUp() override { log::init("warn"); }
  void TearDown() override { EXPECT_EQ(gpu::total_validation_messages(), complaints_); }
  void open(const std::string& stages, const std::string& source, bool validation = true) {
    app_.options.pipeline = folder_.write("layers.toml", stages).string();
    app_.options.source = source;
    app_.options.headless = true;
    app_.options.json = (folder_ / "results.jsonl").string();
    app_.options.globals.tune = "off";
    const Status assembled = assemble(app_, {.validation = validation}, false);
    ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  }
  static std::string stage(const std::string& type, const std::string& model, const std::string& more = "") {
    return fmt::format("[[stage]]\nname = \"{}\"\ntype = \"{}\"\nmodel = \"{}\"\n{}", type, type, model,
                       more);
  }
  /// A frame of the source, or with `again` the last one once more.
  void frame(app::WindowLayers& layers, bool shown, bool again = false) {
    auto* context = *app_.ring->begin();
    layers.begin(*context, shown);
    if (again) {
      ASSERT_TRUE(app_.loop->redraw(*context).ok());
    } else {
      const auto letter = app_.mailbox->take();
      ASSERT_EQ(letter.state, capture::Mailbox::State::kFrame);
      ASSERT_TRUE(app_.loop->record(*context, letter.frame).ok());
    }
    layers.end();
    ASSERT_TRUE(app_.ring->submit(*context).ok());
    app_.ring->drain();
  }
};

TEST_F(WindowLayersTest, ShowTheChosenLayerOfALiveAndOfAStandingFrame) {
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  open(stage("detect", "yolox_nano"), "synthetic:320x240");
  app::WindowLayers layers(app_);
  frame(layers, true);
  auto view = layers.view();
  EXPECT_EQ(view.networks, std::vector<std::string>{"detect"});
  ASSERT_NE(view.rows, nullptr);
  const size_t count = view.rows->size();
  EXPECT_GT(count, 64U) << "more layers than a frame has spans";
  ASSERT_NE(view.times_ms, nullptr);
  ASSERT_EQ(view.times_ms->size(), count);
  double sum = 0;
  for (const float ms : *view.times_ms) {
    EXPECT_GE(ms, 0);
    sum += double(ms);
  }
  double network_ms = 0;
  for (const auto& pass : app_.loop->pass_times())
    if (pass.name == "detect network") network_ms = pass.ms;
  EXPECT_GT(sum, 0);
  EXPECT_LE(sum, network_ms);
  ASSERT_TRUE(view.pictures);
  ASSERT_NE(view.ranges, nullptr);
  ASSERT_EQ(view.ranges->size(), view.pictures->count + 1);
  const auto& all = view.ranges->back();
  EXPECT_EQ(all.finite, all.values);
  EXPECT_LT(all.least, all.largest);

  // Another layer, of the frame that stands.
  layers.handle({.select = count / 2});
  EXPECT_FALSE(layers.view().pictures) << "that of the layer before is no longer it";
  frame(layers, true, true);
  view = layers.view();
  ASSERT_TRUE(view.pictures);
  ASSERT_NE(view.ranges, nullptr);
  EXPECT_EQ(view.selected, count / 2);
  EXPECT_FALSE(view.pictures->chosen);
  layers.handle({.choose = 1});
  frame(layers, true, true);
  EXPECT_EQ(layers.view().pictures->chosen, 1U);
  layers.handle({.unchoose = true});
  layers.handle({.select = count + 5});  // none of the list
  frame(layers, true);
  EXPECT_EQ(layers.view().selected, count / 2) << "it stays from frame to frame";
  EXPECT_FALSE(layers.view().pictures->chosen);
}

TEST_F(WindowLayersTest, KeepTheChosenLayerOverASwapOfTheStages) {
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  open(stage("detect", "yolox_nano"), "synthetic:320x240");
  app::WindowLayers layers(app_);
  frame(layers, true);
  const size_t row = layers.view().rows->size() / 2;
  layers.handle({.select = row});
  frame(layers, true, true);
  const auto chosen = [&] {
    const auto view = layers.view();
    return view.selected ? (*view.rows)[*view.selected].name : "none";
  };
  const std::string name = chosen();
  const auto swap = [&](const app::RunOptions& options, const app::Picks& picks) {
    auto next = read_again(app_, options, app::OverlayValues::kKeep, app_.catalogue, picks);
    ASSERT_TRUE(next.ok()) << next.error().message;
    ASSERT_TRUE(needs_stages(app_, *next));
    auto side = make_side(app_.side_context(true), *next);
    ASSERT_TRUE(side.ok()) << side.error().message;
    ASSERT_TRUE(app_.switch_to(*std::move(next), *std::move(side)).ok());
  };
  // The same network at half precision: the layers have their names again, maybe in other places.
  app::RunOptions half = app_.options;
  half.precision = "fp16";
  swap(half, {});
  frame(layers, true);
  EXPECT_EQ(chosen(), name);
  EXPECT_TRUE(layers.view().pictures);
  // One without a layer of that name shows its first, and back again the chosen one.
  if (test::missing_network("fastestdet").empty()) {
    swap(half, {{"detect.model", std::string("fastestdet")}});
    frame(layers, true);
    EXPECT_EQ(layers.view().selected, 0U);
    EXPECT_TRUE(layers.view().pictures);
    swap(half, {{"detect.model", std::string("yolox_nano")}});
    frame(layers, true);
    EXPECT_EQ(chosen(), name);
  }
}

TEST_F(WindowLayersTest, ChangeNoResultAndHoldNothingWhileTheyAreNotShown) {
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  const auto clip = test::shared_clip("highway_cars.mp4");
  if (const auto why = test::missing_file(clip); !why.empty()) GTEST_SKIP() << why;
  open(stage("detect", "yolox_nano", "score = 0.01\n"), clip.string());
  app::WindowLayers layers(app_);
  frame(layers, false);
  const auto boxes = [](const app::Application& app) {
    std::vector<std::array<float, 5>> out;
    for (const auto& box : app.loop->latest().detections)
      out.push_back({box.x0, box.y0, box.x1, box.y1, box.score});
    return out;
  };
  const auto wanted = boxes(app_);
  ASSERT_FALSE(wanted.empty());
  for (int i = 0; i < 3; ++i) frame(layers, false);  // until all slots have their picture
  const auto before = gpu::memory_use();
  const uint64_t allocations = app_.device->allocations();
  frame(layers, false, true);
  EXPECT_EQ(app_.device->allocations(), allocations);
  frame(layers, true);
  const uint64_t open_allocations = app_.device->allocations();
  EXPECT_GT(open_allocations, allocations);
  EXPECT_GT(gpu::memory_use(), before);
  frame(layers, true);
  frame(layers, true, true);
  layers.handle({.select = 7});
  frame(layers, true);
  EXPECT_EQ(app_.device->allocations(), open_allocations) << "taken once, when they are opened";
  frame(layers, false);
  frame(layers, false);  // the slots of all frames in flight
  EXPECT_EQ(gpu::memory_use(), before);

  // The same source anew, with its first frame tapped: the same boxes.
  app::Application other;
  other.options = app_.options;
  other.options.json = (folder_ / "others.jsonl").string();
  ASSERT_TRUE(assemble(other, {}, false).ok());
  app::WindowLayers tapped(other);
  auto* context = *other.ring->begin();
  tapped.begin(*context, true);
  ASSERT_TRUE(other.loop->record(*context, other.mailbox->take().frame).ok());
  tapped.end();
  ASSERT_TRUE(other.ring->submit(*context).ok());
  other.ring->drain();
  EXPECT_TRUE(tapped.view().pictures);
  EXPECT_EQ(boxes(other), wanted) << "bit for bit";
}

TEST_F(WindowLayersTest, EveryStageTellsItsNetworks) {
  for (const char* network : {"selfie_segmentation", "face_landmark", "face_detection_short",
                              "movenet_lightning", "hand_landmark_lite", "lyt_net"}) {
    if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
  }
  const auto clip = test::shared_clip("webcam_walk.mkv");
  if (const auto why = test::missing_file(clip); !why.empty()) GTEST_SKIP() << why;
  app_.options.set = {"enhance.on=on", "body.show=skeleton", "hands.show=skeleton"};
  open(stage("enhance", "lyt_net") +
           stage("segment", "selfie_segmentation",
                 "[[stage.mask]]\nname = \"person\"\noutput = \"segment_back\"\ncolor = \"#3d8bff\"\n") +
           "[[stage]]\nname = \"face\"\ntype = \"face\"\n[[stage]]\nname = \"body\"\ntype = \"body\"\n" +
           "[[stage]]\nname = \"hands\"\ntype = \"hands\"\ninput = \"body\"\n",
       clip.string(), false);
  app::WindowLayers layers(app_);
  frame(layers, true);
  const auto names = layers.view().networks;
  EXPECT_EQ(names, (std::vector<std::string>{"enhance", "segment", "face detector", "face landmarks", "body",
                                             "hands"}));
  for (size_t i = 0; i < names.size(); ++i) {
    SCOPED_TRACE(names[i]);
    layers.handle({.network = i});
    frame(layers, true, true);
    const auto view = layers.view();
    EXPECT_EQ(view.network, i);
    ASSERT_FALSE(view.rows->empty());
    if (names[i] == "hands") continue;  // runs where a wrist is in view
    ASSERT_TRUE(view.pictures);
    ASSERT_NE(view.ranges, nullptr);
    EXPECT_EQ(view.times_ms->size(), view.rows->size());
    EXPECT_LT(view.ranges->back().least, view.ranges->back().largest);
  }
}

/// What is seen of the panel's right half, where the pictures are.
std::vector<uint8_t> look() {
  std::vector<uint8_t> out;
  std::FILE* pipe = popen("import -window root -crop 300x90+660+505 -depth 8 rgb:- 2>/dev/null", "r");
  if (pipe == nullptr) return out;
  std::array<uint8_t, 4096> part{};
  while (const size_t count = std::fread(part.data(), 1, part.size(), pipe))
    out.insert(out.end(), part.begin(), part.begin() + std::ptrdiff_t(count));
  pclose(pipe);
  return out;
}
/// The same, once it stands.
std::vector<uint8_t> settled() {
  auto last = look();
  for (int same = 0; same < 2;) {
    EXPECT_TRUE(Hand::rest());
    auto now = look();
    same = now == last ? same + 1 : 0;
    last = std::move(now);
  }
  return last;
}

TEST(WindowLayersPanel, IsOpenedWalkedAndClosed) {
  log::init("warn");
  if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
  if (std::system("command -v xdotool import >/dev/null") != 0)
    GTEST_SKIP() << "xdotool or import is missing";
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  const test::TempFolder folder;
  app::RunOptions options;
  options.pipeline =
      folder
          .write("layered.toml", "[[stage]]\nname = \"detect\"\ntype = \"detect\"\nmodel = \"yolox_nano\"\n")
          .string();
  options.source = "synthetic:640x480";
  options.globals.validation = true;
  options.globals.tune = "off";
  options.max_frames = 5000;  // should nobody end it
  const uint64_t complaints = gpu::total_validation_messages();
  std::thread hand([&] {
    Hand user("^Tarsier: layered ");
    if (!user.find_window()) return;
    const auto changes = [](const std::vector<uint8_t>& before) {
      return eventually([&] { return look() != before; });
    };
    user.key("space");  // what is shown stands from now on
    user.act_and_rest();
    const auto closed = settled();
    ASSERT_EQ(closed.size(), 300U * 90 * 3);
    const auto memory = gpu::memory_use();
    user.key("i");
    user.act();
    EXPECT_TRUE(changes(closed));
    const auto first = settled();
    EXPECT_GT(gpu::memory_use(), memory);
    for (int i = 0; i < 3; ++i) user.key("Down");
    user.act();
    EXPECT_TRUE(changes(first));
    const auto fourth = settled();
    for (int i = 0; i < 3; ++i) user.key("Up");
    user.act();
    EXPECT_TRUE(changes(fourth));
    EXPECT_EQ(settled(), first) << "the same layer of the same frame";
    user.click_control({360, 560});  // on a row of the list
    EXPECT_TRUE(changes(first));
    const auto clicked = settled();
    user.click_control({680, 470});  // and on a tile
    user.move_window(10, 650);
    user.act();
    EXPECT_TRUE(changes(clicked)) << "one channel, large";
    user.key("i");
    user.act();
    EXPECT_TRUE(eventually([&] { return look() == closed; }));
    EXPECT_TRUE(eventually([&] { return gpu::memory_use() == memory; })) << "closed it holds nothing";
    user.key("q");
    user.act();
  });
  const Status ended = app::run(options);
  hand.join();
  EXPECT_TRUE(ended.ok()) << ended.error().message;
  EXPECT_EQ(gpu::total_validation_messages(), complaints);
}

}  // namespace
}  // namespace tarsier
