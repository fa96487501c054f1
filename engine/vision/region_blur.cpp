#include "vision/region_blur.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

using gpu::Scope;

// As in shaders/include/blur.glsl.
constexpr uint32_t kBlock = 8;
constexpr uint64_t kListBytes = 8 * sizeof(uint32_t);
constexpr uint64_t kRegionBytes = 32;
constexpr uint64_t kRegionsBytes = 16 + 2ULL * kMaxDetections * kRegionBytes;
constexpr uint64_t kVectorBytes = 16;
constexpr uint32_t kGroup = 64;         // local size of all passes but the first
constexpr uint32_t kRegionGroups = 64;  // workgroups that share the boxes of a frame

struct RegionsPush {
  uint64_t found, added, regions, nodes, lists;
  std::array<uint32_t, 4> whole, heads;
  uint32_t width, height;
  float cell, margin, top;
};
static_assert(sizeof(RegionsPush) <= 128);

struct CellsPush {
  uint64_t regions, source, cells;
  uint32_t width, height, columns, count;
};

struct NodesPush {
  uint64_t nodes, cells, colors;
  uint32_t columns, count, cell_columns, cell_rows;
};

struct DrawPush {
  uint64_t regions, lists, colors, picture;
  uint32_t width, height, columns, count;
};

/// Cells of one size.
struct Level {
  uint64_t offset;  // in the buffer of cells, bytes
  uint32_t columns, rows;
  [[nodiscard]] uint32_t count() const { return columns * rows; }
};

}  // namespace

struct RegionBlur::Sized {
  uint32_t width = 0, height = 0, columns = 0, rows = 0;  // pixels, blocks
  std::vector<Level> levels;                              // finest first
  gpu::Buffer picture, regions, cells, colors;
  gpu::Buffer marks;  // of the nodes, then the blocks' lists: what starts from zero in every frame
  [[nodiscard]] uint32_t blocks() const { return columns * rows; }
  [[nodiscard]] uint32_t nodes() const { return (columns + 1) * (rows + 1); }
  [[nodiscard]] uint64_t lists_offset() const { return uint64_t(nodes()) * sizeof(uint32_t); }
};

Result<RegionBlur> RegionBlur::create(gpu::Device& device) {
  RegionBlur blur;
  blur.device_ = &device;
  gpu::PipelineCache& pipelines = device.pipelines();
  TARSIER_TRY(blur.regions_, pipelines.get({.shader = "vision/blur_regions.comp", .constants = {}}));
  TARSIER_TRY(blur.cells_, pipelines.get({"vision/blur_cells.comp", {1, 0}}));
  TARSIER_TRY(blur.aligned_cells_, pipelines.get({"vision/blur_cells.comp", {1, 1}}));
  TARSIER_TRY(blur.coarser_cells_, pipelines.get({"vision/blur_cells.comp", {0, 0}}));
  TARSIER_TRY(blur.nodes_, pipelines.get({.shader = "vision/blur_nodes.comp", .constants = {}}));
  TARSIER_TRY(blur.draw_, pipelines.get({.shader = "vision/blur_draw.comp", .constants = {}}));
  return blur;
}

Result<std::shared_ptr<RegionBlur::Sized>> RegionBlur::make_sized(uint32_t width, uint32_t height) const {
  auto sized = std::make_shared<Sized>();
  sized->width = width;
  sized->height = height;
  sized->columns = (width + kBlock - 1) / kBlock;
  sized->rows = (height + kBlock - 1) / kBlock;
  uint64_t cell_bytes = 0;
  for (uint32_t columns = sized->columns, rows = sized->rows;;) {
    sized->levels.push_back({cell_bytes, columns, rows});
    cell_bytes += uint64_t(columns) * rows * kVectorBytes;
    if (columns == 1 && rows == 1) break;
    columns = (columns + 1) / 2;
    rows = (rows + 1) / 2;
  }
  const auto make = [&](uint64_t bytes, const char* name) {
    return device_->create_buffer({.size = bytes, .name = name});
  };
  TARSIER_TRY(sized->picture, make(uint64_t(width) * height * 4, "blurred picture"));
  TARSIER_TRY(sized->regions, make(kRegionsBytes, "blurred regions"));
  TARSIER_TRY(sized->cells, make(cell_bytes, "blur cells"));
  TARSIER_TRY(sized->colors, make(sized->nodes() * kVectorBytes, "blur colours"));
  TARSIER_TRY(sized->marks, make(sized->lists_offset() + sized->blocks() * kListBytes, "blur marks"));
  return sized;
}

