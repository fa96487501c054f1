// Panels with a mouse of their own: Dear ImGui without a window or a device.
#pragma once

#include <gtest/gtest.h>
#include <imgui.h>

#include "overlay/panels.hpp"

namespace tarsier::test {

class PanelTest : public ::testing::Test {
 protected:
  static constexpr float kWidth = 1280, kHeight = 720;

  void SetUp() override {
    ImGui::CreateContext();
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = {kWidth, kHeight};
    overlay::apply_style(1, "");
    unsigned char* pixels = nullptr;
    int width = 0, height = 0;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &width, &height);
  }
  void TearDown() override { ImGui::DestroyContext(); }

  /// What is tested, in a frame of Dear ImGui that is open.
  virtual void draw() = 0;
  void turn(int times = 1) {
    for (int i = 0; i < times; ++i) {
      ImGui::GetIO().DeltaTime = 1.0F / 30;
      ImGui::NewFrame();
      draw();
      ImGui::Render();
    }
  }
  void move(float x, float y) {
    ImGui::GetIO().MousePos = {x, y};
    turn(3);
  }
  void hold(bool down) {
    ImGui::GetIO().MouseDown[0] = down;
    turn();
  }
  void click() {
    hold(true);
    hold(false);
    turn();
  }
};

}  // namespace tarsier::test
