#include "kernels/nd_index.hpp"

#include <bit>
#include <cstring>

namespace tarsier::kernels {

std::vector<NdAxis> nd_axes(const Shape& shape, const std::vector<std::vector<int64_t>>& strides) {
  std::vector<NdAxis> axes(shape.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    axes[d].extent = shape[d];
    for (size_t n = 0; n < strides.size(); ++n) axes[d].stride[n] = strides[n][d];
  }
  return axes;
}

std::vector<NdAxis> collapse(const std::vector<NdAxis>& axes) {
  std::vector<NdAxis> out;
  for (const NdAxis& axis : axes) {
    if (axis.extent == 1) continue;
    bool merged = !out.empty();
    for (size_t n = 0; merged && n < kNdOperands; ++n) {
      merged = out.back().stride[n] == axis.stride[n] * axis.extent;
    }
    if (merged) {
      out.back().extent *= axis.extent;
      out.back().stride = axis.stride;
    } else {
      out.push_back(axis);
    }
  }
  if (out.empty()) out.emplace_back();
  return out;
}

int64_t count_of(const std::vector<NdAxis>& axes) {
  int64_t count = 1;
  for (const auto& axis : axes) count *= axis.extent;
  return count;
}

Divisor divisor_of(uint32_t divisor) {
  if (divisor < 2) return {};
  const auto log = uint32_t(std::bit_width(divisor - 1));  // ceil(log2(divisor)), at least 1
  const uint64_t magic = ((uint64_t{1} << (31 + log)) / divisor) + 1;
  return {uint32_t(magic), log - 1};
}

std::vector<std::byte> nd_table(const std::vector<NdAxis>& axes) {
  std::vector<uint32_t> words;
  for (const NdAxis& axis : axes) {
    const Divisor divisor = divisor_of(uint32_t(axis.extent));
    words.insert(words.end(), {uint32_t(axis.extent), divisor.magic, divisor.shift, 0});
    for (const int64_t stride : axis.stride) words.push_back(uint32_t(int32_t(stride)));
  }
  std::vector<std::byte> bytes(words.size() * sizeof(uint32_t));
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

}  // namespace tarsier::kernels
