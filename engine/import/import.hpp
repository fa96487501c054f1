// Model files -> graph::Graph. The only folder that knows model formats.
//
// What the rest of the engine may rely on, whatever the file was:
//  - Operators are ONNX's in the form of the newest opset (axes, pads, steps, ... are inputs, not
//  attributes),
//    plus FloorDiv (rounds down, as Python's //) and NonMaxSuppressionBounded. Older forms are translated
//    here, so a kernel sees one.
//  - Floating-point tensors are f32 (half, bfloat16, float8 and double are converted), unsigned 16/32-bit
//    integers become the next wider signed type, those of 2 or 4 bits bytes (graph/element_type.hpp). The
//    attributes `to` of Cast and `output_dtype` of QuantizeLinear are ONNX's TensorProto.DataType numbers and
//    name the file's type.
//  - Nodes are in execution order; every node has a name.
//  - Operators that nobody here knows are kept under their own name: infer_shapes reports them all at once.
#pragma once

#include <filesystem>

#include "graph/graph.hpp"

namespace tarsier::import {

/// Reads a model by what it is: ONNX (.onnx), TensorFlow Lite (.tflite) or a TensorFlow.js graph model (its
/// model.json beside the weight shards). Errors (kInput): missing, truncated or foreign file; an element type
/// that is not supported.
Result<graph::Graph> load_model(const std::filesystem::path& path);

/// External data files are read from the model's own folder and nowhere else.
Result<graph::Graph> load_onnx(const std::filesystem::path& path);
/// One serialised TensorProto (the .pb files that ONNX test data come in).
Result<graph::Tensor> load_onnx_tensor(const std::filesystem::path& path);
/// NHWC graph inputs and outputs keep their shape; inside, activations are NCHW with transposes only where a
/// layout-bound operator (Reshape, TopK, ...) reads them.
Result<graph::Graph> load_tfjs(const std::filesystem::path& model_json);
/// The first graph of the file; layouts as with load_tfjs(). Weights in halves become floats; quantised
/// activations are de-quantised before and quantised behind every operator.
Result<graph::Graph> load_tflite(const std::filesystem::path& path);

}  // namespace tarsier::import
