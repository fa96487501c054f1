#include "gpu/frame_context.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "core/log.hpp"
#include "gpu/device.hpp"
#include "gpu/device_clock.hpp"
#include "gpu/memory_owner.hpp"
#include "gpu/queue_lock.hpp"

namespace tarsier::gpu {
namespace {
constexpr uint32_t kMaxSpans = 64;
}

struct FrameContext::Impl {
  Device* device = nullptr;
  uint32_t slot = 0;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer buffer = VK_NULL_HANDLE;
  VkQueryPool queries = VK_NULL_HANDLE;
  std::optional<CommandList> list;
  Buffer staging;
  uint64_t staged = 0;
  uint64_t uploaded = 0;
  uint64_t value = 0;      // the timeline reaches it when the frame is done
  bool in_flight = false;  // submitted and not completed yet
  bool span_open = false;
  std::vector<std::string> spans;
  std::vector<PassTime> times;
  HostTimes host_times;
  std::vector<std::function<void()>> callbacks;
  std::vector<std::shared_ptr<void>> retired;

  ~Impl() {
    if (device == nullptr) return;
    if (queries != VK_NULL_HANDLE) vkDestroyQueryPool(device->handle(), queries, nullptr);
    if (pool != VK_NULL_HANDLE) vkDestroyCommandPool(device->handle(), pool, nullptr);
  }

  Status open() {
    staged = uploaded = 0;
    span_open = false;
    host_times = {.begun = Clock::now()};
    spans.clear();
    // Of a frame that was begun and given up: its results will not come. What it retired stays until this one
    // is done, since earlier frames may use it.
    callbacks.clear();
    TARSIER_CHECK(vk_status(vkResetCommandPool(device->handle(), pool, 0), "vkResetCommandPool"));
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    TARSIER_CHECK(vk_status(vkBeginCommandBuffer(buffer, &begin), "vkBeginCommandBuffer"));
    if (queries != VK_NULL_HANDLE) vkCmdResetQueryPool(buffer, queries, 0, 2 * kMaxSpans);
    return {};
  }

  /// The device has finished this frame: times, callbacks, deletions. `device_free`: when it was done with
  /// the frame before; it is moved on.
  void complete(const DeviceClock& clock, Clock::time_point& device_free) {
    in_flight = false;
    host_times.completing = Clock::now();
    times.clear();
    if (queries != VK_NULL_HANDLE && !spans.empty()) {
      std::vector<uint64_t> ticks(2 * spans.size());
      const VkResult result = vkGetQueryPoolResults(device->handle(), queries, 0, uint32_t(ticks.size()),
                                                    ticks.size() * sizeof(uint64_t), ticks.data(),
                                                    sizeof(uint64_t), VK_QUERY_RESULT_64_BIT);
      if (result == VK_SUCCESS) {
        const double ms_per_tick = double(device->features().timestamp_period_ns) * 1e-6;
        const auto moment =
            clock.now().value_or(DeviceClock::Moment{ticks[0], std::max(host_times.submitting, device_free)});
        for (size_t i = 0; i < spans.size(); ++i) {
          times.push_back({spans[i], double(ticks[2 * i + 1] - ticks[2 * i]) * ms_per_tick,
                           clock.host_time(ticks[2 * i], moment), clock.host_time(ticks[2 * i + 1], moment)});
        }
        device_free = times.back().end;
      }
    }
    // Moved out first: a callback may record into the next frame.
    auto run = std::move(callbacks);
    callbacks.clear();
    for (auto& callback : run) callback();
    retired.clear();
  }
};

FrameContext::FrameContext() : impl_(std::make_unique<Impl>()) {}
FrameContext::~FrameContext() = default;

CommandList& FrameContext::commands() {
  return *impl_->list;
}
uint64_t FrameContext::timeline_value() const {
  return impl_->value;
}
uint32_t FrameContext::slot() const {
  return impl_->slot;
}
const std::vector<PassTime>& FrameContext::times() const {
  return impl_->times;
}
const HostTimes& FrameContext::host_times() const {
  return impl_->host_times;
}

Result<FrameContext::Staging> FrameContext::stage(uint64_t bytes, uint64_t alignment) {
  const uint64_t offset = (impl_->staged + alignment - 1) / alignment * alignment;
  if (offset + bytes > impl_->staging.size()) {
    return runtime_error("the staging area of a frame has {} bytes, {} are in use and {} more were asked for",
                         impl_->staging.size(), impl_->staged, bytes);
  }
  impl_->staged = offset + bytes;
  impl_->uploaded += bytes;
  return Staging{&impl_->staging, offset, static_cast<std::byte*>(impl_->staging.mapped()) + offset};
}

uint64_t FrameContext::upload_bytes() const {
  return impl_->uploaded;
}
void FrameContext::count_upload(uint64_t bytes) {
  impl_->uploaded += bytes;
}

void FrameContext::on_complete(std::function<void()> callback) {
  impl_->callbacks.push_back(std::move(callback));
}

void FrameContext::retire(std::shared_ptr<void> object) {
  impl_->retired.push_back(std::move(object));
}

void FrameContext::begin_span(std::string_view name) {
  assert(!impl_->span_open);
  impl_->span_open = true;
  impl_->spans.emplace_back(name);
  if (impl_->queries != VK_NULL_HANDLE && impl_->spans.size() <= kMaxSpans) {
    impl_->list->timestamp(impl_->queries, uint32_t(2 * (impl_->spans.size() - 1)));
  }
}

void FrameContext::end_span() {
  assert(impl_->span_open);
  impl_->span_open = false;
  if (impl_->spans.size() > kMaxSpans) {
    impl_->spans.pop_back();  // past the query pool: not measured
    return;
  }
  if (impl_->queries != VK_NULL_HANDLE) {
    impl_->list->timestamp(impl_->queries, uint32_t(2 * impl_->spans.size() - 1));
  }
}

struct FrameRing::Impl {
  explicit Impl(Device& on) : device(&on), clock(on) {}

