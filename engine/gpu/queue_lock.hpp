// A Vulkan queue takes calls from one thread at a time: whoever submits, presents or waits for it holds this.
#pragma once

#include <mutex>

namespace tarsier::gpu {

/// One for all devices of the process: it is held for a call, never for the work.
[[nodiscard]] std::unique_lock<std::mutex> lock_queue();

}  // namespace tarsier::gpu
