#include "gpu/memory_owner.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace tarsier::gpu {
namespace {

thread_local MemoryOwner owner_now = MemoryOwner::kOther;

/// Beside the buffers and images that own the memory: few ask, and each of them would carry it along.
struct Ledger {
  struct Entry {
    MemoryOwner owner;
    uint64_t bytes;
  };
  std::mutex mutex;
  std::map<std::pair<VkDevice, VkDeviceMemory>, Entry> entries;  // a handle is unique on its device
  MemoryUse use{};
};

Ledger& ledger() {
  static Ledger one;
  return one;
}

}  // namespace

MemoryScope::MemoryScope(MemoryOwner owner) : before_(std::exchange(owner_now, owner)) {}
MemoryScope::~MemoryScope() {
  owner_now = before_;
}

MemoryUse memory_use() {
  const std::scoped_lock lock(ledger().mutex);
  return ledger().use;
}

void note_memory(VkDevice device, VkDeviceMemory memory, uint64_t bytes) {
  const std::scoped_lock lock(ledger().mutex);
  ledger().entries[{device, memory}] = {owner_now, bytes};
  ledger().use[size_t(owner_now)] += bytes;
}

void forget_memory(VkDevice device, VkDeviceMemory memory) {
  const std::scoped_lock lock(ledger().mutex);
  const auto entry = ledger().entries.find({device, memory});
  if (entry == ledger().entries.end()) return;
  ledger().use[size_t(entry->second.owner)] -= entry->second.bytes;
  ledger().entries.erase(entry);
}

}  // namespace tarsier::gpu
