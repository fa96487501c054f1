// Compute pipelines. All share one layout:
//   push constants: up to 128 bytes, compute stage
//   set 0, binding 0: UNIFORM_BUFFER[kWindows], windows into the weights (uniform_windows.hpp); unused by
//   most shaders.
//     A shader declares `uniform W { vec4 w[4096]; };` for the first or `uniform W { vec4 w[4096]; }
//     window[12];` for all of them.
// Everything else is reached by buffer device address in push constants, so a dispatch is bind + push +
// dispatch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpu/vulkan.hpp"

namespace tarsier::gpu {

class Device;
class Buffer;

struct ComputePipelineDesc {
  std::string shader;               // name in the shader library, "kernels/conv2d.comp"
  std::vector<uint32_t> constants;  // specialisation constants, ids 0..n-1; floats by bit_cast
  /// Invocations of a subgroup, all of them full; 0: as the driver likes. Needs
  /// DeviceFeatures::subgroup_size_control.
  uint32_t subgroup_size = 0;
  auto operator<=>(const ComputePipelineDesc&) const = default;
};

class ComputePipeline {
 public:
  [[nodiscard]] VkPipeline handle() const { return pipeline_; }
  [[nodiscard]] VkPipelineLayout layout() const { return layout_; }
  [[nodiscard]] const ComputePipelineDesc& desc() const { return desc_; }

 private:
  friend class PipelineCache;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  ComputePipelineDesc desc_;
};

/// Names a device and its driver for files of things that hold for this driver only.
[[nodiscard]] std::string driver_key(VkPhysicalDevice physical);

/// Owns the pipelines of a device: each distinct description is made once and lives as long as the device.
/// Backed by a VkPipelineCache on disk (core/file.hpp cache_dir(), keyed by device and driver UUID). Thread
/// safe.
class PipelineCache {
 public:
  explicit PipelineCache(Device& device);
  ~PipelineCache();
  /// Fails (kRuntime) for an unknown shader name or a refusal of the driver.
  Result<const ComputePipeline*> get(const ComputePipelineDesc& desc);
  /// Makes many at once on the host's threads.
  Status prepare(std::span<const ComputePipelineDesc> descs);
  [[nodiscard]] VkPipelineLayout layout() const;
  [[nodiscard]] VkPipelineCache handle() const;
  /// Layout of set 0 (the weight windows).
  [[nodiscard]] VkDescriptorSetLayout window_layout() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarsier::gpu
