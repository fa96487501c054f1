// Tensors of a TensorFlow Lite file: element types, quantisation, sparse storage.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "core/half.hpp"
#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

using tflite::TensorType;

std::string name_of(const tflite::Tensor& tensor) {
  return tensor.name() == nullptr ? std::string("without a name") : fmt::format("'{}'", tensor.name()->str());
}

/// Bits of a stored element.
size_t stored_bits(TensorType type) {
  switch (type) {
    case TensorType::INT4:
      return 4;
    case TensorType::UINT8:
    case TensorType::INT8:
    case TensorType::BOOL:
      return 8;
    case TensorType::FLOAT16:
    case TensorType::BFLOAT16:
    case TensorType::INT16:
    case TensorType::UINT16:
      return 16;
    case TensorType::FLOAT32:
    case TensorType::INT32:
    case TensorType::UINT32:
      return 32;
    default:
      return 64;
  }
}

template <class T>
T load(const std::byte* from, size_t index) {
  T value;
  std::memcpy(&value, from + index * sizeof(T), sizeof(T));
  return value;
}

float load_float(TensorType type, const std::byte* from, size_t index) {
  switch (type) {
    case TensorType::FLOAT16:
      return half_to_float(load<uint16_t>(from, index));
    case TensorType::BFLOAT16: {
      const uint32_t bits = static_cast<uint32_t>(load<uint16_t>(from, index)) << 16;
      float value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    case TensorType::FLOAT64:
      return static_cast<float>(load<double>(from, index));
    default:
      return load<float>(from, index);
  }
}

int64_t load_integer(TensorType type, const std::byte* from, size_t index) {
  switch (type) {
    case TensorType::INT4: {  // the low half comes first
      const auto pair = static_cast<uint8_t>(from[index / 2]);
      const int nibble = index % 2 == 0 ? pair & 15 : pair >> 4;
      return nibble < 8 ? nibble : nibble - 16;
    }
    case TensorType::UINT8:
      return load<uint8_t>(from, index);
    case TensorType::BOOL:
      return load<uint8_t>(from, index) != 0 ? 1 : 0;
    case TensorType::INT8:
      return load<int8_t>(from, index);
    case TensorType::INT16:
      return load<int16_t>(from, index);
    case TensorType::UINT16:
      return load<uint16_t>(from, index);
    case TensorType::INT32:
      return load<int32_t>(from, index);
    case TensorType::UINT32:
      return load<uint32_t>(from, index);
    default:
      return load<int64_t>(from, index);
  }
}

bool is_float(TensorType type) {
  return type == TensorType::FLOAT32 || type == TensorType::FLOAT16 || type == TensorType::BFLOAT16 ||
         type == TensorType::FLOAT64;
}

/// Where stored element i lies in the dense tensor: i itself, or what the sparse format says.
struct Positions {
  std::vector<uint32_t> dense;  // empty: as stored
  size_t stored = 0;
};

/// The levels of a sparse tensor: outermost first, each dense (all indices) or compressed (those listed). A
/// dimension may be cut in blocks; then it has a level for the block and one inside it.
class SparseWalk {
 public:
  /// `stored`: how many elements the file has bytes for.
  SparseWalk(const tflite::SparsityParameters& sparsity, Shape shape, size_t stored)
      : sparsity_(sparsity),
        shape_(std::move(shape)),
        stored_(stored),
        most_steps_(stored * 64 + std::min<size_t>(size_t(graph::element_count(shape_)) * 2, kFreeSteps)) {}

  Result<Positions> run() {
    const auto* order = sparsity_.traversal_order();
    const auto* levels = sparsity_.dim_metadata();
    const auto* blocks = sparsity_.block_map();
    const size_t rank = shape_.size(), cut = blocks == nullptr ? 0 : blocks->size();
    if (order == nullptr || levels == nullptr || order->size() != rank + cut ||
        levels->size() != rank + cut || rank + cut > kMaxLevels || rank == 0)
      return damaged();
    block_size_.assign(rank, 1);
    std::vector<bool> seen(rank + cut);
    for (size_t i = 0; i < rank + cut; ++i) {
      const int32_t level = order->Get(static_cast<uint32_t>(i));
      if (level < 0 || static_cast<size_t>(level) >= rank + cut || seen[static_cast<size_t>(level)])
        return damaged();
      seen[static_cast<size_t>(level)] = true;
      const auto* metadata = levels->Get(static_cast<uint32_t>(i));
      Level out;
      out.block = static_cast<size_t>(level) >= rank;
      out.axis = static_cast<size_t>(level);
      if (out.block) {
        const int32_t axis = blocks->Get(static_cast<uint32_t>(level) - static_cast<uint32_t>(rank));
        // The index inside a block comes after that of the block.
        if (axis < 0 || static_cast<size_t>(axis) >= rank || i < rank) return damaged();
        out.axis = static_cast<size_t>(axis);
      }
      out.sparse = metadata->format() == tflite::DimensionType::SPARSE_CSR;
      if (out.sparse) {
        out.segments = numbers(*metadata, true);
        out.indices = numbers(*metadata, false);
      } else {
        out.size = metadata->dense_size();
        if (out.size < 0) return damaged();
      }
      if (out.block) {
        if (out.sparse || out.size == 0) return damaged();
        block_size_[out.axis] *= out.size;
      }
      levels_.push_back(std::move(out));
    }
    TARSIER_CHECK(visit(0, 0));
    positions_.stored = positions_.dense.size();
    return std::move(positions_);
  }

 private:
  static constexpr size_t kMaxLevels = 16;
  static constexpr size_t kFreeSteps = size_t{1} << 23;  // a damaged file must not take minutes
  struct Level {
    bool block = false, sparse = false;
    size_t axis = 0;
    int64_t size = 0;
    std::vector<uint32_t> segments, indices;
  };

  static Error damaged() { return input_error("its sparse storage is damaged"); }

  static std::vector<uint32_t> numbers(const tflite::DimensionMetadata& metadata, bool segments) {
    std::vector<uint32_t> out;
    const auto copy = [&out](const auto* vector) {
      if (vector != nullptr && vector->values() != nullptr)
        for (const auto value : *vector->values()) out.push_back(static_cast<uint32_t>(value));
    };
    copy(segments ? metadata.array_segments_as_Int32Vector() : metadata.array_indices_as_Int32Vector());
    copy(segments ? metadata.array_segments_as_Uint16Vector() : metadata.array_indices_as_Uint16Vector());
    copy(segments ? metadata.array_segments_as_Uint8Vector() : metadata.array_indices_as_Uint8Vector());
    return out;
  }

  Status visit(size_t depth, uint64_t parent) {
    if (++steps_ > most_steps_ + kMaxLevels) return damaged();
    if (depth == levels_.size()) {
      std::array<int64_t, kMaxLevels> at{};
      for (size_t i = 0; i < levels_.size(); ++i) {
        const Level& level = levels_[i];
        at[level.axis] = level.block ? at[level.axis] * level.size + index_[i] : index_[i];
      }
      int64_t flat = 0;
      for (size_t axis = 0; axis < shape_.size(); ++axis) {
        if (at[axis] >= shape_[axis]) return damaged();
        flat = flat * shape_[axis] + at[axis];
      }
      if (positions_.dense.size() == stored_) return damaged();
      positions_.dense.push_back(static_cast<uint32_t>(flat));
      return {};
    }
    const Level& level = levels_[depth];
    if (!level.sparse) {
      for (int64_t i = 0; i < level.size; ++i) {
        index_[depth] = i;
        TARSIER_CHECK(
            visit(depth + 1, parent * static_cast<uint64_t>(level.size) + static_cast<uint64_t>(i)));
      }
      return {};
    }
    if (parent + 1 >= level.segments.size()) return damaged();
    const uint32_t from = level.segments[parent], to = level.segments[parent + 1];
    if (from > to || to > level.indices.size()) return damaged();
    for (uint32_t i = from; i < to; ++i) {
      index_[depth] = level.indices[i];
      TARSIER_CHECK(visit(depth + 1, i));
    }
    return {};
  }

  const tflite::SparsityParameters& sparsity_;
  Shape shape_;
  size_t stored_, most_steps_;
  std::vector<int64_t> block_size_;
  std::vector<Level> levels_;
  std::array<int64_t, kMaxLevels> index_{};
  Positions positions_;
  size_t steps_ = 0;
};

/// Scale and zero point of every element: those of its slice along one dimension.
struct Scales {
  const flatbuffers::Vector<float>* scale;
  const flatbuffers::Vector<int64_t>* zero;
  size_t inner = 1, slices = 1;

  [[nodiscard]] float real(size_t index, int64_t stored) const {
    const auto slice = static_cast<uint32_t>(index / inner % slices);
    const int64_t offset =
        zero == nullptr || zero->size() == 0 ? 0 : tflite_element(*zero, zero->size() == 1 ? 0 : slice);
    // In double: the file may name any offset.
    return static_cast<float>((static_cast<double>(stored) - static_cast<double>(offset)) *
                              static_cast<double>(scale->Get(scale->size() == 1 ? 0 : slice)));
  }
};

Result<Scales> scales_of(const tflite::Tensor& tensor, const Shape& shape) {
  const auto& quantization = *tensor.quantization();
  Scales out{quantization.scale(), quantization.zero_point()};
  const bool many_zeros = out.zero != nullptr && out.zero->size() > 1;
  if (out.scale->size() == 1 && !many_zeros) return out;
  const int32_t axis = quantization.quantized_dimension();
  if (axis < 0 || static_cast<size_t>(axis) >= shape.size())
    return input_error("it is quantised along dimension {}, which it does not have", axis);
  out.slices = static_cast<size_t>(std::max<int64_t>(shape[static_cast<size_t>(axis)], 1));
  for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i)
    out.inner *= static_cast<size_t>(shape[i]);
  out.inner = std::max<size_t>(out.inner, 1);
  if ((out.scale->size() != 1 && out.scale->size() != out.slices) ||
      (many_zeros && out.zero->size() != out.slices))
    return input_error("it has {} scales for {} slices", out.scale->size(), out.slices);
  return out;
}