  Device* device;
  DeviceClock clock;
  Clock::time_point device_free;  // the end of the latest completed frame's last pass
  VkSemaphore timeline = VK_NULL_HANDLE;
  uint64_t last_value = 0;
  size_t next = 0;
  std::vector<std::unique_ptr<FrameContext>> contexts;

  Status wait(FrameContext::Impl& frame) const {
    frame.host_times.waiting = Clock::now();
    VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
    info.semaphoreCount = 1;
    info.pSemaphores = &timeline;
    info.pValues = &frame.value;
    const VkResult result = vkWaitSemaphores(device->handle(), &info, UINT64_MAX);
    frame.host_times.waited = Clock::now();
    if (result == VK_ERROR_DEVICE_LOST) device->mark_lost();
    return vk_status(result, "vkWaitSemaphores");
  }

  /// Completes frames in the order of their submission, up to a timeline value.
  void complete_until(uint64_t reached) {
    for (size_t i = 0; i < contexts.size(); ++i) {
      auto& frame = *contexts[(next + i) % contexts.size()]->impl_;
      if (frame.in_flight && frame.value <= reached) frame.complete(clock, device_free);
    }
  }
};

FrameRing::FrameRing(Device& device) : impl_(std::make_unique<Impl>(device)) {}

Result<std::unique_ptr<FrameRing>> FrameRing::create(Device& device, uint32_t frames_in_flight,
                                                     uint64_t staging_bytes) {
  std::unique_ptr<FrameRing> out(new FrameRing(device));
  Impl& impl = *out->impl_;
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  const VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
  TARSIER_CHECK(vk_status(vkCreateSemaphore(device.handle(), &semaphore, nullptr, &impl.timeline),
                          "vkCreateSemaphore"));
  for (uint32_t slot = 0; slot < frames_in_flight; ++slot) {
    impl.contexts.emplace_back(new FrameContext);
    auto& frame = *impl.contexts.back()->impl_;
    frame.device = &device;
    frame.slot = slot;
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
    pool.queueFamilyIndex = device.queue_family();
    TARSIER_CHECK(
        vk_status(vkCreateCommandPool(device.handle(), &pool, nullptr, &frame.pool), "vkCreateCommandPool"));
    VkCommandBufferAllocateInfo commands{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    commands.commandPool = frame.pool;
    commands.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    commands.commandBufferCount = 1;
    TARSIER_CHECK(vk_status(vkAllocateCommandBuffers(device.handle(), &commands, &frame.buffer),
                            "vkAllocateCommandBuffers"));
    frame.list.emplace(device, frame.buffer);
    if (device.features().timestamps) {
      VkQueryPoolCreateInfo queries{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
      queries.queryType = VK_QUERY_TYPE_TIMESTAMP;
      queries.queryCount = 2 * kMaxSpans;
      TARSIER_CHECK(vk_status(vkCreateQueryPool(device.handle(), &queries, nullptr, &frame.queries),
                              "vkCreateQueryPool"));
    }
    const MemoryScope scope(MemoryOwner::kFrames);
    TARSIER_TRY(frame.staging, device.create_buffer({staging_bytes, Memory::kUpload, false, false,
                                                     fmt::format("staging of frame slot {}", slot)}));
  }
  return out;
}

FrameRing::~FrameRing() {
  drain();
  impl_->contexts.clear();
  if (impl_->timeline != VK_NULL_HANDLE)
    vkDestroySemaphore(impl_->device->handle(), impl_->timeline, nullptr);
}

Result<FrameContext*> FrameRing::begin() {
  FrameContext& context = *impl_->contexts[impl_->next];
  if (context.impl_->in_flight) {
    TARSIER_CHECK(impl_->wait(*context.impl_));
    impl_->complete_until(context.impl_->value);
  }
  TARSIER_CHECK(context.impl_->open());
  context.impl_->value = impl_->last_value + 1;
  return &context;
}

Status FrameRing::submit(FrameContext& frame, VkSemaphore wait, VkPipelineStageFlags wait_stage,
                         VkSemaphore signal) {
  auto& context = *frame.impl_;
  assert(!context.span_open);
  context.host_times.submitting = Clock::now();
  TARSIER_CHECK(vk_status(vkEndCommandBuffer(context.buffer), "vkEndCommandBuffer"));
  const uint64_t wait_value = 0;  // ignored: binary semaphore
  const uint64_t signal_values[] = {context.value, 0};
  const VkSemaphore signals[] = {impl_->timeline, signal};
  VkTimelineSemaphoreSubmitInfo timeline{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
  timeline.waitSemaphoreValueCount = wait != VK_NULL_HANDLE ? 1 : 0;
  timeline.pWaitSemaphoreValues = &wait_value;
  timeline.signalSemaphoreValueCount = signal != VK_NULL_HANDLE ? 2 : 1;
  timeline.pSignalSemaphoreValues = signal_values;
  VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO, &timeline};
  submit.waitSemaphoreCount = timeline.waitSemaphoreValueCount;
  submit.pWaitSemaphores = &wait;
  submit.pWaitDstStageMask = &wait_stage;
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &context.buffer;
  submit.signalSemaphoreCount = timeline.signalSemaphoreValueCount;
  submit.pSignalSemaphores = signals;
  VkResult result = VK_SUCCESS;
  {
    const auto queue = lock_queue();
    result = vkQueueSubmit(impl_->device->queue(), 1, &submit, VK_NULL_HANDLE);
  }
  if (result == VK_ERROR_DEVICE_LOST) impl_->device->mark_lost();
  TARSIER_CHECK(vk_status(result, "vkQueueSubmit"));
  context.host_times.submitted = Clock::now();
  context.in_flight = true;
  impl_->last_value = context.value;
  impl_->next = (impl_->next + 1) % impl_->contexts.size();
  return {};
}

void FrameRing::poll() {
  uint64_t reached = 0;
  if (vkGetSemaphoreCounterValue(impl_->device->handle(), impl_->timeline, &reached) == VK_SUCCESS) {
    impl_->complete_until(reached);
  }
}

void FrameRing::drain() {
  if (impl_->last_value == 0) return;
  auto& latest = *impl_->contexts[(impl_->next + impl_->contexts.size() - 1) % impl_->contexts.size()]->impl_;
  // A lost device finishes nothing any more: its frames count as done so that what they hold is released.
  if (auto status = impl_->wait(latest); !status) log::error("{}", status.error().message);
  impl_->complete_until(impl_->last_value);
}

uint32_t FrameRing::in_flight() const {
  uint32_t count = 0;
  for (const auto& context : impl_->contexts) count += context->impl_->in_flight ? 1 : 0;
  return count;
}

bool FrameRing::calibrated() const {
  return impl_->clock.calibrated();
}

uint32_t FrameRing::size() const {
  return uint32_t(impl_->contexts.size());
}

}  // namespace tarsier::gpu
