// Model files -> graph::Graph. The only folder that knows model formats.
#pragma once

#include <filesystem>

#include "graph/graph.hpp"

namespace tarsier::import {

/// Reads a model by what it is: ONNX (.onnx) or a TensorFlow.js graph model (its model.json beside the weight
/// shards). Errors (kInput): missing, truncated or foreign file; an element type that is not supported.
Result<graph::Graph> load_model(const std::filesystem::path& path);

Result<graph::Graph> load_onnx(const std::filesystem::path& path);
/// NHWC graph inputs and outputs keep their shape; inside, activations are NCHW with transposes only where a
/// layout-bound operator (Reshape, TopK, ...) reads them.
Result<graph::Graph> load_tfjs(const std::filesystem::path& model_json);

}  // namespace tarsier::import