Result<const gpu::Buffer*> RegionBlur::record(gpu::FrameContext& frame, const BlurPicture& picture,
                                              const gpu::Buffer& found, std::span<const Detection> added,
                                              const BlurParams& params) {
  if (!sized_ || sized_->width != picture.width || sized_->height != picture.height) {
    if (sized_) frame.retire(sized_);
    TARSIER_TRY(sized_, make_sized(picture.width, picture.height));
  }
  const Sized& self = *sized_;
  added = added.first(std::min<size_t>(added.size(), kMaxDetections));
  TARSIER_TRY(const auto staging, frame.stage(sizeof(DetectionHeader) + added.size_bytes()));
  DetectionHeader header;
  header.count = uint32_t(added.size());
  std::memcpy(staging.mapped, &header, sizeof header);
  std::ranges::copy(std::as_bytes(added), static_cast<std::byte*>(staging.mapped) + sizeof header);

  gpu::CommandList& commands = frame.commands();
  commands.barrier(Scope::kCompute | Scope::kTransfer | Scope::kGraphics, Scope::kCompute | Scope::kTransfer);
  commands.copy(*picture.buffer, picture.offset, self.picture, 0, self.picture.size());
  commands.fill(self.marks, 0, self.marks.size(), 0);
  commands.barrier(Scope::kTransfer, Scope::kCompute);

  const RegionsPush regions{found.address(),
                            staging.buffer->address() + staging.offset,
                            self.regions.address(),
                            self.marks.address(),
                            self.marks.address() + self.lists_offset(),
                            params.whole,
                            params.heads,
                            self.width,
                            self.height,
                            params.cell,
                            params.margin,
                            float(self.levels.size() - 1)};
  commands.dispatch(*regions_, regions, {kRegionGroups, 1, 1});
  commands.barrier();

  const bool aligned = self.width % 4 == 0 && (picture.buffer->address() + picture.offset) % 16 == 0;
  for (size_t i = 0; i < self.levels.size(); ++i) {
    const Level& level = self.levels[i];
    CellsPush cells{self.regions.address(),
                    picture.buffer->address() + picture.offset,
                    self.cells.address() + level.offset,
                    self.width,
                    self.height,
                    level.columns,
                    level.count()};
    if (i > 0) {
      const Level& finer = self.levels[i - 1];
      cells.source = self.cells.address() + finer.offset;
      cells.width = finer.columns;
      cells.height = finer.rows;
    }
    const gpu::ComputePipeline& pass = i > 0 ? *coarser_cells_ : aligned ? *aligned_cells_ : *cells_;
    commands.dispatch(pass, cells, {gpu::groups_for(level.count(), kGroup), 1, 1});
    commands.barrier();
  }
  const NodesPush nodes{self.marks.address(),
                        self.cells.address(),
                        self.colors.address(),
                        self.columns + 1,
                        self.nodes(),
                        self.columns,
                        self.rows};
  commands.dispatch(*nodes_, nodes, {gpu::groups_for(self.nodes(), kGroup), 1, 1});
  commands.barrier();
  const DrawPush draw{self.regions.address(),
                      self.marks.address() + self.lists_offset(),
                      self.colors.address(),
                      self.picture.address(),
                      self.width,
                      self.height,
                      self.columns,
                      self.blocks()};
  commands.dispatch(*draw_, draw, {gpu::groups_for(self.blocks(), kGroup), 1, 1});
  commands.barrier(Scope::kCompute, Scope::kCompute | Scope::kTransfer | Scope::kGraphics);
  return &self.picture;
}

}  // namespace tarsier::vision
