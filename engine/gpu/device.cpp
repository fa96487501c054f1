#include "gpu/device.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "core/log.hpp"
#include "gpu/command_list.hpp"
#include "gpu/cooperative_matrix.hpp"
#include "gpu/device_clock.hpp"
#include "gpu/instance.hpp"
#include "gpu/memory_owner.hpp"
#include "gpu/pipeline.hpp"
#include "gpu/queue_lock.hpp"

namespace tarsier::gpu {
namespace {

// Uploads and downloads pass through a buffer of this size: it bounds host memory for large weights.
constexpr uint64_t kStagingBytes = uint64_t(8) << 20;

std::string megabytes(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", double(bytes) / (1024.0 * 1024.0));
}

bool validation_in_environment() {
  const char* value = std::getenv("TARSIER_VALIDATION");
  return value != nullptr && *value != '\0' && std::strcmp(value, "0") != 0;
}

/// Memory property sets to try, best first.
std::vector<VkMemoryPropertyFlags> wanted_properties(Memory memory) {
  constexpr VkMemoryPropertyFlags kVisible =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  switch (memory) {
    case Memory::kDevice:
      return {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
    case Memory::kUpload:
      return {kVisible};
    case Memory::kShared:
      return {kVisible | VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT};
    case Memory::kReadback:
      return {kVisible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, kVisible};
  }
  return {};
}

}  // namespace

struct Device::Impl {
  std::unique_ptr<Instance> instance;
  PhysicalDevice physical;
  VkPhysicalDeviceMemoryProperties memory{};
  uint64_t max_allocation = ~uint64_t(0);
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer once = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;
  std::unique_ptr<PipelineCache> pipelines;
  Buffer staging_up, staging_down;
  // A thread beside the frames' own makes stages anew: what it shares with them. Held in this order.
  std::mutex staging_mutex;  // staging_up, staging_down
  std::mutex once_mutex;     // once, pool, fence
  std::atomic<uint64_t> readback{0};
  std::atomic<uint64_t> allocations{0};
  std::atomic<bool> lost{false};

