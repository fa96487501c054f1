// Between the files that read TensorFlow.js graph models.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "import/tf_importer.hpp"

namespace tarsier::import {

using Json = nlohmann::ordered_json;  // keeps the order of the signature's outputs

/// Every weight of the manifest, de-quantised, by name.
Result<std::unordered_map<std::string, graph::Tensor>> read_tfjs_weights(const Json& manifest,
                                                                         const std::filesystem::path& folder);

/// The attributes of a node as the GraphDef's JSON has them. Like tfjs_shape(), it throws what nlohmann::json
/// or std::stoll throws at damage.
std::map<std::string, TfAttribute, std::less<>> read_tfjs_attributes(const Json& json);
/// A TensorShapeProto, -1 for what is not known; {} where the rank is not known either.
graph::Shape tfjs_shape(const Json& json);

}  // namespace tarsier::import
