#include "app/node_places.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tarsier::app {

using graph::Graph;
using graph::kNone;
using graph::Node;

namespace {

std::set<std::string> names_of(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes) names.insert(node.name);
  return names;
}

/// Names of nodes from which an output can be reached.
std::set<std::string> needed(const Graph& graph) {
  std::set<graph::ValueId> read(graph.outputs.begin(), graph.outputs.end());
  std::set<std::string> names;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (std::ranges::none_of(node->outputs, [&](auto id) { return read.contains(id); })) continue;
    names.insert(node->name);
    read.insert(node->inputs.begin(), node->inputs.end());
  }
  return names;
}

/// Which node of the plan first computes what a node of `folded` computes, or what is made of it.
class Successors {
 public:
  Successors(const Graph& folded, const Graph& planned) : folded_(folded) {
    for (const Node& node : planned.nodes)
      for (const auto id : node.outputs)
        if (id != kNone) makers_[planned.value(id).name] = node.name;
    for (const Node& node : folded.nodes) {
      nodes_[node.name] = &node;
      for (const auto id : node.inputs) readers_[id].push_back(&node);
    }
  }

  [[nodiscard]] std::string of(const std::string& name) const {
    const auto start = nodes_.find(name);
    if (start == nodes_.end()) return {};
    std::vector<const Node*> queue = {start->second};
    std::set<const Node*> seen(queue.begin(), queue.end());
    for (size_t at = 0; at < queue.size(); ++at)
      for (const auto id : queue[at]->outputs) {
        if (id == kNone) continue;
        if (const auto maker = makers_.find(folded_.value(id).name); maker != makers_.end())
          return maker->second;
        const auto readers = readers_.find(id);
        if (readers == readers_.end()) continue;
        for (const Node* reader : readers->second)
          if (seen.insert(reader).second) queue.push_back(reader);
      }
    return {};
  }

 private:
  const Graph& folded_;
  std::map<std::string, std::string> makers_;  // by the name of the value
  std::map<std::string, const Node*> nodes_;
  std::map<graph::ValueId, std::vector<const Node*>> readers_;
};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::vector<NodePlace> node_places(const Graph& imported, const Graph& folded, const Graph& planned) {
  const auto kept = names_of(folded), own = names_of(planned), used = needed(imported);
  // A composed operator lives on in nodes named NAME/...
  const auto parts_run = [&](const std::string& name) {
    const auto next = own.lower_bound(name + "/");
    return next != own.end() && next->starts_with(name + "/");
  };
  const Successors successors(folded, planned);
  std::vector<NodePlace> places;
  for (const Node& node : imported.nodes) {
    std::string place = "device, in another node", inside;
    if (own.contains(node.name)) {
      place = "device";
    } else if (parts_run(node.name)) {
      place = "device, in parts";
    } else if (!used.contains(node.name)) {
      place = "nowhere";
    } else if (!kept.contains(node.name)) {
      place = "host, when planned";
    } else {
      inside = successors.of(node.name);
    }
    places.push_back({node.name, node.op, std::move(place), std::move(inside)});
  }
  return places;
}

std::string to_dot(const Graph& graph) {
  std::string text =
      fmt::format("digraph {} {{\n  node [shape=box, fontname=\"sans-serif\"];\n", quoted(graph.name));
  const auto value_name = [](graph::ValueId id) { return fmt::format("v{}", id); };
  for (const auto id : graph.inputs)
    text +=
        fmt::format("  {} [shape=ellipse, label={}];\n", value_name(id),
                    quoted(fmt::format("{} {}", graph.value(id).name, graph::to_string(graph.shape(id)))));
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    std::string label = node.op;
    for (const auto& post : node.post) label += post.operand == kNone ? " +" : " + operand";
    if (!node.outputs.empty() && node.outputs[0] != kNone)
      label += fmt::format(" {}", graph::to_string(graph.shape(node.outputs[0])));
    text += fmt::format("  n{} [label={}, tooltip={}];\n", n, quoted(label), quoted(node.name));
  }
  const auto edge = [&](graph::ValueId id, const std::string& to) {
    if (id == kNone || graph.constant(id) != nullptr) return;
    const auto producer = graph.value(id).producer;
    text +=
        fmt::format("  {} -> {};\n", producer == kNone ? value_name(id) : fmt::format("n{}", producer), to);
  };
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const auto id : graph.nodes[n].inputs) edge(id, fmt::format("n{}", n));
    for (const auto& post : graph.nodes[n].post) edge(post.operand, fmt::format("n{}", n));
  }
  for (const auto id : graph.outputs) {
    text += fmt::format("  o{} [shape=ellipse, label={}];\n", id, quoted(graph.value(id).name));
    edge(id, fmt::format("o{}", id));
  }
  return text + "}\n";
}

}  // namespace tarsier::app
