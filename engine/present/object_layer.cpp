#include "present/object_layer.hpp"

#include <algorithm>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "present/object_model.hpp"
#include "vision/face_model.hpp"

namespace tarsier::present {
namespace {

using gpu::ImageUse;
using gpu::Scope;

constexpr uint32_t kSamples = 4;  // every device has them
constexpr uint64_t kPlacementBytes = 96;

// As in shaders/present/object_place.comp.
struct PlacePush {
  uint64_t face, model, picture, placement;
  std::array<uint32_t, 2> frame;
  std::array<float, 3> low, high;
  std::array<uint32_t, 8> anchors;
};
static_assert(sizeof(PlacePush) == 96);

// As in shaders/present/object.vert and object_cover.vert.
struct DrawPush {
  uint64_t face, placement;
  std::array<float, 2> frame;
};

/// The pictures that are drawn into: only where the object is do they hold anything.
struct Canvas {
  gpu::Image color, depth;
  gpu::RenderTarget target;
  gpu::TextureSet textures;
  bool fresh = true;
};

/// What does not depend on the picture's size.
struct Parts {
  ObjectModels models;
  gpu::Buffer vertices, indices, head, placement;
  const gpu::ComputePipeline* place = nullptr;
  gpu::GraphicsPipeline clear;
};

/// Shaders of one object: what others need is compiled out, which on the software device is most of the work.
struct Look {
  gpu::GraphicsPipeline head, solid, glass;
};

}  // namespace

struct ObjectLayer::Impl {
  gpu::Device* device = nullptr;
  gpu::GraphicsPipeline cover;
  std::unique_ptr<Parts> parts;
  std::array<std::unique_ptr<Look>, kFaceObjects> looks;  // by FaceObject, less one
  std::shared_ptr<Canvas> canvas;
  DrawPush push{};
  bool drawn = false;

