#include "vision/composite.hpp"

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kGroup = 64;  // local size of composite.comp

struct Push {
  uint64_t guide, frame, ground, blurred, averaged, target;
  int32_t width, height, columns, rows;
  std::array<float, 3> colour;
  float amount;
};

}  // namespace

Result<Composite> Composite::create(gpu::Device& device, const CellGrid& grid,
                                    std::initializer_list<Ground> grounds) {
  Composite pass;
  pass.grid_ = grid;
  // By Ground, each with the frame itself as guide or another one.
  for (const Ground ground : grounds) {
    for (const uint32_t one_frame : {0U, 1U}) {
      TARSIER_TRY(pass.pipelines_[2 * size_t(ground) + one_frame],
                  device.pipelines().get(
                      {"vision/composite.comp",
                       {uint32_t(ground), one_frame, grid.pairs() ? 1U : 0U, uint32_t(grid.step)}}));
    }
  }
  const uint64_t bytes = uint64_t(grid.width) * uint64_t(grid.height) * 4;
  TARSIER_TRY(pass.result_, device.create_buffer({.size = bytes, .name = "composite"}));
  return pass;
}

void Composite::record(gpu::CommandList& commands, Ground ground, const Matte& matte, const DiscBlur* blur,
                       const Input& input) const {
  Push push{input.guide, input.frame,  input.picture, matte.coverage(), matte.coverage(), result_.address(),
            grid_.width, grid_.height, grid_.columns, grid_.rows,       input.colour,     input.amount};
  if (ground != Ground::kPicture) push.ground = input.frame;  // an address that may be read
  if (blur != nullptr) push.blurred = blur->picture().address();
  for (float& value : push.colour) value *= 255;
  const auto* pipeline = pipelines_[2 * size_t(ground) + (input.guide == input.frame ? 1 : 0)];
  // The blocks between the middles of cells, and half of one beyond each edge.
  commands.dispatch(*pipeline, push,
                    {gpu::groups_for(uint64_t(grid_.columns) + 1, kGroup), uint32_t(grid_.rows) + 1, 1});
  commands.barrier(gpu::Scope::kCompute, gpu::Scope::kCompute | gpu::Scope::kTransfer);
}

}  // namespace tarsier::vision
