#include "pipelines/counting_heap.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local tarsier::test::HeapCount count;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
bool tarsier::test::heap_is_counted() {
  return false;
}
#else
bool tarsier::test::heap_is_counted() {
  return true;
}

// A file of their own: where a compiler saw these bodies beside their use, it would take malloc and delete
// for a mistake.
void* operator new(std::size_t size) {
  ++count.allocations;
  ++count.live;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) --count.live;
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  operator delete(memory);
}
#endif

tarsier::test::HeapCount tarsier::test::heap_count() {
  return count;
}
