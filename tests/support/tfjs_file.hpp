// A TensorFlow.js graph model under construction.
#pragma once

#include <string>
#include <vector>

#include "import/import.hpp"
#include "import/tfjs_detail.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::test {

using import::Json;

inline Json shape_json(const std::vector<int64_t>& extents) {
  Json dims = Json::array();
  for (const int64_t extent : extents) dims.push_back({{"size", std::to_string(extent)}});
  return {{"dim", dims}};
}

/// A model under construction.
struct TfjsFile {
  Json nodes = Json::array();
  Json weights = Json::array();
  std::string data;

  void input(const std::string& name, const std::vector<int64_t>& shape) {
    nodes.push_back(
        {{"name", name},
         {"op", "Placeholder"},
         {"attr", {{"dtype", {{"type", "DT_FLOAT"}}}, {"shape", {{"shape", shape_json(shape)}}}}}});
  }
  void node(const std::string& op, const std::string& name, const std::vector<std::string>& inputs,
            const Json& attributes = Json::object()) {
    nodes.push_back({{"name", name}, {"op", op}, {"input", inputs}, {"attr", attributes}});
  }
  template <class T>
  void constant(const std::string& name, const std::vector<int64_t>& shape, const std::vector<T>& values,
                const std::string& dtype, const Json& quantization = nullptr) {
    nodes.push_back({{"name", name}, {"op", "Const"}});
    Json entry = {{"name", name}, {"shape", shape}, {"dtype", dtype}};
    if (!quantization.is_null()) entry["quantization"] = quantization;
    weights.push_back(entry);
    data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  void ints(const std::string& name, const std::vector<int32_t>& values, bool scalar = false) {
    constant<int32_t>(name, scalar ? std::vector<int64_t>{} : std::vector<int64_t>{int64_t(values.size())},
                      values, "int32");
  }
  [[nodiscard]] Json json(const std::vector<std::string>& shards) const {
    return {{"format", "graph-model"},
            {"modelTopology", {{"node", nodes}}},
            {"weightsManifest", Json::array({{{"paths", shards}, {"weights", weights}}})}};
  }
  /// Writes the model with its weights cut into `shards` files.
  std::filesystem::path write(const TempFolder& folder, size_t shards = 1) const {
    std::vector<std::string> names;
    for (size_t i = 0; i < shards; ++i) {
      names.push_back("shard" + std::to_string(i) + ".bin");
      const size_t from = data.size() * i / shards, to = data.size() * (i + 1) / shards;
      folder.write(names.back(), std::string_view(data).substr(from, to - from));
    }
    return folder.write("model.json", json(names).dump());
  }
  Result<graph::Graph> load(size_t shards = 1) const {
    const TempFolder folder;
    return import::load_model(write(folder, shards));
  }
};

}  // namespace tarsier::test
