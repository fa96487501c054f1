// Between the files of the TensorFlow Lite importer. It writes a file's operators as TensorFlow's, where the
// two mean the same, and leaves the rest (layouts, names, the graph) to tf_importer.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Generated from tflite.fbs.
#include "import/tf_importer.hpp"
#include "import/tflite_generated.h"

namespace tarsier::import {

/// The element type that a tensor of the file has in the graph; empty for strings, resources, complex
/// numbers. Halves and doubles become kF32, as they do in every importer.
std::optional<DType> tflite_type(tflite::TensorType type);

/// The extents, checked: an error where they are negative or their product is beyond 2^31 - 1.
Result<Shape> tflite_shape(const tflite::Tensor& tensor);
/// The bytes of the tensor in the file; empty where it is computed, an error where they lie outside it.
Result<std::span<const std::byte>> tflite_bytes(const tflite::Model& model, const tflite::Tensor& tensor,
                                                std::span<const std::byte> file);
/// The stored constant, sparse ones spread out. `dequantise`: as real numbers by its scales and zero points.
Result<Tensor> read_tflite_constant(const tflite::Tensor& tensor, std::span<const std::byte> bytes,
                                    bool dequantise);
/// An element of 64 bits: the format's verifier lets vectors of them lie at multiples of 4.
int64_t tflite_element(const flatbuffers::Vector<int64_t>& values, uint32_t index);
/// Whether integers of this tensor stand for real numbers.
bool is_quantised(const tflite::Tensor& tensor);

/// One operator of the file on its way to a TfNode.
class TfliteOperator {
 public:
  /// What the translation of an operator needs of the file's reader.
  class Context {
   public:
    virtual ~Context() = default;
    /// A reference to a constant that the file does not have.
    virtual std::string constant(Tensor tensor) = 0;
    /// A reference to the operand as numbers: de-quantised where it is quantised; "" where it is absent.
    virtual Result<std::string> operand(size_t index) = 0;
    /// The same, with the operand's integers as they are stored.
    virtual Result<std::string> stored_operand(size_t index) = 0;
    /// Another graph of the file; its inputs and outputs are those that the file lists, in their order.
    virtual Result<std::shared_ptr<graph::Graph>> body(int32_t index) = 0;
    /// The operand's value where the file has it; null where it is computed or absent.
    virtual const Tensor* value(size_t index) = 0;
  };

  TfliteOperator(const tflite::Operator& op, std::string op_name, std::vector<const tflite::Tensor*> operands,
                 std::vector<const tflite::Tensor*> results, Context& reader)
      : name(std::move(op_name)),
        inputs(std::move(operands)),
        outputs(std::move(results)),
        context(reader),
        op_(op) {}

  std::string name;                           // "CONV_2D"; of a custom operator, its own name
  std::vector<const tflite::Tensor*> inputs;  // null: absent
  std::vector<const tflite::Tensor*> outputs;
  Context& context;
  // What the translation fills in; `inputs` of the node are the operands in their order where it names none.
  TfNode node;
  tflite::Activation activation = tflite::Activation::NONE;

  /// Null where the file has none or those of another operator.
  template <class Options>
  [[nodiscard]] const Options* options() const {
    return op_.builtin_options_as<Options>();
  }
  [[nodiscard]] std::span<const uint8_t> custom_options() const {
    const auto* bytes = op_.custom_options();
    return bytes == nullptr ? std::span<const uint8_t>() : std::span(bytes->data(), bytes->size());
  }
  /// Extents of an operand or a result ({} where it is absent); they were checked before.
  [[nodiscard]] Shape input_shape(size_t index) const;
  [[nodiscard]] Shape output_shape(size_t index) const;
  /// Appends all operands to the node's inputs.
  Status add_operands();
  /// The operator of this name in TensorFlow, operands as they are; true.
  Result<bool> becomes(const char* tf_name);

 private:
  const tflite::Operator& op_;
};

/// By the operator's name: writes it as a node of TensorFlow's; false where it can't be expressed.
using TfliteTranslations = std::unordered_map<std::string_view, Result<bool> (*)(TfliteOperator& op)>;
void add_layer_translations(TfliteTranslations& table);      // tflite_layers.cpp
void add_control_translations(TfliteTranslations& table);    // tflite_control.cpp
void add_detection_translations(TfliteTranslations& table);  // tflite_detection.cpp

/// Writes the operator as a node of TensorFlow's; false where it can't be expressed.
Result<bool> translate_tflite(TfliteOperator& op);
/// "CONV_2D" of 3.
std::string tflite_operator_name(int32_t code);

void add_control_operators(TfOperators& table);
void add_detection_operators(TfOperators& table);
/// TensorFlow's operators and those that TensorFlow Lite has alone.
TfOperators tflite_operators();

}  // namespace tarsier::import
