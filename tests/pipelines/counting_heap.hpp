// What the calling thread takes from the heap by operator new.
#pragma once

#include <cstdint>

namespace tarsier::test {

struct HeapCount {
  uint64_t allocations = 0;
  int64_t live = 0;  // allocations less releases, both by this thread
};

/// False under the sanitizers, which bring an operator new of their own: then nothing is counted.
bool heap_is_counted();
HeapCount heap_count();

}  // namespace tarsier::test
