// Channel rearrangement in kC4 (shader channel_gather.comp): concat, split, shuffle and slice along channels.
#pragma once

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// Where one output channel comes from.
struct ChannelSource {
  uint64_t address = 0;  // of the kC4 tensor
  int64_t channel = 0;   // in it
  int64_t channels = 0;  // that it has
  uint32_t half = 0;     // stored as fp16
};

/// Output channel c of every image is channels[c]; one dispatch. All sources have the output's N, H and W.
Status emit_channel_gather(Emitter& emitter, const Operand& out, const std::vector<ChannelSource>& channels);

}  // namespace tarsier::kernels
