// The Vulkan instance and logical device that everything runs on, and what they can do.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "gpu/buffer.hpp"
#include "gpu/vulkan.hpp"

namespace tarsier::gpu {

class PipelineCache;

/// What `tarsier devices` prints of one physical device.
struct DeviceInfo {
  uint32_t index = 0;  // --device N
  std::string name;
  std::string uuid;  // 32 hex digits
  std::string driver;
  std::string api_version;
  std::string type;  // "discrete GPU", "integrated GPU", "software", ...
  bool software = false;
  uint32_t subgroup_size = 0;
  std::vector<std::string> missing;  // required features that it lacks: empty means usable
  std::vector<std::string> optional_missing;
};

struct DeviceOptions {
  std::string selector;  // "" = best; index, part of the name, or UUID
  bool validation =
      false;  // Khronos validation layer with synchronisation validation; each message is counted
  std::vector<const char*> instance_extensions;  // of the window system; empty when headless
  bool present = false;                          // needs VK_KHR_swapchain
};

/// What one cooperative-matrix instruction multiplies: m x k by k x n.
struct MatrixShape {
  uint32_t m = 0, n = 0, k = 0;
  auto operator<=>(const MatrixShape&) const = default;
};

/// Optional features, found at creation.
struct DeviceFeatures {
  bool software = false;        // runs on the CPU: kernels take other paths there
  bool unified_memory = false;  // the device's own memory is the host's: nothing needs to be copied there
  bool storage_16bit = false;   // fp16 storage buffers
  bool uniform_16bit = false;
  bool storage_8bit = false;
  bool shader_int64 = false;
  bool shader_float16 = false;
  bool byte_dot = false;       // dot products of four signed bytes in shaders, ...
  bool fast_byte_dot = false;  // ... by one instruction
  bool synchronization2 = false;
  bool dynamic_rendering = false;
  bool subgroup_size_control = false;
  bool subgroup_shuffle = false;  // in compute shaders, in subgroups of subgroup_size
  uint32_t subgroup_size = 0;
  uint32_t max_push_constants = 128;
  uint32_t max_uniform_range = 16384;  // bytes that one weight window can cover, at most 65536
  uint32_t uniform_alignment = 256;
  uint32_t max_shared_bytes = 16384;                        // of a workgroup
  uint32_t max_workgroup = 128;                             // invocations
  std::array<uint32_t, 3> max_groups{65535, 65535, 65535};  // workgroups of a dispatch
  /// Cooperative matrices of a subgroup that multiply fp16 and add in fp32; empty where there are none.
  std::vector<MatrixShape> matrix_shapes;
  float timestamp_period_ns = 1;
  bool timestamps = false;
};

/// Lists the physical devices. Sets up the driver search first (driver_setup.hpp).
Result<std::vector<DeviceInfo>> enumerate_devices();
/// Validation messages of the whole process, those of destroyed devices included (a leak is reported while
/// its device is destroyed).
uint64_t total_validation_messages();

/// Thread safe, but for creation and destruction. Outlives every object made from it.
class Device {
 public:
  static Result<std::unique_ptr<Device>> create(const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] const DeviceInfo& info() const;
  [[nodiscard]] const DeviceFeatures& features() const;
  [[nodiscard]] VkInstance instance() const;
  [[nodiscard]] VkPhysicalDevice physical() const;
  [[nodiscard]] VkDevice handle() const;
  [[nodiscard]] VkQueue queue() const;  // one queue with graphics, compute and (if asked) present
  [[nodiscard]] uint32_t queue_family() const;

  Result<Buffer> create_buffer(const BufferDesc& desc);
  /// Memory that a new image needs; used by Image.
  Result<VkDeviceMemory> allocate_for(VkImage image);
  [[nodiscard]] PipelineCache& pipelines();

  /// Copies host bytes into a device buffer and waits: for load time only.
  Status upload(const Buffer& destination, uint64_t offset, const void* data, uint64_t size);
  /// Reads device bytes back and waits: for tests and tools only. Counts towards readback_bytes().
  Status download(const Buffer& source, uint64_t offset, void* data, uint64_t size);
  /// Records with `record` into a one-time command buffer, submits it and waits: load time, tests and tools.
  Status run_once(const std::function<void(class CommandList&)>& record);

  /// Bytes copied from device to host since creation, by whatever path (CommandList::read_back, download).
  [[nodiscard]] uint64_t readback_bytes() const;
  void count_readback(uint64_t bytes);
  /// Messages of severity warning or worse that the validation layer gave.
  [[nodiscard]] uint64_t validation_messages() const;
  /// How many vkAllocateMemory calls were made: constant in steady state.
  [[nodiscard]] uint64_t allocations() const;
  /// Set when a call returned VK_ERROR_DEVICE_LOST.
  [[nodiscard]] bool lost() const;
  void mark_lost();

 private:
  Device();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarsier::gpu
