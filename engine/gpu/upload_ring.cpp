#include "gpu/upload_ring.hpp"

#include <cstring>

#include "gpu/device.hpp"
#include "gpu/memory_owner.hpp"

namespace tarsier::gpu {

UploadRing::Way UploadRing::best_way(const Device& device) {
  return device.features().unified_memory ? Way::kDirect : Way::kCopy;
}

UploadRing::UploadRing(Device& device, uint32_t frames_in_flight, std::string name, Way way)
    : device_(&device), name_(std::move(name)), way_(way), buffers_(frames_in_flight) {}

Result<const Buffer*> UploadRing::write(FrameContext& frame, std::span<const std::byte> bytes) {
  // A frame that was begun and never submitted is begun anew without a wait: it takes its own buffer again,
  // since the next one may still be read.
  if (frame.timeline_value() != written_for_) at_ = (at_ + 1) % buffers_.size();
  written_for_ = frame.timeline_value();
  Buffer& target = buffers_[at_];
  if (target.size() < bytes.size()) {
    const MemoryScope scope(MemoryOwner::kFrames);
    const Memory memory = way_ == Way::kDirect ? Memory::kShared : Memory::kDevice;
    TARSIER_TRY(target, device_->create_buffer({.size = bytes.size(), .memory = memory, .name = name_}));
  }
  if (way_ == Way::kDirect) {
    frame.count_upload(bytes.size());
    std::memcpy(target.mapped(), bytes.data(), bytes.size());  // submitting makes it visible to the device
    return &target;
  }
  TARSIER_TRY(const auto staging, frame.stage(bytes.size()));
  std::memcpy(staging.mapped, bytes.data(), bytes.size());
  CommandList& commands = frame.commands();
  frame.begin_span(name_);
  commands.barrier(Scope::kCompute | Scope::kGraphics | Scope::kTransfer, Scope::kTransfer);
  commands.copy(*staging.buffer, staging.offset, target, 0, bytes.size());
  commands.barrier(Scope::kTransfer, Scope::kCompute | Scope::kTransfer);
  frame.end_span();
  return &target;
}

}  // namespace tarsier::gpu
