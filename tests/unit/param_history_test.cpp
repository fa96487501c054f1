#include "core/param_history.hpp"

#include <gtest/gtest.h>

namespace tarsier {
namespace {

std::string text_of(const ParamStep* step) {
  if (step == nullptr) return "nothing";
  std::string text = step->preset_was == step->preset_now ? "" : step->preset_was + ">" + step->preset_now;
  for (const auto& one : step->changes)
    text += " " + one.key + " " + to_string(one.was) + ">" + to_string(one.now);
  return text;
}

TEST(ParamHistory, ADragIsOneStep) {
  ParamHistory history;
  EXPECT_EQ(text_of(history.undo()), "nothing");
  history.change({"a", 0.1, 0.2}, "");
  history.change({"a", 0.2, 0.3}, "");
  history.change({"a", 0.3, 0.5}, "");
  history.close();
  history.change({"a", 0.5, 0.6}, "");
  history.close();
  EXPECT_EQ(text_of(history.next_undo()), " a 0.5>0.6");
  EXPECT_EQ(text_of(history.undo()), " a 0.5>0.6");
  EXPECT_EQ(text_of(history.undo()), " a 0.1>0.5");
  EXPECT_EQ(history.undo(), nullptr);
  EXPECT_EQ(text_of(history.next_redo()), " a 0.1>0.5");
  EXPECT_EQ(text_of(history.redo()), " a 0.1>0.5");
  EXPECT_EQ(text_of(history.redo()), " a 0.5>0.6");
  EXPECT_EQ(history.redo(), nullptr);
}

TEST(ParamHistory, AnotherParameterIsAnotherStep) {
  ParamHistory history;
  history.change({"a", 0.1, 0.2}, "");
  history.change({"b", true, false}, "");
  history.change({"a", 0.2, 0.3}, "");
  EXPECT_EQ(text_of(history.undo()), " a 0.2>0.3");
  EXPECT_EQ(text_of(history.undo()), " b on>off");
  EXPECT_EQ(text_of(history.undo()), " a 0.1>0.2");
}

TEST(ParamHistory, WhatEndsWhereItBeganIsNoStep) {
  ParamHistory history;
  history.change({"a", 0.1, 0.2}, "");
  history.change({"a", 0.2, 0.1}, "");
  history.close();
  history.change({"a", 0.1, 0.1}, "");
  history.add({{{"a", 0.1, 0.1}}, "x", "x"});
  EXPECT_EQ(history.next_undo(), nullptr);
}

TEST(ParamHistory, APresetIsOneStepWithAllItsValues) {
  ParamHistory history;
  history.change({"a", 0.1, 0.2}, "");
  history.add({{{"a", 0.2, 0.9}, {"b", 0.5, 0.5}, {"c", false, true}}, "", "careful"});
  history.add({{}, "careful", "fast"});
  EXPECT_EQ(text_of(history.undo()), "careful>fast") << "a preset without a difference is one, too";
  EXPECT_EQ(text_of(history.undo()), ">careful a 0.2>0.9 c off>on");
  EXPECT_EQ(text_of(history.undo()), " a 0.1>0.2");
}

TEST(ParamHistory, AnotherPrecisionIsAStepWithoutValues) {
  ParamHistory history;
  history.add({{}, "", "", "fp32", "fp16"});
  history.add({{}, "", "", "fp16", "fp16"});
  const ParamStep* const only = history.undo();
  ASSERT_NE(only, nullptr);
  EXPECT_EQ(only->precision_was, "fp32");
  EXPECT_EQ(history.undo(), nullptr);
  EXPECT_EQ(history.redo()->precision_now, "fp16");
}

TEST(ParamHistory, AStepAfterUndoForgetsWhatWasUndone) {
  ParamHistory history;
  history.change({"a", 0.1, 0.2}, "");
  history.close();
  history.change({"a", 0.2, 0.3}, "");
  ASSERT_NE(history.undo(), nullptr);
  history.change({"b", 0.5, 0.6}, "");
  EXPECT_EQ(history.redo(), nullptr);
  EXPECT_EQ(text_of(history.undo()), " b 0.5>0.6");
  EXPECT_EQ(text_of(history.undo()), " a 0.1>0.2");
}

TEST(ParamHistory, IsBounded) {
  ParamHistory history(3);
  for (int64_t i = 0; i < 10; ++i) {
    history.change({"a", i, i + 1}, "");
    history.close();
  }
  EXPECT_EQ(text_of(history.undo()), " a 9>10");
  EXPECT_EQ(text_of(history.undo()), " a 8>9");
  EXPECT_EQ(text_of(history.undo()), " a 7>8");
  EXPECT_EQ(history.undo(), nullptr);
  for (int i = 0; i < 3; ++i) ASSERT_NE(history.redo(), nullptr);
  EXPECT_EQ(history.redo(), nullptr);
}

}  // namespace
}  // namespace tarsier
