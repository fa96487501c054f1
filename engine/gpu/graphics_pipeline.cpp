#include "gpu/graphics_pipeline.hpp"

#include <array>
#include <utility>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "gpu/shader_library.hpp"

namespace tarsier::gpu {
namespace {

Result<VkDescriptorSetLayout> make_set_layout(Device& device, uint32_t textures) {
  std::vector<VkDescriptorSetLayoutBinding> bindings(textures);
  for (uint32_t i = 0; i < textures; ++i) {
    bindings[i] = {i, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_FRAGMENT_BIT, nullptr};
  }
  VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  info.bindingCount = textures;
  info.pBindings = bindings.data();
  VkDescriptorSetLayout layout = VK_NULL_HANDLE;
  TARSIER_CHECK(vk_status(vkCreateDescriptorSetLayout(device.handle(), &info, nullptr, &layout),
                          "vkCreateDescriptorSetLayout"));
  return layout;
}

Result<VkShaderModule> make_module(Device& device, const std::string& name) {
  const std::span<const uint32_t> words = find_shader(name);
  if (words.empty()) return runtime_error("there is no shader '{}' in this program", name);
  VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  info.codeSize = words.size_bytes();
  info.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  TARSIER_CHECK(vk_status(vkCreateShaderModule(device.handle(), &info, nullptr, &module), name));
  return module;
}

}  // namespace

// ---------------------------------------------------------------------------------------------- RenderTarget

Result<RenderTarget> RenderTarget::create(Device& device, std::span<const Image* const> images, Load load,
                                          const Image* depth) {
  std::array<VkAttachmentDescription, 2> attachments{};
  VkAttachmentDescription& color = attachments[0];
  color.format = images.front()->format();
  color.samples = VkSampleCountFlagBits(images.front()->samples());
  color.loadOp = load == Load::kClear  ? VK_ATTACHMENT_LOAD_OP_CLEAR
                 : load == Load::kKeep ? VK_ATTACHMENT_LOAD_OP_LOAD
                                       : VK_ATTACHMENT_LOAD_OP_DONT_CARE;
  color.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  color.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
  color.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  // Layout changes are CommandList::image_barrier's, so the pass itself changes none.
  color.initialLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
  color.finalLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
  const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  const VkAttachmentReference depth_reference{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
  if (depth != nullptr) {
    attachments[1] = color;
    attachments[1].format = depth->format();
    attachments[1].loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    attachments[1].storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
    attachments[1].initialLayout = attachments[1].finalLayout = depth_reference.layout;
    subpass.pDepthStencilAttachment = &depth_reference;
  }
  VkRenderPassCreateInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO};
  info.attachmentCount = depth != nullptr ? 2 : 1;
  info.pAttachments = attachments.data();
  info.subpassCount = 1;
  info.pSubpasses = &subpass;

  RenderTarget target;
  target.device_ = &device;
  target.width_ = images.front()->width();
  target.height_ = images.front()->height();
  target.samples_ = images.front()->samples();
  target.depth_ = depth != nullptr;
  TARSIER_CHECK(
      vk_status(vkCreateRenderPass(device.handle(), &info, nullptr, &target.pass_), "vkCreateRenderPass"));
  for (const Image* image : images) {
    const std::array<VkImageView, 2> views{image->view(), depth != nullptr ? depth->view() : VK_NULL_HANDLE};
    VkFramebufferCreateInfo frame{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO};
    frame.renderPass = target.pass_;
    frame.attachmentCount = info.attachmentCount;
    frame.pAttachments = views.data();
    frame.width = target.width_;
    frame.height = target.height_;
    frame.layers = 1;
    VkFramebuffer framebuffer = VK_NULL_HANDLE;
    TARSIER_CHECK(vk_status(vkCreateFramebuffer(device.handle(), &frame, nullptr, &framebuffer),
                            "vkCreateFramebuffer"));
    target.framebuffers_.push_back(framebuffer);
  }
  return target;
}

RenderTarget::~RenderTarget() {
  if (device_ == nullptr) return;
  for (VkFramebuffer framebuffer : framebuffers_) {
    vkDestroyFramebuffer(device_->handle(), framebuffer, nullptr);
  }
  vkDestroyRenderPass(device_->handle(), pass_, nullptr);
}

void RenderTarget::swap(RenderTarget& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pass_, other.pass_);
  std::swap(framebuffers_, other.framebuffers_);
  std::swap(width_, other.width_);
  std::swap(height_, other.height_);
  std::swap(samples_, other.samples_);
  std::swap(depth_, other.depth_);
}

