#include "gpu/pipeline.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "core/file.hpp"
#include "core/log.hpp"
#include "gpu/device.hpp"
#include "gpu/shader_library.hpp"
#include "gpu/uniform_windows.hpp"

namespace tarsier::gpu {
namespace {

constexpr uint32_t kPushBytes = 128;

std::filesystem::path cache_file(VkPhysicalDevice physical) {
  return cache_dir() / "pipelines" / (driver_key(physical) + ".bin");
}

/// The file is the hash of what follows, then the driver's bytes: a damaged file is never given to a driver.
std::vector<std::byte> load_cache(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {};
  auto bytes = read_file(path);
  uint64_t hash = 0;
  if (!bytes || bytes->size() <= sizeof(hash)) return {};
  std::memcpy(&hash, bytes->data(), sizeof(hash));
  std::vector<std::byte> data(bytes->begin() + sizeof(hash), bytes->end());
  if (hash64(data) != hash) {
    log::warn("{} is damaged and will be replaced", path.string());
    return {};
  }
  return data;
}

}  // namespace

std::string driver_key(VkPhysicalDevice physical) {
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties(physical, &properties);
  std::string name = fmt::format("{:08x}-{:08x}-{:08x}-", properties.vendorID, properties.deviceID,
                                 properties.driverVersion);
  for (const uint8_t byte : properties.pipelineCacheUUID) name += fmt::format("{:02x}", byte);
  return name;
}

struct PipelineCache::Impl {
  Device* device = nullptr;
  std::filesystem::path file;
  uint64_t loaded_hash = 0;
  VkPipelineCache cache = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  std::mutex mutex;
  std::map<ComputePipelineDesc, std::unique_ptr<ComputePipeline>> pipelines;
  std::map<std::string, VkShaderModule, std::less<>> modules;

  Result<VkShaderModule> module_of(const std::string& shader) {
    const std::lock_guard lock(mutex);
    if (const auto found = modules.find(shader); found != modules.end()) return found->second;
    const auto words = find_shader(shader);
    if (words.empty()) return runtime_error("no shader '{}' is built into this program", shader);
    VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    info.codeSize = words.size_bytes();
    info.pCode = words.data();
    VkShaderModule module = VK_NULL_HANDLE;
    if (auto status = vk_status(vkCreateShaderModule(device->handle(), &info, nullptr, &module),
                                "vkCreateShaderModule");
        !status) {
      return status.error().in(shader);
    }
    modules.emplace(shader, module);
    return module;
  }

  Result<VkPipeline> build(const ComputePipelineDesc& desc) {
    TARSIER_TRY(const VkShaderModule module, module_of(desc.shader));
    std::vector<VkSpecializationMapEntry> entries;
    for (uint32_t i = 0; i < desc.constants.size(); ++i) entries.push_back({i, i * 4, 4});
    VkSpecializationInfo constants{};
    constants.mapEntryCount = uint32_t(entries.size());
    constants.pMapEntries = entries.data();
    constants.dataSize = desc.constants.size() * 4;
    constants.pData = desc.constants.data();
    VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = module;
    info.stage.pName = "main";
    info.stage.pSpecializationInfo = entries.empty() ? nullptr : &constants;
    info.layout = layout;
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup{
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO};
    subgroup.requiredSubgroupSize = desc.subgroup_size;
    if (desc.subgroup_size != 0 && device->features().subgroup_size_control) {
      info.stage.pNext = &subgroup;
      info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
    }
    VkPipeline pipeline = VK_NULL_HANDLE;
    if (auto status =
            vk_status(vkCreateComputePipelines(device->handle(), cache, 1, &info, nullptr, &pipeline),
                      "vkCreateComputePipelines");
        !status) {
      return status.error().in(desc.shader);
    }
    return pipeline;
  }

