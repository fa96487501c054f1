// Devices, buffers, dispatch and what is refused. Everything runs on the device that a user of this machine
// gets.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

#include "gpu/command_list.hpp"
#include "gpu/driver_setup.hpp"
#include "gpu/image.hpp"
#include "gpu/memory_owner.hpp"
#include "gpu/pipeline.hpp"
#include "gpu/shader_library.hpp"
#include "gpu/uniform_windows.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::gpu {
namespace {

class DeviceTest : public test::GpuTest {};

struct AxpyPush {
  uint64_t x, y;
  float a;
  uint32_t count;
};

TEST_F(DeviceTest, EnumerationListsTheDeviceInUse) {
  const auto devices = enumerate_devices();
  ASSERT_OK(devices);
  ASSERT_FALSE(devices->empty());
  bool found = false;
  for (const auto& info : *devices) {
    EXPECT_FALSE(info.name.empty());
    EXPECT_FALSE(info.type.empty());
    found |= info.name == device().info().name && info.uuid == device().info().uuid;
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(device().info().uuid.size(), 32U);
  EXPECT_TRUE(device().info().missing.empty());
}

TEST_F(DeviceTest, SelectsByIndexNameAndUuid) {
  const DeviceInfo info = device().info();
  for (const std::string& selector : {std::to_string(info.index), info.name.substr(0, 6), info.uuid}) {
    const auto made = Device::create({.selector = selector, .validation = true});
    ASSERT_OK(made);
    EXPECT_EQ((*made)->info().name, info.name) << selector;
  }
}

TEST_F(DeviceTest, UnknownSelectorIsAnInputErrorThatListsDevices) {
  const auto made = Device::create({.selector = "voodoo banshee"});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kInput);
  EXPECT_NE(made.error().message.find("voodoo banshee"), std::string::npos);
  EXPECT_NE(made.error().message.find(device().info().name), std::string::npos);
}

TEST_F(DeviceTest, DeviceMemoryStartsZeroedAndKeepsWhatIsUploaded) {
  const std::vector<uint32_t> values = [] {
    std::vector<uint32_t> out(100003);
    std::iota(out.begin(), out.end(), 7U);
    return out;
  }();
  const uint64_t bytes = values.size() * 4;
  for (int round = 0; round < 2; ++round) {  // the second allocation tends to get the memory of the first
    auto buffer = device().create_buffer({.size = bytes, .name = "test"});
    ASSERT_OK(buffer);
    EXPECT_NE(buffer->address(), 0U);
    EXPECT_EQ(buffer->mapped(), nullptr);
    std::vector<uint32_t> back(values.size(), 1);
    ASSERT_OK(device().download(*buffer, 0, back.data(), bytes));
    EXPECT_EQ(back, std::vector<uint32_t>(values.size(), 0));
    ASSERT_OK(device().upload(*buffer, 0, values.data(), bytes));
    const uint64_t counted = device().readback_bytes();
    ASSERT_OK(device().download(*buffer, 0, back.data(), bytes));
    EXPECT_EQ(back, values);
    EXPECT_EQ(device().readback_bytes() - counted, bytes);
  }
}

TEST_F(DeviceTest, TransfersLargerThanTheStagingAreaGoInPieces) {
  std::vector<uint32_t> values((20U << 20) / 4 + 3);
  std::iota(values.begin(), values.end(), 0U);
  auto buffer = device().create_buffer({.size = values.size() * 4, .name = "large"});
  ASSERT_OK(buffer);
  ASSERT_OK(device().upload(*buffer, 0, values.data(), values.size() * 4));
  std::vector<uint32_t> back(values.size());
  ASSERT_OK(device().download(*buffer, 0, back.data(), back.size() * 4));
  EXPECT_EQ(back, values);
  EXPECT_FALSE(device().upload(*buffer, 4, values.data(), values.size() * 4).ok());
}

TEST_F(DeviceTest, MovedBufferKeepsItsMemory) {
  auto made = device().create_buffer({.size = 64, .memory = Memory::kUpload, .name = "moved"});
  ASSERT_OK(made);
  Buffer first = std::move(*made);
  const VkBuffer handle = first.handle();
  Buffer second;
  second = std::move(first);
  EXPECT_EQ(second.handle(), handle);
  ASSERT_NE(second.mapped(), nullptr);
  second.as<uint32_t>()[15] = 5;
}

TEST_F(DeviceTest, MemoryIsToldByOwner) {
  const auto of = [](MemoryOwner owner) { return memory_use()[size_t(owner)]; };
  const MemoryUse before = memory_use();
  {
    std::vector<Buffer> buffers;
    const auto make = [&](uint64_t bytes) {
      auto buffer = device().create_buffer({.size = bytes, .name = "owned"});
      ASSERT_OK(buffer);
      buffers.push_back(*std::move(buffer));
    };
    {
      const MemoryScope weights(MemoryOwner::kWeights);
      make(1 << 20);
      const MemoryScope frames(MemoryOwner::kFrames);  // the inner one counts
      make(2 << 20);
    }
    make(3 << 20);
    EXPECT_GE(of(MemoryOwner::kWeights), before[size_t(MemoryOwner::kWeights)] + (1 << 20));
    EXPECT_LT(of(MemoryOwner::kWeights), before[size_t(MemoryOwner::kWeights)] + (2 << 20));
    EXPECT_GE(of(MemoryOwner::kFrames), before[size_t(MemoryOwner::kFrames)] + (2 << 20));
    EXPECT_GE(of(MemoryOwner::kOther), before[size_t(MemoryOwner::kOther)] + (3 << 20));
    EXPECT_EQ(of(MemoryOwner::kActivations), before[size_t(MemoryOwner::kActivations)]);
    const auto image = Image::create(device(), {.width = 256, .height = 256, .name = "owned"});
    ASSERT_OK(image);
    EXPECT_GE(of(MemoryOwner::kFrames), before[size_t(MemoryOwner::kFrames)] + (2 << 20) + 256 * 256 * 4);
  }
  EXPECT_EQ(memory_use(), before);
}

TEST_F(DeviceTest, AnAllocationTooLargeIsOneClearError) {
  const auto buffer = device().create_buffer({.size = uint64_t(1) << 46, .name = "absurd"});
  // Some drivers refuse the buffer itself; either way it is an error, not a crash.
  ASSERT_FALSE(buffer.ok());
  EXPECT_FALSE(buffer.error().message.empty());
}

TEST_F(DeviceTest, DispatchReadsAddressesConstantsAndTheWeightWindow) {
  constexpr uint32_t kCount = 1000;
  const uint32_t alignment = std::max(256U, device().features().uniform_alignment);
  std::vector<float> x(kCount);
  std::iota(x.begin(), x.end(), 0.F);
  auto in = device().create_buffer({.size = kCount * 4, .name = "x"});
  auto out = device().create_buffer({.size = kCount * 4, .name = "y"});
  // The window covers max_uniform_range bytes from its offset: the buffer must reach that far.
  auto weights = device().create_buffer(
      {.size = alignment * 3 + device().features().max_uniform_range, .uniform = true, .name = "w"});
  ASSERT_OK(in);
  ASSERT_OK(out);
  ASSERT_OK(weights);
  ASSERT_OK(device().upload(*in, 0, x.data(), kCount * 4));
  for (uint32_t block = 0; block < 3; ++block) {
    std::vector<float> w(64, float(block + 1) * 1000.F);
    ASSERT_OK(device().upload(*weights, block * alignment, w.data(), 256));
  }
  // The shader adds up window 0 and window 1, the block after it; the last block has none and gets a clamped
  // one.
  const auto windows = UniformWindows::create(
      device(), *weights,
      std::vector<WindowRange>{{0, alignment}, {alignment, alignment}, {2 * alignment, 65536}});
  ASSERT_OK(windows);
  const ComputePipelineDesc desc{"test/axpy.comp", {std::bit_cast<uint32_t>(0.5F)}};
  ASSERT_OK(device().pipelines().prepare(std::vector{desc, desc, ComputePipelineDesc{"test/axpy.comp", {}}}));
  const auto pipeline = device().pipelines().get(desc);
  ASSERT_OK(pipeline);
  EXPECT_EQ(*device().pipelines().get(desc), *pipeline);
  for (uint32_t block = 0; block < 3; ++block) {
    ASSERT_OK(device().run_once([&](CommandList& list) {
      list.bind_windows(windows->set(block));
      list.dispatch(**pipeline, AxpyPush{in->address(), out->address(), 2.F, kCount - 1},
                    {groups_for(kCount, 64), 1, 1});
    }));
    std::vector<float> y(kCount);
    ASSERT_OK(device().download(*out, 0, y.data(), kCount * 4));
    for (uint32_t i = 0; i + 1 < kCount; ++i) {
      ASSERT_EQ(y[i], 2.F * float(i) + float(block + 1) * 1000.F +
                          (block < 2 ? float(block + 2) * 1000.F : 0.F) + 0.5F)
          << i;
    }
    EXPECT_EQ(y[kCount - 1], 0.F) << "wrote past its count";
  }
}

TEST_F(DeviceTest, IndirectDispatchTakesItsSizeFromTheDevice) {
  auto buffer = device().create_buffer({.size = 256 * 4, .name = "xy"});
  auto weights =
      device().create_buffer({.size = device().features().max_uniform_range, .uniform = true, .name = "w"});
  auto arguments = device().create_buffer({.size = 16, .indirect = true, .name = "arguments"});
  ASSERT_OK(buffer);
  ASSERT_OK(weights);
  ASSERT_OK(arguments);
  const auto windows = UniformWindows::create(device(), *weights, std::vector<WindowRange>{{0, 65536}});
  const auto pipeline = device().pipelines().get({"test/axpy.comp", {std::bit_cast<uint32_t>(1.F)}});
  ASSERT_OK(windows);
  ASSERT_OK(pipeline);
  const uint32_t groups[3] = {2, 1, 1};
  ASSERT_OK(device().run_once([&](CommandList& list) {
    list.update(*arguments, 0, std::as_bytes(std::span(groups)));
    list.barrier(Scope::kTransfer, Scope::kIndirect);
    list.bind_windows(windows->set(0));
    const AxpyPush push{buffer->address(), buffer->address(), 0.F, 256};
    list.dispatch_indirect(**pipeline, std::as_bytes(std::span(&push, 1)), *arguments, 0);
  }));
  std::vector<float> y(256);
  ASSERT_OK(device().download(*buffer, 0, y.data(), 1024));
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], i < 128 ? 1.F : 0.F) << i;
}

TEST_F(DeviceTest, EveryEmbeddedComputeShaderMakesAPipeline) {
  size_t compiled = 0;
  for (const auto& shader : embedded_shaders()) {
    if (!shader.name.ends_with(".comp")) continue;
    // Shaders that devices without the feature are never given.
    if (shader.name.ends_with("_matrix.comp") && device().features().matrix_shapes.empty()) continue;
    EXPECT_OK(device().pipelines().get({std::string(shader.name), {}}));
    ++compiled;
  }
  EXPECT_GT(compiled, 0U);
  EXPECT_FALSE(device().pipelines().get({"kernels/nowhere.comp", {}}).ok());
}

TEST_F(DeviceTest, ShaderCachesAreApartForEachVectorWidth) {
  EXPECT_EQ(shader_cache_folder(nullptr), "width-default");
  EXPECT_EQ(shader_cache_folder("512"), "width-512");
  EXPECT_EQ(shader_cache_folder("../x"), "width-default");
  const char* in_use = std::getenv("MESA_SHADER_CACHE_DIR");
  EXPECT_TRUE(in_use != nullptr || std::getenv("MESA_SHADER_CACHE_DISABLE") != nullptr);
}

}  // namespace
}  // namespace tarsier::gpu
