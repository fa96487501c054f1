#include "kernels/remap.hpp"

#include <cstring>

#include "kernels/nd_index.hpp"

namespace tarsier::kernels {

Status emit_remap(Emitter& emitter, const graph::Value& in, uint64_t source, const Operand& out,
                  const std::vector<int32_t>& rows, const std::vector<int32_t>& columns, float fill) {
  struct Push {
    uint64_t source, target, rows, columns;
    uint32_t count, width, magic, shift;  // of an output plane; division by the width
    uint32_t source_plane, source_width;
    uint32_t groups, channels;
    float fill;
    uint32_t planes;
  } push{};
  const Nchw from(in.desc.shape), to(out.value->desc.shape);
  if (to.plane() == 0) return {};
  TARSIER_TRY(const Weights row_table, emitter.upload(std::as_bytes(std::span(rows))));
  TARSIER_TRY(const Weights column_table, emitter.upload(std::as_bytes(std::span(columns))));
  const auto planes = uint32_t(to.n * to.groups());
  const Coverage lanes = cover_repeating(emitter.device());
  const Divisor divisor = divisor_of(uint32_t(to.w));
  push = {source,
          out.address,
          row_table.address,
          column_table.address,
          uint32_t(to.plane()),
          uint32_t(to.w),
          divisor.magic,
          divisor.shift,
          uint32_t(from.plane()),
          uint32_t(from.w),
          uint32_t(to.groups()),
          uint32_t(to.c),
          fill,
          planes};
  // A fill other than zero must not reach padding channels.
  const bool mask = fill != 0 && to.c % 4 != 0;
  emitter.dispatch(
      "kernels/remap.comp",
      {half_flag(in), half_flag(*out.value), to.w == 1 ? 1U : 0U, mask ? 1U : 0U, lanes.width, lanes.guard},
      push, {(push.count + lanes.width - 1) / lanes.width, (planes + 3) / 4, 1});
  return {};
}

Status emit_axis_maps(Emitter& emitter, const Shape& in, uint64_t source, const Operand& out,
                      const std::vector<std::vector<int32_t>>& maps, uint32_t fill) {
  const Shape& shape = out.value->desc.shape;
  if (graph::element_count(shape) == 0) return {};
  // One table: 8 words an axis (NdAxis: stride x = source stride, stride y = where its map starts), then the
  // maps one after the other.
  std::vector<int64_t> starts;
  std::vector<int32_t> words;
  for (const auto& map : maps) {
    starts.push_back(int64_t(words.size()));
    words.insert(words.end(), map.begin(), map.end());
  }
  const auto axes = nd_axes(shape, {strides_of(in), starts});
  TARSIER_TRY(const Weights table, emitter.upload(nd_table(axes)));
  TARSIER_TRY(const Weights map, emitter.upload(std::as_bytes(std::span(words))));
  struct Push {
    uint64_t source, target, table, maps;
    uint32_t count, fill;
  } push{source, out.address, table.address, map.address, uint32_t(graph::element_count(shape)), fill};
  emitter.dispatch("kernels/pad.comp", {uint32_t(axes.size())}, push, flat_grid(push.count, kLocalSize));
  return {};
}

}  // namespace tarsier::kernels
