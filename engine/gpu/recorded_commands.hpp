// A command stream recorded once and executed many times: a secondary command buffer with its pool.
#pragma once

#include <functional>

#include "gpu/command_list.hpp"

namespace tarsier::gpu {

/// Move-only. May be part of several frames in flight at once. Must outlive its last execution.
class RecordedCommands {
 public:
  static Result<RecordedCommands> record(Device& device, const std::function<void(CommandList&)>& commands);
  RecordedCommands() = default;
  RecordedCommands(RecordedCommands&& other) noexcept { *this = std::move(other); }
  RecordedCommands& operator=(RecordedCommands&& other) noexcept;
  ~RecordedCommands();
  /// For CommandList::execute.
  [[nodiscard]] VkCommandBuffer handle() const { return buffer_; }

 private:
  Device* device_ = nullptr;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer buffer_ = VK_NULL_HANDLE;
};

}  // namespace tarsier::gpu