  Status make_canvas(gpu::FrameContext& frame, uint32_t width, uint32_t height);
  Status make_parts();
  Status make_look(FaceObject object);
};

ObjectLayer::ObjectLayer() = default;
ObjectLayer::ObjectLayer(ObjectLayer&& other) noexcept = default;
ObjectLayer& ObjectLayer::operator=(ObjectLayer&& other) noexcept = default;
ObjectLayer::~ObjectLayer() = default;

Result<ObjectLayer> ObjectLayer::create(gpu::Device& device, const gpu::RenderTarget& target) {
  ObjectLayer layer;
  layer.impl_ = std::make_unique<Impl>();
  layer.impl_->device = &device;
  TARSIER_TRY(layer.impl_->cover, gpu::GraphicsPipeline::create(device, target,
                                                                {.vertex = "present/object_cover.vert",
                                                                 .fragment = "present/object_cover.frag",
                                                                 .constants = {},
                                                                 .blend = true,
                                                                 .textures = 1}));
  return layer;
}

Status ObjectLayer::Impl::make_canvas(gpu::FrameContext& frame, uint32_t width, uint32_t height) {
  if (canvas && canvas->color.width() == width && canvas->color.height() == height) return {};
  auto next = std::make_shared<Canvas>();
  TARSIER_TRY(next->color, gpu::Image::create(*device, {.width = width,
                                                        .height = height,
                                                        .format = gpu::Format::kBgra8,
                                                        .color_target = true,
                                                        .samples = kSamples,
                                                        .name = "object"}));
  TARSIER_TRY(next->depth, gpu::Image::create(*device, {.width = width,
                                                        .height = height,
                                                        .format = gpu::Format::kDepth16,
                                                        .samples = kSamples,
                                                        .name = "object depth"}));
  TARSIER_TRY(next->target,
              gpu::RenderTarget::create(*device, next->color, gpu::Load::kDiscard, &next->depth));
  const gpu::TextureSet::Texture one{&next->color, gpu::Filter::kNearest};
  TARSIER_TRY(next->textures, gpu::TextureSet::create(*device, std::span(&one, 1)));
  if (canvas) frame.retire(canvas);
  canvas = std::move(next);
  return {};
}

Status ObjectLayer::Impl::make_parts() {
  auto made = std::make_unique<Parts>();
  made->models = make_object_models();
  const auto upload = [&](const auto& data, const char* name) -> Result<gpu::Buffer> {
    const uint64_t bytes = data.size() * sizeof data[0];
    TARSIER_TRY(auto buffer, device->create_buffer({.size = bytes, .name = name}));
    TARSIER_CHECK(device->upload(buffer, 0, data.data(), bytes));
    return buffer;
  };
  TARSIER_TRY(made->vertices, upload(made->models.vertices, "object vertices"));
  TARSIER_TRY(made->indices, upload(made->models.indices, "object indices"));
  TARSIER_TRY(made->head, upload(vision::canonical_head(), "canonical head"));
  TARSIER_TRY(made->placement, device->create_buffer({.size = kPlacementBytes, .name = "object placement"}));
  TARSIER_TRY(made->place, device->pipelines().get({.shader = "present/object_place.comp", .constants = {}}));
  TARSIER_TRY(made->clear, gpu::GraphicsPipeline::create(*device, canvas->target,
                                                         {.vertex = "present/object_cover.vert",
                                                          .fragment = "present/object_clear.frag",
                                                          .constants = {},
                                                          .depth = gpu::DepthMode::kReplace}));
  parts = std::move(made);
  return {};
}

Status ObjectLayer::Impl::make_look(FaceObject object) {
  std::unique_ptr<Look>& look = looks[size_t(object) - 1];
  if (look) return {};
  auto made = std::make_unique<Look>();
  const std::vector<uint32_t> constants{uint32_t(object)};
  TARSIER_TRY(made->head, gpu::GraphicsPipeline::create(*device, canvas->target,
                                                        {.vertex = "present/object_head.vert",
                                                         .fragment = "present/object_head.frag",
                                                         .constants = constants,
                                                         .vertex_vec4s = 2,
                                                         .depth = gpu::DepthMode::kWrite}));
  TARSIER_TRY(made->solid, gpu::GraphicsPipeline::create(*device, canvas->target,
                                                         {.vertex = "present/object.vert",
                                                          .fragment = "present/object.frag",
                                                          .constants = constants,
                                                          .vertex_vec4s = 2,
                                                          .depth = gpu::DepthMode::kWrite}));
  if (parts->models.of(object).glass.count > 0) {
    TARSIER_TRY(made->glass, gpu::GraphicsPipeline::create(*device, canvas->target,
                                                           {.vertex = "present/object.vert",
                                                            .fragment = "present/object_glass.frag",
                                                            .constants = {},
                                                            .blend = true,
                                                            .vertex_vec4s = 2,
                                                            .depth = gpu::DepthMode::kTest}));
  }
  look = std::move(made);
  return {};
}

Status ObjectLayer::prepare(gpu::FrameContext& frame, std::span<const FaceInput> inputs,
                            const gpu::Buffer& picture, uint64_t offset, uint32_t width, uint32_t height) {
  Impl& self = *impl_;
  const auto input =
      std::ranges::find_if(inputs, [](const FaceInput& one) { return one.object != FaceObject::kNone; });
  self.drawn = input != inputs.end();
  if (!self.drawn) return {};
  TARSIER_CHECK(self.make_canvas(frame, width, height));
  if (!self.parts) TARSIER_CHECK(self.make_parts());
  TARSIER_CHECK(self.make_look(input->object));
  const Look& look = *self.looks[size_t(input->object) - 1];
  const Parts& parts = *self.parts;
  Canvas& canvas = *self.canvas;
  const ObjectModel& model = parts.models.of(input->object);
  gpu::CommandList& commands = frame.commands();

  commands.barrier(Scope::kGraphics, Scope::kCompute);  // the frame before has read its placement
  commands.dispatch(*parts.place,
                    PlacePush{input->state->address(),
                              parts.head.address(),
                              picture.address() + offset,
                              parts.placement.address(),
                              {width, height},
                              model.low,
                              model.high,
                              model.anchors},
                    {1, 1, 1});
  commands.barrier(Scope::kCompute, Scope::kGraphics);
  commands.image_barrier(canvas.color, ImageUse::kUndefined, ImageUse::kColorTarget);
  commands.image_barrier(canvas.depth, canvas.fresh ? ImageUse::kUndefined : ImageUse::kDepthTarget,
                         ImageUse::kDepthTarget);
  canvas.fresh = false;

  self.push = {input->state->address(), parts.placement.address(), {float(width), float(height)}};
  const auto draw = [&](const ObjectPart& part) {
    if (part.count > 0) commands.draw_indexed(part.first, part.count);
  };
  commands.begin_render(canvas.target);
  commands.bind(parts.clear, self.push);
  commands.draw(6);
  commands.bind_vertices(parts.vertices, parts.indices);
  commands.bind(look.head, self.push);
  draw(parts.models.head);
  commands.bind(look.solid, self.push);
  draw(model.opaque);
  if (model.glass.count > 0) {
    commands.bind(look.glass, self.push);
    draw(model.glass);
  }
  commands.end_render();
  commands.image_barrier(canvas.color, ImageUse::kColorTarget, ImageUse::kSampled);
  return {};
}

void ObjectLayer::draw(gpu::CommandList& commands) const {
  if (!impl_->drawn) return;
  commands.bind(impl_->cover, impl_->push, &impl_->canvas->textures);
  commands.draw(6);
}

}  // namespace tarsier::present
