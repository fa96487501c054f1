#include "core/thread.hpp"

#include <sys/resource.h>

namespace tarsier {

void lower_thread_priority() {
  // On Linux `who` 0 means the calling thread, not its process. Lowering never needs a privilege; should it
  // fail all the same, the thread merely runs as before.
  constexpr int kNiceness = 10;
  setpriority(PRIO_PROCESS, 0, kNiceness);
}

}  // namespace tarsier