Result<Tensor> read(const tflite::Tensor& tensor, std::span<const std::byte> bytes, bool dequantise) {
  const auto type = tflite_type(tensor.type());
  if (!type) return input_error("it has an element type ({}) that is not supported", int(tensor.type()));
  TARSIER_TRY(const Shape shape, tflite_shape(tensor));
  auto count = static_cast<size_t>(graph::element_count(shape));
  size_t stored = count;
  Positions positions;
  if (tensor.sparsity() != nullptr) {
    TARSIER_TRY(positions,
                SparseWalk(*tensor.sparsity(), shape, bytes.size() * 8 / stored_bits(tensor.type())).run());
    stored = positions.stored;
    // A few bytes must not claim gigabytes.
    if (count / 4096 > stored + 256) return input_error("its sparse storage is damaged");
  }
  if (bytes.size() != (stored * stored_bits(tensor.type()) + 7) / 8)
    return input_error("it has {} bytes of data, {} are expected", bytes.size(),
                       (stored * stored_bits(tensor.type()) + 7) / 8);
  const auto place = [&positions](size_t i) { return positions.dense.empty() ? i : positions.dense[i]; };
  const std::byte* from = bytes.data();
  if (dequantise) {
    TARSIER_TRY(const Scales scales, scales_of(tensor, shape));
    Tensor out(graph::TensorDesc{DType::kF32, shape});
    auto values = out.as_mutable<float>();
    for (size_t i = 0; i < stored; ++i)
      values[place(i)] = scales.real(place(i), load_integer(tensor.type(), from, i));
    return out;
  }
  Tensor out(graph::TensorDesc{*type, shape});
  const auto target = out.mutable_bytes();
  if (positions.dense.empty() && target.size() == bytes.size() && *type != DType::kBool &&
      (tensor.type() == TensorType::FLOAT32 || !is_float(tensor.type()))) {
    if (!target.empty()) std::memcpy(target.data(), from, target.size());
    return out;
  }
  const auto fill = [&]<class T>(std::span<T> values) {
    for (size_t i = 0; i < stored; ++i) {
      if (is_float(tensor.type()))
        values[place(i)] = static_cast<T>(load_float(tensor.type(), from, i));
      else
        values[place(i)] = static_cast<T>(load_integer(tensor.type(), from, i));
    }
  };
  switch (*type) {
    case DType::kF32:
      fill(out.as_mutable<float>());
      break;
    case DType::kI64:
      fill(out.as_mutable<int64_t>());
      break;
    case DType::kI32:
      fill(out.as_mutable<int32_t>());
      break;
    case DType::kI16:
      fill(out.as_mutable<int16_t>());
      break;
    case DType::kI8:
      fill(out.as_mutable<int8_t>());
      break;
    default:  // kU8, kBool
      fill(out.as_mutable<uint8_t>());
      break;
  }
  return out;
}

}  // namespace