  void save() const {
    size_t size = 0;
    if (vkGetPipelineCacheData(device->handle(), cache, &size, nullptr) != VK_SUCCESS || size == 0) return;
    std::vector<std::byte> bytes(sizeof(uint64_t) + size);
    if (vkGetPipelineCacheData(device->handle(), cache, &size, bytes.data() + sizeof(uint64_t)) != VK_SUCCESS)
      return;
    bytes.resize(sizeof(uint64_t) + size);
    const uint64_t hash = hash64(std::span(bytes).subspan(sizeof(uint64_t)));
    if (hash == loaded_hash) return;
    std::memcpy(bytes.data(), &hash, sizeof(hash));
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    // A cache that can't be kept costs time at the next start, nothing else.
    if (auto status = write_file_atomic(file, bytes); !status) log::debug("{}", status.error().message);
  }
};

PipelineCache::PipelineCache(Device& device) : impl_(std::make_unique<Impl>()) {
  impl_->device = &device;
  impl_->file = cache_file(device.physical());
  const auto bytes = load_cache(impl_->file);
  impl_->loaded_hash = bytes.empty() ? 0 : hash64(bytes);
  VkPipelineCacheCreateInfo cache{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  cache.initialDataSize = bytes.size();
  cache.pInitialData = bytes.data();
  vk_must(vkCreatePipelineCache(device.handle(), &cache, nullptr, &impl_->cache), "vkCreatePipelineCache");

  VkDescriptorSetLayoutBinding window{};
  window.binding = 0;
  window.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
  window.descriptorCount = kWindows;
  window.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  VkDescriptorSetLayoutCreateInfo set{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  set.bindingCount = 1;
  set.pBindings = &window;
  vk_must(vkCreateDescriptorSetLayout(device.handle(), &set, nullptr, &impl_->set_layout),
          "vkCreateDescriptorSetLayout");
  const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, kPushBytes};
  VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &impl_->set_layout;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  vk_must(vkCreatePipelineLayout(device.handle(), &layout, nullptr, &impl_->layout),
          "vkCreatePipelineLayout");
}

PipelineCache::~PipelineCache() {
  const VkDevice device = impl_->device->handle();
  impl_->save();
  for (const auto& [desc, pipeline] : impl_->pipelines)
    vkDestroyPipeline(device, pipeline->pipeline_, nullptr);
  for (const auto& [name, module] : impl_->modules) vkDestroyShaderModule(device, module, nullptr);
  vkDestroyPipelineLayout(device, impl_->layout, nullptr);
  vkDestroyDescriptorSetLayout(device, impl_->set_layout, nullptr);
  vkDestroyPipelineCache(device, impl_->cache, nullptr);
}

Result<const ComputePipeline*> PipelineCache::get(const ComputePipelineDesc& desc) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (const auto found = impl_->pipelines.find(desc); found != impl_->pipelines.end())
      return found->second.get();
  }
  // Built outside the lock: a driver may take seconds for one.
  TARSIER_TRY(const VkPipeline built, impl_->build(desc));
  const std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->pipelines[desc];
  if (slot) {  // another thread was first
    vkDestroyPipeline(impl_->device->handle(), built, nullptr);
    return slot.get();
  }
  slot = std::make_unique<ComputePipeline>();
  slot->pipeline_ = built;
  slot->layout_ = impl_->layout;
  slot->desc_ = desc;
  return slot.get();
}

Status PipelineCache::prepare(std::span<const ComputePipelineDesc> descs) {
  std::vector<ComputePipelineDesc> distinct(descs.begin(), descs.end());
  std::ranges::sort(distinct);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Status first;
  const auto work = [&] {
    for (size_t i = next++; i < distinct.size(); i = next++) {
      if (auto made = get(distinct[i]); !made) {
        const std::lock_guard lock(mutex);
        if (first.ok()) first = made.error();
      }
    }
  };
  const size_t count = std::min<size_t>(distinct.size(), std::max(1U, std::thread::hardware_concurrency()));
  std::vector<std::thread> threads;
  for (size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  for (auto& thread : threads) thread.join();
  return first;
}

VkPipelineLayout PipelineCache::layout() const {
  return impl_->layout;
}

VkPipelineCache PipelineCache::handle() const {
  return impl_->cache;
}

VkDescriptorSetLayout PipelineCache::window_layout() const {
  return impl_->set_layout;
}

}  // namespace tarsier::gpu
