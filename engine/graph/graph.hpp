// The model IR: a Graph of Nodes that read and write Values. Its vocabulary is that of ONNX (operator names,
// attribute names, NCHW activations); importers of other formats translate into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.hpp"

namespace tarsier::graph {

enum class DType : uint8_t { kF32, kF16, kF64, kI8, kU8, kI16, kI32, kI64, kBool };
[[nodiscard]] size_t size_of(DType type);
[[nodiscard]] std::string_view name_of(DType type);

/// Extents, outermost first. -1 is an extent not known yet; a compiled plan has none.
using Shape = std::vector<int64_t>;
[[nodiscard]] int64_t element_count(const Shape& shape);  // 1 for a scalar (empty shape)
[[nodiscard]] bool is_static(const Shape& shape);
[[nodiscard]] std::string to_string(const Shape& shape);  // "[1,3,416,416]"

/// The logical type of a value: element type and shape, row-major.
struct TensorDesc {
  DType dtype = DType::kF32;
  Shape shape;
  bool operator==(const TensorDesc&) const = default;
};

/// Constant data on the host, row-major in its logical shape. Copies share the bytes.
class Tensor {
 public:
  Tensor() = default;
  Tensor(TensorDesc desc, std::vector<std::byte> bytes);
  /// Uninitialised (zero) storage of the described size.
  explicit Tensor(TensorDesc desc);
  template <class T>
  static Tensor of(DType dtype, Shape shape, std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return {TensorDesc{dtype, std::move(shape)}, std::vector<std::byte>(bytes.begin(), bytes.end())};
  }
  static Tensor f32(Shape shape, std::span<const float> values) {
    return of(DType::kF32, std::move(shape), values);
  }
  static Tensor i64(Shape shape, std::span<const int64_t> values) {
    return of(DType::kI64, std::move(shape), values);
  }

  [[nodiscard]] const TensorDesc& desc() const { return desc_; }
  [[nodiscard]] const Shape& shape() const { return desc_.shape; }
  [[nodiscard]] DType dtype() const { return desc_.dtype; }
  [[nodiscard]] int64_t size() const { return element_count(desc_.shape); }
  [[nodiscard]] std::span<const std::byte> bytes() const;
  [[nodiscard]] std::span<std::byte> mutable_bytes();  // detaches from other copies
  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    const auto raw = bytes();
    return {reinterpret_cast<const T*>(raw.data()), raw.size() / sizeof(T)};
  }
  template <class T>
  [[nodiscard]] std::span<T> as_mutable() {
    const auto raw = mutable_bytes();
    return {reinterpret_cast<T*>(raw.data()), raw.size() / sizeof(T)};
  }
  /// The elements converted to float / int64, whatever the element type.
  [[nodiscard]] std::vector<float> to_floats() const;
  [[nodiscard]] std::vector<int64_t> to_ints() const;
  /// The same data under another shape of equal element count.
  [[nodiscard]] Tensor reshaped(Shape shape) const;

 private:
  TensorDesc desc_;
  std::shared_ptr<std::vector<std::byte>> bytes_;
};

/// Evenly distributed in [low, high) where the elements are floats, else zeros; the same for a seed
/// everywhere.
[[nodiscard]] Tensor random_tensor(const TensorDesc& desc, uint32_t seed, float low, float high);

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr int32_t kNone = -1;  // an absent optional input; a value without producer

/// How a value lies in device memory.
///  kLinear: row-major in its logical shape.
///  kC4:     rank-4 activations N x C x H x W stored as [N][ceil(C/4)][H][W][4]; the padding channels hold
///  zero.
enum class Layout : uint8_t { kLinear, kC4 };

struct Value {
  std::string name;
  TensorDesc desc;
  std::optional<Tensor> constant;  // weights, folded results
  NodeId producer = kNone;
  // Set when a plan is made (infer/assign_layouts.hpp, assign_storage.hpp):
  Layout layout = Layout::kLinear;
  DType storage = DType::kF32;  // element type in device memory; kF16 halves the traffic of a kF32 value
};