std::optional<DType> tflite_type(TensorType type) {
  switch (type) {
    case TensorType::FLOAT32:
    case TensorType::FLOAT16:
    case TensorType::BFLOAT16:
    case TensorType::FLOAT64:
      return DType::kF32;
    case TensorType::INT4:
    case TensorType::INT8:
      return DType::kI8;
    case TensorType::UINT8:
      return DType::kU8;
    case TensorType::BOOL:
      return DType::kBool;
    case TensorType::INT16:
      return DType::kI16;
    case TensorType::UINT16:
    case TensorType::INT32:
      return DType::kI32;
    case TensorType::UINT32:
    case TensorType::INT64:
    case TensorType::UINT64:
      return DType::kI64;
    default:
      return std::nullopt;
  }
}

Result<Shape> tflite_shape(const tflite::Tensor& tensor) {
  Shape shape;
  if (tensor.shape() == nullptr) return shape;
  int64_t count = 1;
  for (const int32_t extent : *tensor.shape()) {
    if (extent < 0 || (extent > 0 && count > std::numeric_limits<int32_t>::max() / extent))
      return input_error("tensor {} claims impossible extents; the file is damaged", name_of(tensor));
    count *= std::max(extent, 1);  // an extent of zero must not hide the others
    shape.push_back(extent);
  }
  return shape;
}

