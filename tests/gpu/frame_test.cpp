// The ring of frames in flight: order of completion, staging, deletions, device times.
#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/pipeline.hpp"
#include "gpu/upload_ring.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::gpu {
namespace {

class FrameTest : public test::GpuTest {};

TEST_F(FrameTest, FramesCompleteInOrderAndCarryTheirData) {
  constexpr uint32_t kFrames = 9;
  constexpr uint64_t kBytes = 4096;
  auto ring = FrameRing::create(device(), 3, 2 * kBytes);
  ASSERT_OK(ring);
  EXPECT_EQ((*ring)->size(), 3U);
  auto buffer = device().create_buffer({.size = kBytes, .name = "frame"});
  ASSERT_OK(buffer);
  std::vector<Buffer> results;
  for (uint32_t i = 0; i < kFrames; ++i) {
    auto made = device().create_buffer({.size = kBytes, .memory = Memory::kReadback, .name = "result"});
    ASSERT_OK(made);
    results.push_back(std::move(*made));
  }
  std::vector<uint32_t> done;
  auto retired = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = retired;
  const uint64_t allocations = device().allocations();
  for (uint32_t i = 0; i < kFrames; ++i) {
    const auto frame = (*ring)->begin();
    ASSERT_OK(frame);
    EXPECT_EQ((*frame)->slot(), i % 3);
    EXPECT_EQ((*frame)->timeline_value(), i + 1);
    if (i >= 3) {
      EXPECT_GE(done.size(), i - 2) << "begin() returned before its slot was free";
    }
    const auto staging = (*frame)->stage(kBytes, 256);
    ASSERT_OK(staging);
    std::vector<uint32_t> words(kBytes / 4, i + 100);
    std::memcpy(staging->mapped, words.data(), kBytes);
    auto& list = (*frame)->commands();
    list.barrier(Scope::kTransfer, Scope::kTransfer);  // earlier frames read the buffer
    list.copy(*staging->buffer, staging->offset, *buffer, 0, kBytes);
    list.barrier(Scope::kTransfer, Scope::kTransfer);
    list.read_back(*buffer, 0, results[i], 0, kBytes);
    list.barrier(Scope::kTransfer, Scope::kHost);
    (*frame)->on_complete([&done, &results, i] {
      done.push_back(i);
      EXPECT_EQ(results[i].as<uint32_t>()[kBytes / 4 - 1], i + 100);
    });
    if (i == 0) (*frame)->retire(std::move(retired));
    EXPECT_OK((*ring)->submit(**frame));
    (*ring)->poll();
  }
  (*ring)->drain();
  std::vector<uint32_t> expected(kFrames);
  std::iota(expected.begin(), expected.end(), 0U);
  EXPECT_EQ(done, expected);
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(device().allocations(), allocations) << "steady state must not allocate";
}

/// Pictures of changing size, some of them read by several frames in flight, as a paused window does.
void check_uploads(Device& device, UploadRing::Way way) {
  SCOPED_TRACE(way == UploadRing::Way::kDirect ? "direct" : "copy");
  constexpr uint32_t kInFlight = 2, kPictures = 8;
  constexpr size_t kMost = 8192;
  auto ring = FrameRing::create(device, kInFlight, kMost);
  ASSERT_OK(ring);
  UploadRing uploads(device, kInFlight, "picture", way);
  auto results = device.create_buffer({.size = uint64_t(kPictures) * 3 * kMost, .memory = Memory::kReadback});
  ASSERT_OK(results);
  uint64_t allocations = 0;
  for (uint32_t picture = 0; picture < kPictures; ++picture) {
    const size_t bytes = picture < 4 ? kMost / 4 : kMost;
    const Buffer* buffer = nullptr;
    if (picture == 6) allocations = device.allocations();
    for (uint32_t again = 0; again < 1 + picture % 3; ++again) {
      const auto frame = (*ring)->begin();
      ASSERT_OK(frame);
      if (again == 0) {
        const std::vector<std::byte> content(bytes, std::byte(picture + 1));
        const auto written = uploads.write(**frame, content);
        ASSERT_OK(written);
        buffer = *written;
      }
      (*frame)->commands().read_back(*buffer, 0, *results, (uint64_t(picture) * 3 + again) * kMost, bytes);
      (*frame)->commands().barrier(Scope::kTransfer, Scope::kHost);
      EXPECT_OK((*ring)->submit(**frame));
    }
  }
  (*ring)->drain();
  EXPECT_EQ(device.allocations(), allocations) << "steady state must not allocate";
  for (uint32_t picture = 0; picture < kPictures; ++picture) {
    const size_t bytes = picture < 4 ? kMost / 4 : kMost;
    for (uint32_t again = 0; again < 1 + picture % 3; ++again) {
      const auto got = results->as<uint8_t>().subspan((size_t(picture) * 3 + again) * kMost, bytes);
      EXPECT_EQ(std::count(got.begin(), got.end(), uint8_t(picture + 1)), ptrdiff_t(bytes))
          << "picture " << picture << ", frame " << again;
    }
  }
}

TEST_F(FrameTest, PicturesStayWhileFramesReadThem) {
  check_uploads(device(), UploadRing::Way::kCopy);
  if (device().features().unified_memory) check_uploads(device(), UploadRing::Way::kDirect);
}

/// What another frame still reads is not overwritten where a frame is given up after its upload, as a window
/// does whose swapchain went out of date.
TEST_F(FrameTest, AFrameGivenUpTakesItsOwnPictureBufferAgain) {
  auto ring = FrameRing::create(device(), 2, 256);
  ASSERT_OK(ring);
  UploadRing uploads(device(), 2, "picture", UploadRing::best_way(device()));
  const std::vector<std::byte> content(64);
  const auto write = [&](bool submit) -> const Buffer* {
    const auto frame = (*ring)->begin();
    if (!frame.ok()) return nullptr;
    const auto written = uploads.write(**frame, content);
    if (submit) EXPECT_OK((*ring)->submit(**frame));
    return written.ok() ? *written : nullptr;
  };
  const Buffer* first = write(true);
  const Buffer* given_up = write(false);
  ASSERT_NE(first, nullptr);
  EXPECT_NE(given_up, first);
  EXPECT_EQ(write(true), given_up);
  EXPECT_EQ(write(true), first);
}

TEST_F(FrameTest, NothingIsToldOfAFrameThatWasGivenUp) {
  auto ring = FrameRing::create(device(), 2, 64);
  ASSERT_OK(ring);
  std::string told;
  auto retired = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = retired;
  {
    const auto frame = (*ring)->begin();
    ASSERT_OK(frame);
    (*frame)->on_complete([&] { told += "given up "; });
    (*frame)->retire(std::move(retired));
  }
  const auto frame = (*ring)->begin();
  ASSERT_OK(frame);
  EXPECT_FALSE(watch.expired()) << "an earlier frame may use it";
  (*frame)->on_complete([&] { told += "done"; });
  EXPECT_OK((*ring)->submit(**frame));
  (*ring)->drain();
  EXPECT_EQ(told, "done");
  EXPECT_TRUE(watch.expired());
}

TEST_F(FrameTest, UploadsAreToldApartByTheirRings) {
  if (!device().features().timestamps) GTEST_SKIP() << "the device has no timestamps";
  auto ring = FrameRing::create(device(), 2, 256);
  ASSERT_OK(ring);
  UploadRing pictures(device(), 2, "upload", UploadRing::Way::kCopy);
  UploadRing backdrops(device(), 2, "backdrop", UploadRing::Way::kCopy);
  const std::vector<std::byte> content(64);
  const auto frame = (*ring)->begin();
  ASSERT_OK(frame);
  EXPECT_OK(pictures.write(**frame, content));
  EXPECT_OK(backdrops.write(**frame, content));
  EXPECT_OK((*ring)->submit(**frame));
  (*ring)->drain();
  const auto& times = (*frame)->times();
  ASSERT_EQ(times.size(), 2U);
  EXPECT_EQ(times[0].name, "upload");
  EXPECT_EQ(times[1].name, "backdrop");
}

TEST_F(FrameTest, AFullStagingAreaIsAnErrorAndTheNextFrameHasItAgain) {
  auto ring = FrameRing::create(device(), 2, 1000);
  ASSERT_OK(ring);
  for (int i = 0; i < 3; ++i) {
    const auto frame = (*ring)->begin();
    ASSERT_OK(frame);
    ASSERT_OK((*frame)->stage(900));
    const auto refused = (*frame)->stage(200);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("1000"), std::string::npos);
    EXPECT_OK((*ring)->submit(**frame));
  }
}