struct Graph;
using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                               std::vector<std::string>, Tensor, std::shared_ptr<Graph>>;

/// Elementwise work that a fusion pass moved into the node that produces its operand; applied in order to the
/// output.
struct PostOp {
  enum class Kind : uint8_t {
    kRelu,         // max(x, 0)
    kClip,         // min(max(x, a), b)
    kLeakyRelu,    // x < 0 ? a * x : x
    kPRelu,        // x < 0 ? slope[channel] * x : x, slope = operand (constant, C elements)
    kSigmoid,      // 1 / (1 + exp(-x))
    kSilu,         // x * sigmoid(x)
    kHardSigmoid,  // clamp(a * x + b, 0, 1)
    kHardSwish,    // x * clamp(x / 6 + 1/2, 0, 1)
    kTanh,
    kGelu,   // x / 2 * (1 + erf(x / sqrt 2))
    kAdd,    // x + operand (same shape)
    kMul,    // x * operand (same shape, or [N,C,1,1])
    kScale,  // x * a + b
    kAffine  // y = x * scale[channel] + shift[channel], then y < 0 ? slope[channel] * y : y; operand:
             // constant [3,C] of scale, shift, slope
  };
  Kind kind;
  float a = 0, b = 0;
  ValueId operand = kNone;
};

struct Node {
  std::string name;
  std::string op;  // ONNX operator name
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::map<std::string, Attribute, std::less<>> attributes;
  std::vector<PostOp> post;
  /// Which of the ways that its kernel offers (Kernel::variants) runs it; empty: the kernel's first.
  std::string variant;
  /// Set when a plan is made in fp16: products may be those of operands rounded to it, summed in fp32.
  bool half_products = false;

  [[nodiscard]] int64_t integer(std::string_view key, int64_t fallback) const;
  [[nodiscard]] float real(std::string_view key, float fallback) const;
  [[nodiscard]] std::string text(std::string_view key, std::string_view fallback) const;
  [[nodiscard]] std::vector<int64_t> integers(std::string_view key, std::vector<int64_t> fallback = {}) const;
  /// Empty where there is no such list.
  [[nodiscard]] std::vector<float> reals(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  /// A body of control flow; null where there is none.
  [[nodiscard]] const Graph* body(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return attributes.find(key) != attributes.end(); }
};

/// Nodes are kept in execution order (a producer before its readers). A removed node leaves no gap: passes
/// rebuild.
struct Graph {
  std::string name;
  int64_t opset = 0;         // of the standard ai.onnx domain, after import
  std::deque<Value> values;  // references stay valid while values are added
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  /// Of the body of a control-flow node: how many of the last inputs are values of the surrounding graph that
  /// it reads. They are the last inputs of that node, too.
  size_t captures = 0;

  ValueId add_value(std::string value_name, TensorDesc desc = {});
  ValueId add_constant(std::string value_name, Tensor tensor);
  /// Appends a node and sets the producer of its outputs.
  NodeId add_node(Node node);
  [[nodiscard]] const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  [[nodiscard]] Value& value(ValueId id) { return values[static_cast<size_t>(id)]; }
  [[nodiscard]] const Tensor* constant(ValueId id) const;  // null where id is kNone or not constant
  [[nodiscard]] const Shape& shape(ValueId id) const { return value(id).desc.shape; }
  [[nodiscard]] ValueId find_value(std::string_view value_name) const;  // kNone where there is none
  /// How many node inputs (post-op operands included) and graph outputs read each value.
  [[nodiscard]] std::vector<int> use_counts() const;
  /// Removes nodes for which keep[i] is false and re-links producers.
  void retain_nodes(const std::vector<bool>& keep);
  /// Makes every reader of `from` (graph outputs included) read `to`.
  void replace_uses(ValueId from, ValueId to);
  /// One line a node, for --dump-graph and error messages.
  [[nodiscard]] std::string to_text() const;
};

}  // namespace tarsier::graph
