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
    uint32_t reserved = 0;
  } push{};
  const Nchw from(in.desc.shape), to(out.value->desc.shape);
  if (to.plane() == 0) return {};
  TARSIER_TRY(const Weights row_table, emitter.upload(std::as_bytes(std::span(rows))));
  TARSIER_TRY(const Weights column_table, emitter.upload(std::as_bytes(std::span(columns))));
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
          fill};
  // A fill other than zero must not reach padding channels.
  const bool mask = fill != 0 && to.c % 4 != 0;
  emitter.dispatch("kernels/remap.comp",
                   {half_flag(in), half_flag(*out.value), to.w == 1 ? 1U : 0U, mask ? 1U : 0U}, push,
                   {(push.count + kLocalSize - 1) / kLocalSize, uint32_t(to.n * to.groups()), 1});
  return {};
}

}  // namespace tarsier::kernels
