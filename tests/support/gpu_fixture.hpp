// The device that GPU tests share, with the Khronos validation layer and its synchronisation validation on:
// any message fails the test that caused it, and a message at shutdown (a leak) fails the program.
//
//   class MyTest : public tarsier::test::GpuTest {};
//   TEST_F(MyTest, Works) { auto buffer = device().create_buffer(...); }
#pragma once

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>

#include "gpu/device.hpp"

namespace tarsier::test {

/// Made at the first use, destroyed with gtest's global tear-down.
class DeviceEnvironment : public ::testing::Environment {
 public:
  static gpu::Device* device() {
    if (!registered()->device_) {
      // TARSIER_VALIDATION=0: for machines without the layer (tools/bench/gpu_check).
      const char* wanted = std::getenv("TARSIER_VALIDATION");
      const bool validation = wanted == nullptr || std::strcmp(wanted, "0") != 0;
      auto made = gpu::Device::create({.selector = "", .validation = validation});
      if (!made) {
        registered()->failure_ = made.error().message;
        return nullptr;
      }
      registered()->device_ = std::move(*made);
    }
    return registered()->device_.get();
  }
  static const std::string& failure() { return registered()->failure_; }

  void TearDown() override {
    const uint64_t before = gpu::total_validation_messages();
    device_.reset();
    EXPECT_EQ(gpu::total_validation_messages(), before)
        << "the device was destroyed with objects still alive";
  }

 private:
  static DeviceEnvironment* registered() {
    static auto* environment =
        static_cast<DeviceEnvironment*>(::testing::AddGlobalTestEnvironment(new DeviceEnvironment));
    return environment;
  }
  std::unique_ptr<gpu::Device> device_;
  std::string failure_;
};

class GpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    messages_before_ = gpu::total_validation_messages();
    ASSERT_NE(DeviceEnvironment::device(), nullptr) << DeviceEnvironment::failure();
  }
  void TearDown() override {
    EXPECT_EQ(gpu::total_validation_messages(), messages_before_)
        << "the validation layer complained (see above)";
  }
  static gpu::Device& device() { return *DeviceEnvironment::device(); }

 private:
  uint64_t messages_before_ = 0;
};

}  // namespace tarsier::test

/// For Status and Result: prints the error.
#define ASSERT_OK(expression)                                                   \
  do {                                                                          \
    const auto& status_ = (expression);                                         \
    ASSERT_TRUE(status_.ok()) << (status_.ok() ? "" : status_.error().message); \
  } while (false)
#define EXPECT_OK(expression)                                                   \
  do {                                                                          \
    const auto& status_ = (expression);                                         \
    EXPECT_TRUE(status_.ok()) << (status_.ok() ? "" : status_.error().message); \
  } while (false)
