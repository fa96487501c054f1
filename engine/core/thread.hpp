#pragma once

namespace tarsier {

/// Lets other threads go first where they compete with this one for a core; threads that this one starts from
/// now on inherit that. There is no way back without privileges.
void lower_thread_priority();

}  // namespace tarsier
