// The panels with a mouse of their own: Dear ImGui without a window or a device.
#include "overlay/panels.hpp"

#include <algorithm>
#include <array>
#include <imgui_internal.h>

#include "overlay/widgets.hpp"
#include "support/color_vision.hpp"
#include "window/panel_test.hpp"

namespace tarsier::overlay {
namespace {

class PanelsTest : public test::PanelTest {
 protected:
  Panels panels_;
  ProfileSnapshot data_;
  Params params_;
  PanelEvents events_;  // of the latest turn

  PanelsTest() { data_.pipeline = "test"; }
  void draw() override { events_ = panels_.draw(data_, params_); }
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

TEST_F(PanelsTest, ASessionIsRecordedAndKeptByButtons) {
  data_.session = SessionView{.recording = false, .keeps_s = 10};
  turn();
  const auto press = [&](bool SessionEvents::*wanted) {
    bool done = false;
    for (const bool down : {true, false}) {
      hold(down);
      done = done || events_.session.*wanted;
    }
    return done;
  };
  EXPECT_TRUE(find(kWidth - 240, [&] { return press(&SessionEvents::toggle); }));
  EXPECT_TRUE(find(kWidth - 80, [&] { return press(&SessionEvents::keep); }));
  data_.session->keeps_s = 0;  // nothing is remembered
  EXPECT_FALSE(find(kWidth - 80, [&] { return press(&SessionEvents::keep); }));
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

/// Of the window of that name, rolled up or not.
ImVec2 place_of(const char* name) {
  const ImGuiWindow* window = ImGui::FindWindowByName(name);
  EXPECT_NE(window, nullptr) << name;
  return window != nullptr ? window->Pos : ImVec2();
}

TEST_F(PanelsTest, PanelsAreMovedByTheirTitleAndStayThere) {
  turn();
  const ImVec2 before = place_of("###controls");
  move(before.x + 150, before.y + 8);
  hold(true);
  move(before.x - 150, before.y + 208);
  EXPECT_TRUE(PanelPlaces::moving());
  hold(false);
  turn(2);
  EXPECT_FALSE(PanelPlaces::moving());
  const ImVec2 after = place_of("###controls");
  EXPECT_NEAR(after.x, before.x - 300, 1);
  EXPECT_NEAR(after.y, before.y + 200, 1);
  EXPECT_GT(panels_.places().changes(), 0U);

  // Another run finds it there, in a window of any size within it.
  const std::string kept = panels_.places().text();
  panels_ = Panels();
  turn();
  EXPECT_EQ(place_of("###controls").x, before.x) << "where it began";
  ASSERT_TRUE(panels_.places().read(kept).ok());
  turn();
  EXPECT_NEAR(place_of("###controls").x, after.x, 1);
  EXPECT_NEAR(place_of("###controls").y, after.y, 1);
  for (const ImVec2 size : {ImVec2{640, 480}, ImVec2{160, 120}, ImVec2{3840, 2160}}) {
    ImGui::GetIO().DisplaySize = size;
    turn(3);
    for (const char* name : {"###controls", "###profile"}) {
      const ImVec2 at = place_of(name);
      EXPECT_GE(at.x, 0) << name << " " << size.x;
      EXPECT_GE(at.y, 0) << name << " " << size.x;
      EXPECT_LT(at.x, size.x - 60) << name << " " << size.x;
      EXPECT_LT(at.y, size.y - 20) << name << " " << size.x;
    }
  }
  ImGui::GetIO().DisplaySize = {kWidth, kHeight};
  turn(3);
  EXPECT_NEAR(place_of("###controls").x, after.x, 1) << "and back";
  panels_.places().reset();
  turn();
  EXPECT_EQ(place_of("###controls").x, before.x);
  EXPECT_EQ(panels_.places().text(), PanelPlaces().text()) << "nothing is kept of it";
}

TEST_F(PanelsTest, WhatIsRolledUpStaysSo) {
  turn();
  const ImVec2 at = place_of("###profile");
  move(at.x + 14, at.y + 10);  // the arrow
  click();
  turn();
  EXPECT_TRUE(ImGui::FindWindowByName("###profile")->Collapsed);
  const std::string kept = panels_.places().text();
  panels_.places().reset();
  turn();
  EXPECT_FALSE(ImGui::FindWindowByName("###profile")->Collapsed);
  ASSERT_TRUE(panels_.places().read(kept).ok());
  turn();
  EXPECT_TRUE(ImGui::FindWindowByName("###profile")->Collapsed);
}

TEST_F(PanelsTest, ControlsAreRolledUpWhereThereIsLittleRoom) {
  const auto rolled_up = [&](const ImVec2& size) {
    ImGui::GetIO().DisplaySize = size;
    turn(3);
    return ImGui::FindWindowByName("###controls")->Collapsed;
  };
  EXPECT_TRUE(rolled_up({640, 480}));
  EXPECT_FALSE(rolled_up({kWidth, kHeight}));
  EXPECT_TRUE(rolled_up({640, 480}));
  EXPECT_EQ(panels_.places().changes(), 0U) << "nobody did that";
  const ImVec2 at = place_of("###controls");
  move(at.x + 14, at.y + 10);
  click();
  EXPECT_FALSE(rolled_up({640, 480})) << "somebody wants to see them";
  EXPECT_FALSE(rolled_up({kWidth, kHeight}));
  EXPECT_FALSE(rolled_up({640, 480}));
}

TEST_F(PanelsTest, PlacesThatCannotBeReadAreTheFirstOnes) {
  for (const char* text :
       {"", "{", "[1]", "7", R"({"controls": {"at": [0.5]}})", R"({"controls": {"at": [0.5, 7]}})",
        R"({"controls": {"at": "left"}})", R"({"controls": {"rolled_up": 3}})"}) {
    EXPECT_FALSE(panels_.places().read(text).ok()) << text;
    turn();
    EXPECT_GT(place_of("###controls").x, kWidth / 2) << text;
  }
  EXPECT_TRUE(panels_.places().read("{}").ok());
}

TEST_F(PanelsTest, NothingLiesOverWhatIsToBeKeptFree) {
  data_.keep_free = {{900, 10, 1270, 330}};
  turn(2);
  EXPECT_GE(place_of("###controls").y, 330);
  data_.keep_free = {{900, 400, 1270, 710}};
  turn(2);
  const ImGuiWindow* controls = ImGui::FindWindowByName("###controls");
  EXPECT_LE(controls->Pos.y + controls->Size.y, 400);
  data_.keep_free.clear();
  turn();
  EXPECT_LT(place_of("###controls").y, 20);

  // A line at the lower edge.
  data_.transport = TransportView{.frames = 100};
  data_.keep_free = {{0, 680, kWidth, kHeight}};
  turn(2);
  for (const char* name : {"###controls", "###profile", "##transport"}) {
    const ImGuiWindow* window = ImGui::FindWindowByName(name);
    EXPECT_LE(window->Pos.y + window->Size.y, 680) << name;
  }
}

TEST_F(PanelsTest, TheMiddleIsFree) {
  data_.transport = TransportView{.frames = 100};
  for (const ImVec2 size : {ImVec2{1280, 720}, ImVec2{1920, 1080}, ImVec2{3840, 2160}}) {
    ImGui::GetIO().DisplaySize = size;
    turn(3);
    for (const float x : {0.35F, 0.5F, 0.65F})
      for (const float y : {0.05F, 0.5F, 0.8F})
        EXPECT_FALSE(panels_.covers(double(x * size.x), double(y * size.y)))
            << x << " " << y << " " << size.x;
  }
}

TEST(Colors, AreToldApartByEveryone) {
  const auto of = [](const ImVec4& color) {
    return test::Color{color.x * 255.0, color.y * 255.0, color.z * 255.0};
  };
  // Measured: 33.5 or more.
  EXPECT_GT(test::least_distance(of(kRed), of(kGreen)), 33);
  EXPECT_GT(test::least_distance(of(kRed), of(kAmber)), 33);
  EXPECT_GT(test::least_distance(of(kAmber), of(kGreen)), 33);
  using Ink = TimelineMark::Ink;
  const std::array inks{Ink::kCollision, Ink::kLane, Ink::kLine, Ink::kOther};
  for (size_t a = 0; a < inks.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      const auto color = [&](size_t i) { return of(ImGui::ColorConvertU32ToFloat4(mark_color(inks[i]))); };
      EXPECT_GT(test::least_distance(color(a), color(b)), 33) << a << " and " << b;
    }
  }
}

TEST_F(PanelsTest, TheFirstRunIsToldWhatToDoUnlessSomethingElseIsToBeSaid) {
  const auto said = [&] {
    turn();
    const ImGuiWindow* line = ImGui::FindWindowByName("##message");
    return line != nullptr && line->Active ? line->Size.x : 0;
  };
  EXPECT_EQ(said(), 0);
  data_.first_run = true;
  said();
  const float wide = said();
  EXPECT_GT(wide, 300);
  data_.message = "saved";
  said();
  EXPECT_LT(said(), wide / 2);
  data_ = {};
  EXPECT_EQ(said(), 0);
}

TEST_F(PanelsTest, EscapeClosesTheHelpPage) {
  panels_.toggle_help();
  turn(2);
  EXPECT_TRUE(panels_.covers(kWidth / 2, kHeight / 2));
  EXPECT_TRUE(panels_.close_popup());
  turn();
  EXPECT_FALSE(panels_.covers(kWidth / 2, kHeight / 2));
  EXPECT_FALSE(panels_.close_popup());
}

}  // namespace
}  // namespace tarsier::overlay
