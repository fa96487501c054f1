// A pass of one workgroup that brings a state forward which lives on the device from frame to frame.
#pragma once

#include "gpu/command_list.hpp"

namespace tarsier::vision {

/// Between the barriers that it needs: the frame before may still be copied or drawn; what follows computes,
/// draws and copies.
template <class Push>
void record_state_pass(gpu::CommandList& commands, const gpu::ComputePipeline& pipeline, const Push& push) {
  const auto others = gpu::Scope::kGraphics | gpu::Scope::kTransfer;
  commands.barrier(gpu::Scope::kCompute | others, gpu::Scope::kCompute);
  commands.dispatch(pipeline, push, {1, 1, 1});
  commands.barrier(gpu::Scope::kCompute, gpu::Scope::kCompute | others);
}

}  // namespace tarsier::vision
