// TensorFlow.js graph models: a GraphDef as JSON beside its weight shards.
#include <algorithm>

#include "core/file.hpp"
#include "import/foreign.hpp"
#include "import/import.hpp"
#include "import/tf_importer.hpp"
#include "import/tfjs_detail.hpp"

namespace tarsier::import {
namespace {

std::string without_zero(std::string name) {
  if (name.ends_with(":0")) name.resize(name.size() - 2);
  return name;
}

/// What the signature tells about an input where its node does not.
void complete_placeholder(TfNode& node, const Json* info) {
  if (info == nullptr) return;
  if (node.integers("shape").empty() && info->contains("tensorShape"))
    node.attributes["shape"] = tfjs_shape(info->at("tensorShape"));
  if (node.type("dtype").empty()) node.attributes["dtype"] = info->value("dtype", std::string());
}

TfModel read_topology(const Json& model) {
  TfModel out;
  std::unordered_map<std::string, const Json*> signature_inputs;
  const Json* signature = nullptr;
  for (const Json* holder : {&model, &model.at("modelTopology")})
    if (const auto found = holder->find("signature"); signature == nullptr && found != holder->end())
      signature = &*found;
  if (signature != nullptr && signature->is_object()) {
    if (const auto inputs = signature->find("inputs"); inputs != signature->end())
      for (const auto& [key, info] : inputs->items())
        signature_inputs[without_zero(info.value("name", key))] = &info;
    if (const auto outputs = signature->find("outputs"); outputs != signature->end())
      for (const auto& [key, info] : outputs->items()) {
        const std::string name = info.value("name", key);
        out.outputs.push_back({name, without_zero(name)});
      }
  }
  std::unordered_set<std::string> read;
  for (const Json& json : model.at("modelTopology").at("node")) {
    TfNode node;
    node.name = json.at("name").get<std::string>();
    node.op = json.at("op").get<std::string>();
    if (const auto attributes = json.find("attr"); attributes != json.end())
      node.attributes = read_tfjs_attributes(*attributes);
    if (const auto inputs = json.find("input"); inputs != json.end())
      for (const Json& input : *inputs) {
        auto reference = input.get<std::string>();
        if (reference.starts_with('^')) continue;  // order only
        read.insert(tf_split_key(tf_output_key(reference)).first);
        node.inputs.push_back(std::move(reference));
      }
    if (node.op == "Placeholder") {
      const auto info = signature_inputs.find(node.name);
      complete_placeholder(node, info == signature_inputs.end() ? nullptr : info->second);
    }
    out.nodes.push_back(std::move(node));
  }
  if (out.outputs.empty())
    for (const TfNode& node : out.nodes)  // no signature: what nobody reads
      if (!read.contains(node.name) && node.op != "NoOp" && node.op != "Const" && node.op != "Placeholder")
        out.outputs.push_back({node.name, node.name});
  return out;
}

}  // namespace

Result<graph::Graph> load_tfjs(const std::filesystem::path& model_json) {
  const std::string shown = model_json.string();
  TARSIER_TRY(const std::vector<std::byte> bytes, read_file(model_json));
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const Json model = Json::parse(text, text + bytes.size(), nullptr, false);
  if (model.is_discarded()) {
    if (const auto kind = foreign_kind(bytes); !kind.empty())
      return input_error("{}: is {}, not a TensorFlow.js model", shown, kind);
    return input_error("{}: is truncated, or not JSON; fetch it again", shown);
  }
  const auto has = [](const Json& json, const char* key) { return json.is_object() && json.contains(key); };
  if (has(model, "modelTopology") && has(model["modelTopology"], "model_config"))
    return input_error("{}: is a TensorFlow.js layers model; convert it to a graph model", shown);
  if (!has(model, "modelTopology") || !has(model, "weightsManifest") || !has(model["modelTopology"], "node"))
    return input_error(
        "{}: is JSON, but not a TensorFlow.js graph model (no modelTopology and weightsManifest)", shown);
  // What is checked above is the outline; a damaged inside shows as a missing key or a wrong type.
  try {
    auto weights = read_tfjs_weights(model["weightsManifest"], model_json.parent_path());
    if (!weights.ok()) return weights.error().in(shown);
    TfModel read = read_topology(model);
    read.name = model_json.stem().string();
    read.constants = *std::move(weights);
    unroll_tf_loops(read);
    static const TfOperators kOperators = tf_operators();
    auto imported = TfImporter(std::move(read), kOperators).run();
    if (!imported.ok()) return imported.error().in(shown);
    return imported;
  } catch (const std::exception& error) {  // nlohmann::json and what is thrown here
    return input_error("{}: is a damaged TensorFlow.js model ({}); fetch it again", shown, error.what());
  }
}

}  // namespace tarsier::import
