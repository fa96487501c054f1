// What drawing needs beside a command list: a target, a pipeline, and the textures it reads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gpu/image.hpp"

namespace tarsier::gpu {

class Device;

enum class Load : uint8_t {
  kClear,   // start from the clear colour
  kKeep,    // draw over what the image holds
  kDiscard  // what the image holds does not matter: what is not drawn over is undefined
};

/// A render pass with one colour attachment, with or without depth, and a framebuffer for each image that it
/// may draw into (one, or those of a swapchain). The images stay the caller's and must outlive it. Classic
/// render passes, not dynamic rendering: Vulkan 1.2 has them everywhere. The attachment is in
/// ImageUse::kColorTarget before and after.
class RenderTarget {
 public:
  RenderTarget() = default;
  /// `images`: at least one; all of one size and format. `depth`, of the same size and samples, is in
  /// ImageUse::kDepthTarget; what it holds is lost before and after the pass.
  static Result<RenderTarget> create(Device& device, std::span<const Image* const> images, Load load,
                                     const Image* depth = nullptr);
  static Result<RenderTarget> create(Device& device, const Image& image, Load load,
                                     const Image* depth = nullptr) {
    const Image* one = &image;
    return create(device, std::span(&one, 1), load, depth);
  }
  RenderTarget(RenderTarget&& other) noexcept { swap(other); }
  RenderTarget& operator=(RenderTarget&& other) noexcept {
    swap(other);
    return *this;
  }
  ~RenderTarget();

  [[nodiscard]] bool valid() const { return pass_ != VK_NULL_HANDLE; }
  [[nodiscard]] VkRenderPass pass() const { return pass_; }
  [[nodiscard]] VkFramebuffer framebuffer(uint32_t image) const { return framebuffers_[image]; }
  [[nodiscard]] uint32_t width() const { return width_; }
  [[nodiscard]] uint32_t height() const { return height_; }
  [[nodiscard]] uint32_t samples() const { return samples_; }
  [[nodiscard]] bool has_depth() const { return depth_; }

 private:
  void swap(RenderTarget& other) noexcept;
  Device* device_ = nullptr;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  std::vector<VkFramebuffer> framebuffers_;
  uint32_t width_ = 0, height_ = 0, samples_ = 1;
  bool depth_ = false;
};

/// What becomes of a fragment by its depth; only for targets with depth.
enum class DepthMode : uint8_t {
  kNone,     // drawn, whatever is there
  kReplace,  // drawn and written, whatever is there
  kWrite,    // drawn and written where it is nearer
  kTest      // drawn where it is nearer, not written
};

struct GraphicsPipelineDesc {
  std::string vertex;               // name in the shader library, "present/quad.vert"
  std::string fragment;             // "present/quad.frag"
  std::vector<uint32_t> constants;  // specialisation constants of both stages, ids 0..n-1
  bool blend = false;               // colour * alpha over what is there; off: overwrite
  uint32_t textures = 0;            // combined image samplers: set 0, bindings 0..n-1, fragment stage
  uint32_t instance_vec4s = 0;      // attributes 0..n-1 of an instance: packed floats, four each
  uint32_t vertex_vec4s = 0;        // the same of a vertex, instead
  DepthMode depth = DepthMode::kNone;
};

/// Draws triangles. What shaders need beside attributes they take from device addresses in 128 bytes of push
/// constants. Works with every RenderTarget whose images have the formats and samples of the one it was made
/// for.
class GraphicsPipeline {
 public:
  GraphicsPipeline() = default;
  /// Fails (kRuntime) for an unknown shader name or a refusal of the driver.
  static Result<GraphicsPipeline> create(Device& device, const RenderTarget& target,
                                         const GraphicsPipelineDesc& desc);
  GraphicsPipeline(GraphicsPipeline&& other) noexcept { swap(other); }
  GraphicsPipeline& operator=(GraphicsPipeline&& other) noexcept {
    swap(other);
    return *this;
  }
  ~GraphicsPipeline();
  [[nodiscard]] VkPipeline handle() const { return pipeline_; }
  [[nodiscard]] VkPipelineLayout layout() const { return layout_; }

 private:
  void swap(GraphicsPipeline& other) noexcept;
  Device* device_ = nullptr;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
};

enum class Filter : uint8_t { kNearest, kLinear };

/// Textures of a draw, fixed at creation (clamped at the edges). The images must outlive it.
class TextureSet {
 public:
  struct Texture {
    const Image* image = nullptr;
    Filter filter = Filter::kLinear;
  };
  TextureSet() = default;
  static Result<TextureSet> create(Device& device, std::span<const Texture> textures);
  TextureSet(TextureSet&& other) noexcept { swap(other); }
  TextureSet& operator=(TextureSet&& other) noexcept {
    swap(other);
    return *this;
  }
  ~TextureSet();
  [[nodiscard]] VkDescriptorSet handle() const { return set_; }
  [[nodiscard]] bool valid() const { return set_ != VK_NULL_HANDLE; }

 private:
  void swap(TextureSet& other) noexcept;
  Device* device_ = nullptr;
  VkDescriptorSetLayout layout_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  VkDescriptorSet set_ = VK_NULL_HANDLE;
  std::vector<VkSampler> samplers_;
};

}  // namespace tarsier::gpu
