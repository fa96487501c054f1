#include "record/session_layers.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base64.hpp"

namespace tarsier::record {
namespace {

using Json = nlohmann::ordered_json;
using infer::LayerDigest;
using pipeline::NetworkRun;
static_assert(sizeof(LayerDigest) == 16, "as the format has it: hash, mean, largest");

/// Whether a is further from b than the fraction `by` of the larger one.
bool apart(float a, float b, double by) {
  return std::abs(double(a) - double(b)) > by * std::max(std::abs(double(a)), std::abs(double(b)));
}

bool differ(const LayerDigest& a, const LayerDigest& b, double by) {
  if (by <= 0) return a.hash != b.hash;
  return apart(a.mean, b.mean, by) || apart(a.largest, b.largest, by);
}

}  // namespace

void LayerLines::append(std::string& out, uint64_t frame_id, std::span<const NetworkRun> runs) {
  Json line = {{"id", frame_id}, {"runs", Json::array()}};
  for (const NetworkRun& run : runs) {
    const auto same = [&](const auto& one) {
      return one.first == run.network && (one.second == run.layers || *one.second == *run.layers);
    };
    auto known = std::ranges::find_if(known_, same);
    if (known == known_.end()) {
      known = known_.emplace(known_.end(), run.network, run.layers);
      const Json names = {{"network", run.network}, {"layers", *run.layers}};
      out += names.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    line["runs"].push_back({known - known_.begin(), base64(std::as_bytes(std::span(run.digests)))});
  }
  out += line.dump() + "\n";
}

Result<std::optional<std::vector<NetworkRun>>> SessionLayers::next() {
  std::string text;
  while (std::getline(in_, text) && !in_.eof()) {  // at the end without a break: not written to its end
    ++line_;
    const auto wrong = [&](std::string_view why) {
      return input_error("{}:{}: is no line of layers: {}", file_, line_, why);
    };
    try {
      const Json line = Json::parse(text);
      if (line.contains("network")) {
        known_.push_back({.network = line["network"].get<std::string>(),
                          .layers = std::make_shared<const std::vector<std::string>>(
                              line.at("layers").get<std::vector<std::string>>()),
                          .digests = {}});
        continue;
      }
      std::vector<NetworkRun> runs;
      for (const Json& one : line.at("runs")) {
        const auto number = one.at(0).get<size_t>();
        if (number >= known_.size()) return wrong("there is no such network before it");
        NetworkRun& run = runs.emplace_back(known_[number]);
        const auto bytes = from_base64(one.at(1).get<std::string>());
        if (!bytes.ok()) return wrong(bytes.error().message);
        run.digests.resize(run.layers->size());
        if (bytes->size() != run.digests.size() * sizeof(LayerDigest))
          return wrong("it has another number of layers than its network");
        std::memcpy(run.digests.data(), bytes->data(), bytes->size());
      }
      return std::optional(std::move(runs));
    } catch (const Json::exception& error) {
      return wrong(error.what());
    }
  }
  return std::optional<std::vector<NetworkRun>>();
}

std::optional<LayerDifference> first_difference(std::span<const NetworkRun> was,
                                                std::span<const NetworkRun> is, double by) {
  std::vector<bool> used(is.size());
  for (const NetworkRun& run : was) {
    size_t other = 0;  // the execution of the same turn
    while (other < is.size() && (used[other] || is[other].network != run.network)) ++other;
    if (other == is.size()) continue;
    used[other] = true;
    const auto &names = *run.layers, &others = *is[other].layers;
    for (size_t i = 0, k = 0; i < names.size(); ++i) {
      const auto found = std::find(others.begin() + std::ptrdiff_t(k), others.end(), names[i]);
      if (found == others.end()) continue;
      k = size_t(found - others.begin());
      const LayerDigest &one = run.digests[i], &two = is[other].digests[k++];
      if (differ(one, two, by)) return LayerDifference{run.network, names[i], i, names.size(), one, two};
    }
  }
  return std::nullopt;
}

}  // namespace tarsier::record
