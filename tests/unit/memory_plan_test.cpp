// The memory planner: never two living blocks on the same bytes, and little more memory than the bound.
#include "infer/memory_plan.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace tarsier::infer {
namespace {

uint64_t aligned(uint64_t size, uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

/// Brute force: every pair of blocks that live in a common step lies apart.
void expect_valid(const std::vector<MemoryBlock>& blocks, const MemoryLayout& layout, uint64_t alignment) {
  ASSERT_EQ(layout.offsets.size(), blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(layout.offsets[i] % alignment, 0U);
    EXPECT_LE(layout.offsets[i] + blocks[i].size, layout.size);
    for (size_t j = 0; j < i; ++j) {
      bool together = false;
      for (int step = blocks[i].first; step <= blocks[i].last; ++step) {
        together |= step >= blocks[j].first && step <= blocks[j].last;
      }
      if (!together) continue;
      const bool apart = layout.offsets[i] + blocks[i].size <= layout.offsets[j] ||
                         layout.offsets[j] + blocks[j].size <= layout.offsets[i];
      EXPECT_TRUE(apart) << "blocks " << i << " and " << j << " overlap";
    }
  }
}

TEST(MemoryPlan, EmptyAndSingle) {
  EXPECT_EQ(plan_memory({}).size, 0U);
  EXPECT_EQ(peak_live_bytes({}), 0U);
  const std::vector<MemoryBlock> one{{100, 0, 3}};
  EXPECT_EQ(plan_memory(one).size, 256U);
  EXPECT_EQ(plan_memory(one, 16).size, 112U);
}

TEST(MemoryPlan, AChainNeedsTwoNeighboursOnly) {
  std::vector<MemoryBlock> blocks;
  for (int i = 0; i < 50; ++i) blocks.push_back({1024, i, i + 1});
  const auto layout = plan_memory(blocks);
  expect_valid(blocks, layout, 256);
  EXPECT_EQ(layout.size, 2048U);
  EXPECT_EQ(peak_live_bytes(blocks), 2048U);
}

TEST(MemoryPlan, BlocksThatMeetInOneStepDoNotShare) {
  const std::vector<MemoryBlock> blocks{{512, 0, 4}, {512, 4, 4}, {512, 4, 9}};
  const auto layout = plan_memory(blocks);
  expect_valid(blocks, layout, 256);
  EXPECT_EQ(layout.size, 1536U);
}

TEST(MemoryPlan, RandomLifetimesNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const uint64_t alignment = round % 2 == 0 ? 256 : 64;
    std::vector<MemoryBlock> blocks(1 + random() % 80);
    for (auto& block : blocks) {
      block.first = int(random() % 60);
      block.last = block.first + int(random() % 20);
      block.size = 1 + random() % 100000;
    }
    const auto layout = plan_memory(blocks, alignment);
    expect_valid(blocks, layout, alignment);
    EXPECT_GE(layout.size, peak_live_bytes(blocks, alignment));
  }
}

/// Activations as networks have them: a chain whose planes shrink, residuals of two steps, a few long skips.
std::vector<MemoryBlock> network_like(std::mt19937& random) {
  std::vector<MemoryBlock> blocks;
  const int layers = 40 + int(random() % 120);
  uint64_t size = 2 << 20;
  for (int i = 0; i < layers; ++i) {
    if (random() % 12 == 0) size = size * 6 / 10 + 1;
    int last = i + 1;
    if (random() % 4 == 0) last = i + 3;
    if (random() % 16 == 0) last = std::min(layers, i + int(layers / 2));
    blocks.push_back({random() % 5 == 0 ? size / 4 + 1 : size, i, last});
  }
  return blocks;
}

TEST(MemoryPlan, StaysNearTheLowerBoundOnNetworkLikeLifetimes) {
  std::mt19937 random(11);
  double worst = 0;
  double sum = 0;
  constexpr int kRounds = 40;
  for (int round = 0; round < kRounds; ++round) {
    const auto blocks = network_like(random);
    const auto layout = plan_memory(blocks);
    expect_valid(blocks, layout, 256);
    const double ratio = double(layout.size) / double(peak_live_bytes(blocks));
    worst = std::max(worst, ratio);
    sum += ratio;
    uint64_t apart = 0;
    for (const auto& block : blocks) apart += aligned(block.size, 256);
    EXPECT_LT(layout.size, apart / 2);
  }
  RecordProperty("worst_ratio", std::to_string(worst));
  EXPECT_LT(worst, 1.15);
  EXPECT_LT(sum / kRounds, 1.06);
}

}  // namespace
}  // namespace tarsier::infer
