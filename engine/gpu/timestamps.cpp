#include "gpu/timestamps.hpp"

#include <utility>

#include "gpu/device.hpp"

namespace tarsier::gpu {

Result<Timestamps> Timestamps::create(Device& device, uint32_t count) {
  if (!device.features().timestamps) {
    return runtime_error("{} has no timestamps: device times can't be measured on it", device.info().name);
  }
  Timestamps out;
  out.device_ = &device;
  out.count_ = count;
  VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = count;
  TARSIER_CHECK(
      vk_status(vkCreateQueryPool(device.handle(), &info, nullptr, &out.pool_), "vkCreateQueryPool"));
  return out;
}

Timestamps& Timestamps::operator=(Timestamps&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(count_, other.count_);
  return *this;
}

Timestamps::~Timestamps() {
  if (pool_ != VK_NULL_HANDLE) vkDestroyQueryPool(device_->handle(), pool_, nullptr);
}

void Timestamps::reset(CommandList& list) const {
  vkCmdResetQueryPool(list.handle(), pool_, 0, count_);
}

void Timestamps::write(CommandList& list, uint32_t index) const {
  list.timestamp(pool_, index);
}

Result<std::vector<double>> Timestamps::read_ms() const {
  std::vector<uint64_t> ticks(count_);
  TARSIER_CHECK(vk_status(
      vkGetQueryPoolResults(device_->handle(), pool_, 0, count_, count_ * sizeof(uint64_t), ticks.data(),
                            sizeof(uint64_t), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
      "vkGetQueryPoolResults"));
  std::vector<double> out;
  out.reserve(ticks.size());
  const double ms_per_tick = double(device_->features().timestamp_period_ns) * 1e-6;
  for (const uint64_t tick : ticks) out.push_back(double(tick - ticks.front()) * ms_per_tick);
  return out;
}

}  // namespace tarsier::gpu