// ------------------------------------------------------------------------------------------ GraphicsPipeline

Result<GraphicsPipeline> GraphicsPipeline::create(Device& device, const RenderTarget& target,
                                                  const GraphicsPipelineDesc& desc) {
  GraphicsPipeline pipeline;
  pipeline.device_ = &device;
  TARSIER_TRY(pipeline.set_layout_, make_set_layout(device, desc.textures));
  const VkPushConstantRange push{VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0, 128};
  VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &pipeline.set_layout_;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  TARSIER_CHECK(vk_status(vkCreatePipelineLayout(device.handle(), &layout, nullptr, &pipeline.layout_),
                          "vkCreatePipelineLayout"));

  std::vector<VkSpecializationMapEntry> entries;
  for (uint32_t i = 0; i < desc.constants.size(); ++i) entries.push_back({i, i * 4, 4});
  const VkSpecializationInfo special{uint32_t(entries.size()), entries.data(), desc.constants.size() * 4,
                                     desc.constants.data()};
  TARSIER_TRY(const VkShaderModule vertex, make_module(device, desc.vertex));
  auto fragment = make_module(device, desc.fragment);
  if (!fragment.ok()) {
    vkDestroyShaderModule(device.handle(), vertex, nullptr);
    return fragment.error();
  }
  std::array<VkPipelineShaderStageCreateInfo, 2> stages{};
  for (auto& stage : stages) {
    stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    stage.pName = "main";
    stage.pSpecializationInfo = &special;
  }
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = vertex;
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  stages[1].module = *fragment;

  VkPipelineVertexInputStateCreateInfo input{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  const uint32_t vec4s = desc.vertex_vec4s + desc.instance_vec4s;  // one of them is 0
  const VkVertexInputBindingDescription binding{
      0, vec4s * 16, desc.vertex_vec4s > 0 ? VK_VERTEX_INPUT_RATE_VERTEX : VK_VERTEX_INPUT_RATE_INSTANCE};
  std::vector<VkVertexInputAttributeDescription> attributes;
  for (uint32_t i = 0; i < vec4s; ++i) {
    attributes.push_back({i, 0, VK_FORMAT_R32G32B32A32_SFLOAT, i * 16});
  }
  input.vertexBindingDescriptionCount = attributes.empty() ? 0 : 1;
  input.pVertexBindingDescriptions = &binding;
  input.vertexAttributeDescriptionCount = uint32_t(attributes.size());
  input.pVertexAttributeDescriptions = attributes.data();
  VkPipelineInputAssemblyStateCreateInfo assembly{
      VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
  assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  VkPipelineViewportStateCreateInfo viewport{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
  viewport.viewportCount = 1;
  viewport.scissorCount = 1;
  VkPipelineRasterizationStateCreateInfo raster{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
  raster.polygonMode = VK_POLYGON_MODE_FILL;
  raster.cullMode = VK_CULL_MODE_NONE;
  raster.lineWidth = 1;
  VkPipelineMultisampleStateCreateInfo samples{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
  samples.rasterizationSamples = VkSampleCountFlagBits(target.samples());
  VkPipelineDepthStencilStateCreateInfo depth{VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
  depth.depthTestEnable = desc.depth != DepthMode::kNone;
  depth.depthWriteEnable = desc.depth == DepthMode::kReplace || desc.depth == DepthMode::kWrite;
  depth.depthCompareOp = desc.depth == DepthMode::kReplace ? VK_COMPARE_OP_ALWAYS : VK_COMPARE_OP_LESS;
  VkPipelineColorBlendAttachmentState attachment{};
  attachment.blendEnable = desc.blend ? VK_TRUE : VK_FALSE;
  attachment.srcColorBlendFactor = VK_BLEND_FACTOR_SRC_ALPHA;
  attachment.dstColorBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA;
  attachment.colorBlendOp = VK_BLEND_OP_ADD;
  attachment.srcAlphaBlendFactor = VK_BLEND_FACTOR_ONE;
  attachment.dstAlphaBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA;
  attachment.alphaBlendOp = VK_BLEND_OP_ADD;
  attachment.colorWriteMask = VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT | VK_COLOR_COMPONENT_B_BIT |
                              VK_COLOR_COMPONENT_A_BIT;
  VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
  blend.attachmentCount = 1;
  blend.pAttachments = &attachment;
  const std::array<VkDynamicState, 2> states{VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
  VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO};
  dynamic.dynamicStateCount = uint32_t(states.size());
  dynamic.pDynamicStates = states.data();

  VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
  info.stageCount = uint32_t(stages.size());
  info.pStages = stages.data();
  info.pVertexInputState = &input;
  info.pInputAssemblyState = &assembly;
  info.pViewportState = &viewport;
  info.pRasterizationState = &raster;
  info.pMultisampleState = &samples;
  info.pDepthStencilState = target.has_depth() ? &depth : nullptr;
  info.pColorBlendState = &blend;
  info.pDynamicState = &dynamic;
  info.layout = pipeline.layout_;
  info.renderPass = target.pass();
  const VkResult result = vkCreateGraphicsPipelines(device.handle(), device.pipelines().handle(), 1, &info,
                                                    nullptr, &pipeline.pipeline_);
  vkDestroyShaderModule(device.handle(), vertex, nullptr);
  vkDestroyShaderModule(device.handle(), *fragment, nullptr);
  TARSIER_CHECK(vk_status(result, "vkCreateGraphicsPipelines " + desc.vertex + " + " + desc.fragment));
  return pipeline;
}

GraphicsPipeline::~GraphicsPipeline() {
  if (device_ == nullptr) return;
  vkDestroyPipeline(device_->handle(), pipeline_, nullptr);
  vkDestroyPipelineLayout(device_->handle(), layout_, nullptr);
  vkDestroyDescriptorSetLayout(device_->handle(), set_layout_, nullptr);
}

void GraphicsPipeline::swap(GraphicsPipeline& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pipeline_, other.pipeline_);
  std::swap(layout_, other.layout_);
  std::swap(set_layout_, other.set_layout_);
}

// ------------------------------------------------------------------------------------------------ TextureSet

Result<TextureSet> TextureSet::create(Device& device, std::span<const Texture> textures) {
  TextureSet out;
  out.device_ = &device;
  const auto count = uint32_t(textures.size());
  TARSIER_TRY(out.layout_, make_set_layout(device, count));
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, count};
  VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool.maxSets = 1;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  TARSIER_CHECK(vk_status(vkCreateDescriptorPool(device.handle(), &pool, nullptr, &out.pool_),
                          "vkCreateDescriptorPool"));
  VkDescriptorSetAllocateInfo allocate{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  allocate.descriptorPool = out.pool_;
  allocate.descriptorSetCount = 1;
  allocate.pSetLayouts = &out.layout_;
  TARSIER_CHECK(
      vk_status(vkAllocateDescriptorSets(device.handle(), &allocate, &out.set_), "vkAllocateDescriptorSets"));

  std::vector<VkDescriptorImageInfo> images(count);
  std::vector<VkWriteDescriptorSet> writes(count);
  for (uint32_t i = 0; i < count; ++i) {
    const bool linear = textures[i].filter == Filter::kLinear;
    VkSamplerCreateInfo sampler{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
    sampler.magFilter = sampler.minFilter = linear ? VK_FILTER_LINEAR : VK_FILTER_NEAREST;
    sampler.mipmapMode = VK_SAMPLER_MIPMAP_MODE_NEAREST;
    sampler.addressModeU = sampler.addressModeV = sampler.addressModeW =
        VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE;
    out.samplers_.push_back(VK_NULL_HANDLE);
    TARSIER_CHECK(vk_status(vkCreateSampler(device.handle(), &sampler, nullptr, &out.samplers_.back()),
                            "vkCreateSampler"));
    images[i] = {out.samplers_.back(), textures[i].image->view(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    writes[i] = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    writes[i].dstSet = out.set_;
    writes[i].dstBinding = i;
    writes[i].descriptorCount = 1;
    writes[i].descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    writes[i].pImageInfo = &images[i];
  }
  vkUpdateDescriptorSets(device.handle(), count, writes.data(), 0, nullptr);
  return out;
}

TextureSet::~TextureSet() {
  if (device_ == nullptr) return;
  for (VkSampler sampler : samplers_) vkDestroySampler(device_->handle(), sampler, nullptr);
  vkDestroyDescriptorPool(device_->handle(), pool_, nullptr);
  vkDestroyDescriptorSetLayout(device_->handle(), layout_, nullptr);
}

void TextureSet::swap(TextureSet& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(layout_, other.layout_);
  std::swap(pool_, other.pool_);
  std::swap(set_, other.set_);
  std::swap(samplers_, other.samplers_);
}

}  // namespace tarsier::gpu
