// The panels with a mouse of their own: Dear ImGui without a window or a device.
#include "overlay/panels.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <imgui.h>
#include <imgui_internal.h>

namespace tarsier::overlay {
namespace {

class PanelsTest : public ::testing::Test {
 protected:
  static constexpr float kWidth = 1280, kHeight = 720;
  Panels panels_;
  ProfileSnapshot data_;
  Params params_;

  void SetUp() override {
    ImGui::CreateContext();
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = {kWidth, kHeight};
    apply_style(1, "");
    unsigned char* pixels = nullptr;
    int width = 0, height = 0;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &width, &height);
    data_.pipeline = "test";
  }
  void TearDown() override { ImGui::DestroyContext(); }

  PanelEvents turn() {
    ImGui::GetIO().DeltaTime = 1.0F / 30;
    ImGui::NewFrame();
    const PanelEvents events = panels_.draw(data_, params_);
    ImGui::Render();
    return events;
  }
  void move(float x, float y) {
    ImGui::GetIO().MousePos = {x, y};
    for (int i = 0; i < 3; ++i) turn();
  }
  void click() {
    for (const bool down : {true, false}) {
      ImGui::GetIO().MouseDown[0] = down;
      turn();
    }
    turn();
  }
  static bool popup() { return ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup); }
  /// Goes up the controls, from the lowest one, until something is there. Whether it was.
  template <class There>
  bool find(float x, There there) {
    for (float y = kHeight - 20; y > 40; y -= 6) {
      move(x, y);
      if (there()) return true;
    }
    return false;
  }
};

TEST_F(PanelsTest, EscapeClosesAnOpenListFirst) {
  ASSERT_TRUE(params_
                  .declare({.key = "detect.nms",
                            .type = ParamType::kChoice,
                            .initial = std::string("class"),
                            .choices = {"class", "all"}})
                  .ok());
  turn();
  EXPECT_FALSE(panels_.close_popup()) << "nothing is open: Escape is for others";
  ASSERT_TRUE(find(kWidth - 100, [&] {
    click();
    return popup();
  }));
  EXPECT_TRUE(panels_.close_popup());
  EXPECT_FALSE(panels_.close_popup()) << "the next Escape is not the list's";
  turn();
  EXPECT_FALSE(popup());
  turn();
  EXPECT_FALSE(panels_.close_popup());
  // One that is open no more by then does no harm.
  ASSERT_TRUE(find(kWidth - 100, [&] {
    click();
    return popup();
  }));
  EXPECT_TRUE(panels_.close_popup());
  ImGui::GetIO().MousePos = {kWidth / 2, kHeight / 2};
  click();
  EXPECT_FALSE(popup());
}

TEST_F(PanelsTest, GreyedControlsHaveTheirHelpToo) {
  ASSERT_TRUE(params_
                  .declare({.key = "detect.model",
                            .type = ParamType::kText,
                            .initial = std::string("yolox_nano"),
                            .help = "of the catalogue",
                            .restarts = true})
                  .ok());
  turn();
  EXPECT_TRUE(find(kWidth - 240, [] {  // its title
    return std::ranges::any_of(ImGui::GetCurrentContext()->Windows, [](const ImGuiWindow* window) {
      return window->Active && (window->Flags & ImGuiWindowFlags_Tooltip) != 0;
    });
  }));
}

}  // namespace
}  // namespace tarsier::overlay
