#include "present/box_marks.hpp"

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "present/text_tables.hpp"

namespace tarsier::present {
namespace {

// As in shaders/present/box_marks.comp.
struct Push {
  uint64_t first, second, classes, first_marks, second_marks;
  uint32_t class_count;
  float first_least, second_least, least_iou, line, outline;
};
static_assert(sizeof(Push) == 64);
constexpr uint32_t kEdges = 4;
constexpr uint64_t kMarkBytes = kQuadsOffset + uint64_t(vision::kMaxDetections) * kEdges * sizeof(Quad);

}  // namespace

Result<BoxMarks> BoxMarks::create(gpu::Device& device, std::span<const int32_t> classes) {
  BoxMarks out;
  TARSIER_TRY(out.pipeline_, device.pipelines().get({.shader = "present/box_marks.comp", .constants = {}}));
  out.class_count_ = uint32_t(classes.size());
  TARSIER_TRY(out.classes_, device.create_buffer({.size = std::max<uint64_t>(classes.size_bytes(), 4),
                                                  .name = "classes of the other side"}));
  if (!classes.empty()) TARSIER_CHECK(device.upload(out.classes_, 0, classes.data(), classes.size_bytes()));
  for (auto& marks : out.marks_) {
    TARSIER_TRY(marks,
                device.create_buffer({.size = kMarkBytes, .indirect = true, .name = "marks of boxes"}));
  }
  return out;
}

void BoxMarks::record(gpu::CommandList& commands, const Boxes& first, const Boxes& second, uint32_t width,
                      uint32_t height) const {
  const float line = line_pixels(width, height);
  commands.barrier(gpu::Scope::kCompute, gpu::Scope::kCompute);
  commands.dispatch(*pipeline_,
                    Push{first.buffer->address(), second.buffer->address(), classes_.address(),
                         marks_[0].address(), marks_[1].address(), class_count_, first.least_score,
                         second.least_score, vision::kMatchIou, line, line},
                    {1, 1, 1});
}

}  // namespace tarsier::present