Result<std::span<const std::byte>> tflite_bytes(const tflite::Model& model, const tflite::Tensor& tensor,
                                                std::span<const std::byte> file) {
  const auto* buffers = model.buffers();
  if (tensor.buffer() == 0) return std::span<const std::byte>();  // the empty one, by the format's convention
  if (buffers == nullptr || tensor.buffer() >= buffers->size())
    return input_error("tensor {} has its data in buffer {}, which the file does not have", name_of(tensor),
                       tensor.buffer());
  const auto* buffer = buffers->Get(tensor.buffer());
  if (buffer->offset() > 1) {  // behind the FlatBuffer
    if (buffer->offset() > file.size() || buffer->size() > file.size() - buffer->offset())
      return input_error("tensor {} has its data beyond the end of the file; fetch it again",
                         name_of(tensor));
    return file.subspan(buffer->offset(), buffer->size());
  }
  if (buffer->data() == nullptr) return std::span<const std::byte>();
  return std::as_bytes(std::span(buffer->data()->data(), buffer->data()->size()));
}

int64_t tflite_element(const flatbuffers::Vector<int64_t>& values, uint32_t index) {
  int64_t value;
  std::memcpy(&value, values.Data() + size_t{index} * sizeof value, sizeof value);
  return value;
}

bool is_quantised(const tflite::Tensor& tensor) {
  const auto* quantization = tensor.quantization();
  if (quantization == nullptr || quantization->scale() == nullptr || quantization->scale()->size() == 0)
    return false;
  switch (tensor.type()) {
    case TensorType::INT4:
    case TensorType::INT8:
    case TensorType::UINT8:
    case TensorType::INT16:
    case TensorType::INT32:
    case TensorType::INT64:
      return true;
    default:
      return false;
  }
}

Result<Tensor> read_tflite_constant(const tflite::Tensor& tensor, std::span<const std::byte> bytes,
                                    bool dequantise) {
  auto out = read(tensor, bytes, dequantise);
  if (!out.ok()) return out.error().in(fmt::format("tensor {}", name_of(tensor)));
  return out;
}

}  // namespace tarsier::import