TEST_F(FrameTest, SpansGiveDeviceTimes) {
  if (!device().features().timestamps) GTEST_SKIP() << "the device has no timestamps";
  auto buffer = device().create_buffer({.size = 64U << 20, .name = "filled"});
  ASSERT_OK(buffer);
  auto ring =
      FrameRing::create(device(), 2, 64);  // after the buffer: destroyed first, it waits for its frames
  ASSERT_OK(ring);
  Clock::time_point free;  // the end of the frame before
  for (int i = 0; i < 4; ++i) {
    const auto frame = (*ring)->begin();
    ASSERT_OK(frame);
    // On the host's clock, calibrated or not: after the frame was submitted, before anybody knew of its end.
    (*frame)->on_complete([&, context = *frame] {
      const auto& times = context->times();
      const HostTimes& host = context->host_times();
      constexpr auto kDeviation = std::chrono::microseconds(100);  // of a calibration
      ASSERT_EQ(times.size(), 2U);
      EXPECT_GE(times[0].begin, free);
      EXPECT_GE(times[0].begin, host.submitting - kDeviation);
      EXPECT_GE(times[1].begin, times[0].end);
      EXPECT_LE(times[1].end, Clock::now() + kDeviation);
      const std::chrono::duration<double, std::milli> length = times[0].end - times[0].begin;
      EXPECT_NEAR(times[0].ms, length.count(), 1e-3);
      EXPECT_LE(host.begun, host.submitting);
      EXPECT_LE(host.submitting, host.submitted);
      EXPECT_LE(host.submitted, host.completing);
      free = times[1].end;
    });
    if (i >= 2) {
      const auto& times = (*frame)->times();
      ASSERT_EQ(times.size(), 2U);
      EXPECT_EQ(times[0].name, "fill");
      EXPECT_EQ(times[1].name, "nothing");
      EXPECT_GT(times[0].ms, times[1].ms);
      EXPECT_LT(times[0].ms, 10000);
    }
    (*frame)->begin_span("fill");
    (*frame)->commands().barrier(Scope::kTransfer, Scope::kTransfer);
    (*frame)->commands().fill(*buffer, 0, 64U << 20, uint32_t(i));
    (*frame)->end_span();
    (*frame)->begin_span("nothing");
    (*frame)->end_span();
    EXPECT_OK((*ring)->submit(**frame));
  }
  (*ring)->drain();
  EXPECT_NE(free, Clock::time_point()) << "no frame completed";
}

TEST_F(FrameTest, TellsWhatTheHostWroteForIt) {
  auto ring = FrameRing::create(device(), 2, 4096);
  ASSERT_OK(ring);
  const std::vector<std::byte> picture(1000);
  for (const auto way : {UploadRing::Way::kCopy, UploadRing::best_way(device())}) {
    UploadRing uploads(device(), 2, "picture", way);
    const auto frame = (*ring)->begin();
    ASSERT_OK(frame);
    EXPECT_EQ((*frame)->upload_bytes(), 0U);
    ASSERT_OK(uploads.write(**frame, picture));
    ASSERT_OK((*frame)->stage(24));
    EXPECT_EQ((*frame)->upload_bytes(), 1024U);
    EXPECT_OK((*ring)->submit(**frame));
    (*ring)->drain();
  }
}

}  // namespace
}  // namespace tarsier::gpu
