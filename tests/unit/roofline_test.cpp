#include "app/roofline.hpp"

#include <gtest/gtest.h>

#include "app/bench_runs.hpp"

namespace tarsier::app {
namespace {

DevicePeaks peaks() {
  DevicePeaks out;
  out.gflop_per_s = 100;
  out.copies = {{1000, 40}, {100000, 20}, {1000000, 10}};
  return out;
}

TEST(Roofline, BandwidthIsThatOfACopyOfTheSameSize) {
  EXPECT_DOUBLE_EQ(peaks().gb_per_s(0), 40);
  EXPECT_DOUBLE_EQ(peaks().gb_per_s(1000), 40);
  EXPECT_NEAR(peaks().gb_per_s(10000), 30, 1e-9);  // half way, by the logarithm
  EXPECT_DOUBLE_EQ(peaks().gb_per_s(100000), 20);
  EXPECT_DOUBLE_EQ(peaks().gb_per_s(1000000000), 10);
}

TEST(Roofline, TheBoundIsTheLongerOfArithmeticAndTraffic) {
  EXPECT_DOUBLE_EQ(peaks().bound_ms(1, 1000), 10);          // 1 GFLOP at 100 GFLOP/s
  EXPECT_DOUBLE_EQ(peaks().bound_ms(0, 1000000000), 100);   // 1 GB at 10 GB/s
  EXPECT_DOUBLE_EQ(peaks().bound_ms(0.001, 1000000), 0.1);  // traffic is longer
  EXPECT_DOUBLE_EQ(DevicePeaks().bound_ms(1, 1000000), 0);  // nothing was measured: no bound
}

TEST(Roofline, MostTimeLostComesFirst) {
  infer::LayerTime near_peak;
  near_peak.name = "near its peak";
  near_peak.ms = 11;
  near_peak.gflop = 1;
  infer::LayerTime slow;
  slow.name = "slow";
  slow.ms = 5;
  slow.gflop = 0.1;
  infer::LayerTime faster_than_measured;
  faster_than_measured.name = "faster than the peak that was measured";
  faster_than_measured.ms = 9;
  faster_than_measured.gflop = 1;
  const auto rows = roofline({faster_than_measured, near_peak, slow}, peaks());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].layer.name, "slow");
  EXPECT_NEAR(rows[0].lost_ms, 4, 1e-9);
  EXPECT_NEAR(rows[0].gflop_per_s, 20, 1e-9);
  EXPECT_EQ(rows[1].layer.name, "near its peak");
  EXPECT_NEAR(rows[1].lost_ms, 1, 1e-9);
  EXPECT_EQ(rows[2].lost_ms, 0) << "never negative";
}

TEST(BenchTimes, PercentilesAreSamples) {
  const Times times = summarise({5, 1, 4, 2, 3});
  EXPECT_EQ(times.median_ms, 3);
  EXPECT_EQ(times.p95_ms, 5);
  EXPECT_EQ(times.min_ms, 1);
  EXPECT_EQ(times.mean_ms, 3);
}

}  // namespace
}  // namespace tarsier::app
