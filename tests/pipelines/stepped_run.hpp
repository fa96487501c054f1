// A run without a window whose frames a test takes one by one, under validation.
#pragma once

#include <gtest/gtest.h>
#include <string>

#include "core/log.hpp"
#include "pipelines/frame_by_frame.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace tarsier::test {

class SteppedRun : public ::testing::Test {
 protected:
  static constexpr const char* kDetect =
      "[[stage]]\nname = 'detect'\ntype = 'detect'\nmodel = 'yolox_nano'\n";
  static constexpr const char* kTrack = "[[stage]]\nname = 'track'\ntype = 'track'\n";

  void SetUp() override {
    log::init("warn");
    if (const auto why = missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
    app_.options.headless = true;
    app_.options.globals.tune = "off";
  }
  void assemble_it() {
    const Status assembled = app::assemble(app_, {.validation = true}, false);
    ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  }
  void run_frames(int count) {
    for (int i = 0; i < count; ++i) {
      const auto frame = finish_frame(app_);
      ASSERT_TRUE(frame.ok()) << frame.error().message;
    }
    EXPECT_EQ(app_.device->validation_messages(), 0U);
  }

  TempFolder dir_;
  app::Application app_;
};

}  // namespace tarsier::test