  Result<VkDeviceMemory> allocate(const VkMemoryRequirements& needs, Memory kind, bool address,
                                  std::string_view name) {
    for (const VkMemoryPropertyFlags wanted : wanted_properties(kind)) {
      for (uint32_t type = 0; type < memory.memoryTypeCount; ++type) {
        if ((needs.memoryTypeBits & (1U << type)) == 0) continue;
        if ((memory.memoryTypes[type].propertyFlags & wanted) != wanted) continue;
        VkMemoryAllocateFlagsInfo flags{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO};
        flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
        VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
        info.pNext = address ? &flags : nullptr;
        info.allocationSize = needs.size;
        info.memoryTypeIndex = type;
        VkDeviceMemory out = VK_NULL_HANDLE;
        const VkResult result = needs.size > max_allocation ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                                                            : vkAllocateMemory(device, &info, nullptr, &out);
        if (result == VK_SUCCESS) {
          ++allocations;
          note_memory(device, out, needs.size);
          return out;
        }
        if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) {
          const uint64_t heap = memory.memoryHeaps[memory.memoryTypes[type].heapIndex].size;
          return runtime_error(
              "{} of memory for '{}' can't be had on {} ({}; its heap has {}, one allocation may take {}): "
              "use a "
              "smaller network or input size, or another device (--device)",
              megabytes(needs.size), name, physical.info.name, name_of(result), megabytes(heap),
              megabytes(std::min(max_allocation, heap)));
        }
        TARSIER_CHECK(vk_status(result, "vkAllocateMemory"));
      }
    }
    return runtime_error("{} has no memory type fit for '{}'", physical.info.name, name);
  }
};

Device::Device() : impl_(std::make_unique<Impl>()) {}

Result<std::unique_ptr<Device>> Device::create(const DeviceOptions& options) {
  std::unique_ptr<Device> out(new Device);
  Impl& impl = *out->impl_;
  TARSIER_TRY(impl.instance,
              Instance::create({.validation = options.validation || validation_in_environment(),
                                .extensions = options.instance_extensions}));
  TARSIER_TRY(const auto devices, physical_devices(impl.instance->handle(), options.present));
  if (devices.empty()) {
    return runtime_error(
        "no Vulkan device on this machine: install your GPU's driver, or the software device (Debian: apt "
        "install "
        "mesa-vulkan-drivers), or run tools/setup");
  }
  TARSIER_TRY(const size_t chosen, select_device(devices, options.selector));
  impl.physical = devices[chosen];
  const auto& info = impl.physical.info;
  const auto& features = impl.physical.features;

  vkGetPhysicalDeviceMemoryProperties(impl.physical.handle, &impl.memory);
  VkPhysicalDeviceMaintenance3Properties maintenance{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &maintenance};
  vkGetPhysicalDeviceProperties2(impl.physical.handle, &properties);
  impl.max_allocation = maintenance.maxMemoryAllocationSize;

  VkPhysicalDeviceFeatures2 has10{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  VkPhysicalDeviceVulkan12Features has12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  has10.pNext = &has12;
  vkGetPhysicalDeviceFeatures2(impl.physical.handle, &has10);
  VkPhysicalDeviceVulkan13Features f13{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
  f13.synchronization2 = features.synchronization2 ? VK_TRUE : VK_FALSE;
  f13.dynamicRendering = features.dynamic_rendering ? VK_TRUE : VK_FALSE;
  f13.subgroupSizeControl = features.subgroup_size_control ? VK_TRUE : VK_FALSE;
  f13.computeFullSubgroups = f13.subgroupSizeControl;
  f13.shaderIntegerDotProduct = features.byte_dot ? VK_TRUE : VK_FALSE;
  VkPhysicalDeviceVulkan12Features f12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  if (impl.physical.api_version >= VK_API_VERSION_1_3) f12.pNext = &f13;
  f12.timelineSemaphore = VK_TRUE;
  f12.bufferDeviceAddress = VK_TRUE;
  f12.storageBuffer8BitAccess = has12.storageBuffer8BitAccess;
  f12.shaderInt8 = has12.shaderInt8;
  f12.shaderFloat16 = has12.shaderFloat16;
  f12.scalarBlockLayout = has12.scalarBlockLayout;
  f12.hostQueryReset = has12.hostQueryReset;
  f12.vulkanMemoryModel = features.matrix_shapes.empty() ? VK_FALSE : VK_TRUE;  // their shaders demand it
  VkPhysicalDeviceVulkan11Features f11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, &f12};
  f11.storageBuffer16BitAccess = features.storage_16bit ? VK_TRUE : VK_FALSE;
  f11.uniformAndStorageBuffer16BitAccess = features.uniform_16bit ? VK_TRUE : VK_FALSE;
  VkPhysicalDeviceFeatures2 f10{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &f11};
  f10.features.shaderInt64 = VK_TRUE;
  f10.features.shaderUniformBufferArrayDynamicIndexing = VK_TRUE;
  f10.features.shaderInt16 = has10.features.shaderInt16;
  f10.features.drawIndirectFirstInstance = has10.features.drawIndirectFirstInstance;
  f10.features.fragmentStoresAndAtomics = has10.features.fragmentStoresAndAtomics;
  f10.features.vertexPipelineStoresAndAtomics = has10.features.vertexPipelineStoresAndAtomics;

  const float priority = 1;
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue.queueFamilyIndex = impl.physical.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  std::vector<const char*> extensions;
  if (options.present) extensions.push_back(VK_KHR_SWAPCHAIN_EXTENSION_NAME);
  if (has_calibrated_timestamps(impl.instance->handle(), impl.physical.handle))
    extensions.push_back(kCalibratedTimestampsExtension);
  CooperativeMatrixFeatures matrices;
  if (!features.matrix_shapes.empty()) {
    extensions.push_back(kCooperativeMatrixExtension);
    matrices.cooperative_matrix = VK_TRUE;
    matrices.next = f10.pNext;
    f10.pNext = &matrices;
  }
  VkDeviceCreateInfo create{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &f10};
  create.queueCreateInfoCount = 1;
  create.pQueueCreateInfos = &queue;
  create.enabledExtensionCount = uint32_t(extensions.size());
  create.ppEnabledExtensionNames = extensions.data();
  if (auto status =
          vk_status(vkCreateDevice(impl.physical.handle, &create, nullptr, &impl.device), "vkCreateDevice");
      !status) {
    return status.error().in(info.name);
  }
  vkGetDeviceQueue(impl.device, impl.physical.queue_family, 0, &impl.queue);

  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT | VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
  pool.queueFamilyIndex = impl.physical.queue_family;
  TARSIER_CHECK(
      vk_status(vkCreateCommandPool(impl.device, &pool, nullptr, &impl.pool), "vkCreateCommandPool"));
  VkCommandBufferAllocateInfo commands{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  commands.commandPool = impl.pool;
  commands.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  commands.commandBufferCount = 1;
  TARSIER_CHECK(
      vk_status(vkAllocateCommandBuffers(impl.device, &commands, &impl.once), "vkAllocateCommandBuffers"));
  const VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  TARSIER_CHECK(vk_status(vkCreateFence(impl.device, &fence, nullptr, &impl.fence), "vkCreateFence"));
  impl.pipelines = std::make_unique<PipelineCache>(*out);

  if (info.software) {
    log::warn("SOFTWARE DEVICE: {} runs on the CPU; a GPU would be many times faster", info.name);
  } else {
    log::info("device {}: {} ({}, {})", info.index, info.name, info.type, info.driver);
  }
  return out;
}

std::unique_lock<std::mutex> lock_queue() {
  static std::mutex mutex;
  return std::unique_lock(mutex);
}

Device::~Device() {
  Impl& impl = *impl_;
  if (impl.device == VK_NULL_HANDLE) return;
  vkDeviceWaitIdle(impl.device);  // shutdown: the one place that waits for everything
  impl.staging_up = Buffer();
  impl.staging_down = Buffer();
  impl.pipelines.reset();
  if (impl.fence != VK_NULL_HANDLE) vkDestroyFence(impl.device, impl.fence, nullptr);
  if (impl.pool != VK_NULL_HANDLE) vkDestroyCommandPool(impl.device, impl.pool, nullptr);
  vkDestroyDevice(impl.device, nullptr);
}

const DeviceInfo& Device::info() const {
  return impl_->physical.info;
}
const DeviceFeatures& Device::features() const {
  return impl_->physical.features;
}
VkInstance Device::instance() const {
  return impl_->instance->handle();
}
VkPhysicalDevice Device::physical() const {
  return impl_->physical.handle;
}
VkDevice Device::handle() const {
  return impl_->device;
}
VkQueue Device::queue() const {
  return impl_->queue;
}
uint32_t Device::queue_family() const {
  return impl_->physical.queue_family;
}
PipelineCache& Device::pipelines() {
  return *impl_->pipelines;
}
uint64_t Device::readback_bytes() const {
  return impl_->readback;
}
void Device::count_readback(uint64_t bytes) {
  impl_->readback += bytes;
}
uint64_t Device::validation_messages() const {
  return impl_->instance->messages();
}
uint64_t Device::allocations() const {
  return impl_->allocations;
}
bool Device::lost() const {
  return impl_->lost;
}
void Device::mark_lost() {
  if (!impl_->lost.exchange(true)) log::error("the device {} was lost", info().name);
}

Result<Buffer> Device::create_buffer(const BufferDesc& desc) {
  if (desc.size == 0) return runtime_error("buffer '{}' would be empty", desc.name);
  Impl& impl = *impl_;
  Buffer out;
  out.device_ = this;
  out.size_ = desc.size;
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  // Whole 16-byte words: kernels may load the last vec4 of a tensor in one piece, and fills need words.
  info.size = (desc.size + 15) / 16 * 16;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
               VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT;
  if (desc.uniform) info.usage |= VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT;
  if (desc.indirect) info.usage |= VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
  TARSIER_CHECK(vk_status(vkCreateBuffer(impl.device, &info, nullptr, &out.buffer_), "vkCreateBuffer"));
  impl.instance->name(impl.device, VK_OBJECT_TYPE_BUFFER, reinterpret_cast<uint64_t>(out.buffer_), desc.name);
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(impl.device, out.buffer_, &needs);
  TARSIER_TRY(out.memory_, impl.allocate(needs, desc.memory, true, desc.name));
  TARSIER_CHECK(
      vk_status(vkBindBufferMemory(impl.device, out.buffer_, out.memory_, 0), "vkBindBufferMemory"));
  VkBufferDeviceAddressInfo address{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO};
  address.buffer = out.buffer_;
  out.address_ = vkGetBufferDeviceAddress(impl.device, &address);
  if (desc.memory != Memory::kDevice) {
    TARSIER_CHECK(
        vk_status(vkMapMemory(impl.device, out.memory_, 0, VK_WHOLE_SIZE, 0, &out.mapped_), "vkMapMemory"));
    std::memset(out.mapped_, 0, desc.size);
  } else {
    TARSIER_CHECK(run_once([&](CommandList& list) { list.fill(out, 0, VK_WHOLE_SIZE, 0); }));
  }
  return out;
}

Result<VkDeviceMemory> Device::allocate_for(VkImage image) {
  VkMemoryRequirements needs{};
  vkGetImageMemoryRequirements(impl_->device, image, &needs);
  return impl_->allocate(needs, Memory::kDevice, false, "an image");
}

Status Device::upload(const Buffer& destination, uint64_t offset, const void* data, uint64_t size) {
  if (offset + size > destination.size()) {
    return runtime_error("upload of {} bytes at {} into a buffer of {}", size, offset, destination.size());
  }
  const std::lock_guard lock(impl_->staging_mutex);
  Buffer& staging = impl_->staging_up;
  if (!staging.valid()) {
    TARSIER_TRY(staging, create_buffer({kStagingBytes, Memory::kUpload, false, false, "load-time upload"}));
  }
  for (uint64_t done = 0; done < size;) {
    const uint64_t bytes = std::min(kStagingBytes, size - done);
    std::memcpy(staging.mapped(), static_cast<const std::byte*>(data) + done, bytes);
    TARSIER_CHECK(
        run_once([&](CommandList& list) { list.copy(staging, 0, destination, offset + done, bytes); }));
    done += bytes;
  }
  return {};
}

Status Device::download(const Buffer& source, uint64_t offset, void* data, uint64_t size) {
  if (offset + size > source.size()) {
    return runtime_error("download of {} bytes at {} from a buffer of {}", size, offset, source.size());
  }
  const std::lock_guard lock(impl_->staging_mutex);
  Buffer& staging = impl_->staging_down;
  if (!staging.valid()) {
    TARSIER_TRY(staging,
                create_buffer({kStagingBytes, Memory::kReadback, false, false, "load-time download"}));
  }
  for (uint64_t done = 0; done < size;) {
    const uint64_t bytes = std::min(kStagingBytes, size - done);
    TARSIER_CHECK(run_once([&](CommandList& list) {
      list.read_back(source, offset + done, staging, 0, bytes);
      list.barrier(Scope::kTransfer, Scope::kHost);
    }));
    std::memcpy(static_cast<std::byte*>(data) + done, staging.mapped(), bytes);
    done += bytes;
  }
  return {};
}

Status Device::run_once(const std::function<void(CommandList&)>& record) {
  Impl& impl = *impl_;
  const auto check = [&](VkResult result, const char* call) {
    if (result == VK_ERROR_DEVICE_LOST) mark_lost();
    return vk_status(result, call);
  };
  const std::lock_guard lock(impl.once_mutex);
  VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  TARSIER_CHECK(check(vkBeginCommandBuffer(impl.once, &begin), "vkBeginCommandBuffer"));
  CommandList list(*this, impl.once);
  // Whatever was submitted before, frames included, is ordered before this: callers need no barrier of their
  // own.
  constexpr Scope kAll = Scope::kCompute | Scope::kTransfer;
  list.barrier(kAll, kAll);
  record(list);
  list.barrier(kAll, kAll);
  TARSIER_CHECK(check(vkEndCommandBuffer(impl.once), "vkEndCommandBuffer"));
  VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &impl.once;
  {
    const auto queue = lock_queue();  // not while it waits: frames go on
    TARSIER_CHECK(check(vkQueueSubmit(impl.queue, 1, &submit, impl.fence), "vkQueueSubmit"));
  }
  TARSIER_CHECK(check(vkWaitForFences(impl.device, 1, &impl.fence, VK_TRUE, UINT64_MAX), "vkWaitForFences"));
  TARSIER_CHECK(check(vkResetFences(impl.device, 1, &impl.fence), "vkResetFences"));
  return {};
}

}  // namespace tarsier::gpu
