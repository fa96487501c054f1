#include "present/compare_view.hpp"

#include <array>

#include "gpu/device.hpp"
#include "present/text_tables.hpp"

namespace tarsier::present {
namespace {

using gpu::ImageUse;

// As in shaders/present/compare.frag.
struct Push {
  uint32_t look, width;
  float edge, line;
};

}  // namespace

Status CompareView::prepare(gpu::FrameContext& frame, const SceneRenderer& first, const SceneRenderer& second,
                            CompareLook look) {
  const uint32_t height = first.image().height();
  const uint32_t width = first.image().width() * (look == CompareLook::kSide ? 2 : 1);
  if (!canvas_ || canvas_->image.width() != width || canvas_->image.height() != height) {
    auto next = std::make_shared<Canvas>();
    TARSIER_TRY(next->image, gpu::Image::create(*device_, {.width = width,
                                                           .height = height,
                                                           .format = gpu::Format::kBgra8,
                                                           .color_target = true,
                                                           .name = "compare view"}));
    TARSIER_TRY(next->target, gpu::RenderTarget::create(*device_, next->image, gpu::Load::kDiscard));
    if (canvas_) frame.retire(canvas_);
    canvas_ = std::move(next);
    ++generation_;
    if (generation_ == 1) {
      TARSIER_TRY(pipeline_, gpu::GraphicsPipeline::create(*device_, canvas_->target,
                                                           {.vertex = "present/fullscreen.vert",
                                                            .fragment = "present/compare.frag",
                                                            .constants = {},
                                                            .textures = 2}));
    }
  }
  if (!textures_ || first_ != first.generation() || second_ != second.generation()) {
    if (textures_) frame.retire(textures_);
    const std::array<gpu::TextureSet::Texture, 2> textures{
        {{&first.image(), gpu::Filter::kNearest}, {&second.image(), gpu::Filter::kNearest}}};
    TARSIER_TRY(gpu::TextureSet set, gpu::TextureSet::create(*device_, textures));
    textures_ = std::make_shared<gpu::TextureSet>(std::move(set));
    first_ = first.generation();
    second_ = second.generation();
  }
  return {};
}

Status CompareView::draw(gpu::FrameContext& frame, const SceneRenderer& first, const SceneRenderer& second,
                         CompareLook look, double edge) {
  TARSIER_CHECK(prepare(frame, first, second, look));
  const gpu::Image& scene = first.image();
  gpu::CommandList& commands = frame.commands();
  frame.begin_span("compare view");
  commands.image_barrier(canvas_->image, ImageUse::kUndefined, ImageUse::kColorTarget);
  commands.begin_render(canvas_->target);
  commands.bind(pipeline_,
                Push{uint32_t(look), scene.width(), float(edge * scene.width()),
                     line_pixels(scene.width(), scene.height())},
                textures_.get());
  commands.draw(3);
  commands.end_render();
  commands.image_barrier(canvas_->image, ImageUse::kColorTarget, ImageUse::kSampled);
  frame.end_span();
  return {};
}

}  // namespace tarsier::present
