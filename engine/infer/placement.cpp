#include "infer/placement.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "infer/device_tensor.hpp"

namespace tarsier::infer {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Layout;
using graph::Node;
using graph::Shape;
using graph::Value;
using graph::ValueId;

// Kernels may load and store 16 bytes at a time.
constexpr uint64_t kLoadAlignment = 16;

/// Byte distance of one step along `axis` where slices along it are contiguous; empty where they are not.
std::optional<uint64_t> contiguous_step(const Value& value, size_t axis) {
  const Shape& shape = value.desc.shape;
  if (axis >= shape.size()) return {};
  for (size_t d = 0; d < axis; ++d) {
    if (shape[d] != 1) return {};
  }
  if (value.layout == Layout::kLinear) {
    uint64_t step = 4;
    for (size_t d = axis + 1; d < shape.size(); ++d) step *= uint64_t(shape[d]);
    return step;
  }
  if (axis != 1) return {};  // along the batch, groups of different images would be one block: rare, left out
  return uint64_t(shape[2] * shape[3]) * (value.storage == graph::DType::kF16 ? 2 : 4);
}

/// Byte offset of index `start` along the axis; empty where a slice there can't be addressed on its own.
std::optional<uint64_t> slice_offset(const Value& whole, size_t axis, int64_t start) {
  const auto step = contiguous_step(whole, axis);
  if (!step) return {};
  if (whole.layout == Layout::kC4 && start % 4 != 0) return {};
  const uint64_t offset = *step * uint64_t(start);
  if (offset % kLoadAlignment != 0) return {};
  return offset;
}

/// In kC4 a slice must own its last group, or reach the end of the whole: else its padding channels are not
/// zero.
bool owns_last_group(const Value& whole, const Value& part, int64_t start) {
  if (whole.layout != Layout::kC4) return true;
  const int64_t channels = part.desc.shape[1];
  return channels % 4 == 0 || start + channels == whole.desc.shape[1];
}

size_t axis_of(const Node& node, int64_t fallback, size_t rank) {
  const int64_t axis = node.integer("axis", fallback);
  return size_t(axis < 0 ? axis + int64_t(rank) : axis);
}

bool same_form(const Value& a, const Value& b) {
  return a.layout == b.layout && a.storage == b.storage;
}

/// Where a Slice starts, if it cuts one axis in steps of 1.
std::optional<std::pair<size_t, int64_t>> single_slice(const Graph& graph, const Node& node) {
  const auto ints = [&](size_t index, std::string_view attribute) -> std::optional<std::vector<int64_t>> {
    if (index < node.inputs.size() && node.inputs[index] != kNone) {
      const auto* tensor = graph.constant(node.inputs[index]);
      if (tensor == nullptr) return {};
      return tensor->to_ints();
    }
    return node.integers(attribute);
  };
  const auto starts = ints(1, "starts");
  const auto axes = ints(3, "axes");
  const auto steps = ints(4, "steps");
  if (!starts || !axes || !steps) return {};
  if (std::ranges::any_of(*steps, [](int64_t step) { return step != 1; })) return {};
  const Shape& in = graph.shape(node.inputs[0]);
  const Shape& out = graph.shape(node.outputs[0]);
  std::optional<size_t> cut;
  for (size_t d = 0; d < in.size(); ++d) {
    if (in[d] == out[d]) continue;
    if (cut) return {};
    cut = d;
  }
  if (!cut) return std::pair(size_t(0), int64_t(0));
  for (size_t k = 0; k < starts->size(); ++k) {
    int64_t axis = axes->empty() ? int64_t(k) : (*axes)[k];
    if (axis < 0) axis += int64_t(in.size());
    if (size_t(axis) != *cut) continue;
    int64_t start = (*starts)[k];
    if (start < 0) start += in[*cut];
    return std::pair(*cut, std::clamp<int64_t>(start, 0, in[*cut]));
  }
  return {};
}

/// A transposition that moves only extents of 1 leaves the order of the elements alone.
bool keeps_order(const Graph& graph, const Node& node) {
  const Shape& in = graph.shape(node.inputs[0]);
  std::vector<int64_t> perm = node.integers("perm");
  if (perm.empty()) {
    for (size_t d = in.size(); d-- > 0;) perm.push_back(int64_t(d));
  }
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (in[size_t(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

class Placer {
 public:
  Placer(const Graph& graph, const kernels::Registry& kernels, const PlacementOptions& options)
      : graph_(graph), kernels_(kernels), options_(options), groups_(graph.values.size()) {
    out_.values.resize(graph.values.size());
    out_.elided.assign(graph.nodes.size(), false);
    out_.scratch.assign(graph.nodes.size(), -1);
  }

  Placement run() {
    find_lifetimes();
    for (size_t n = 0; n < graph_.nodes.size(); ++n) place_views(n);
    if (options_.reuse) {
      for (size_t n = 0; n < graph_.nodes.size(); ++n) place_concat(n);
      for (size_t n = 0; n < graph_.nodes.size(); ++n) place_in_place(n);
    }
    make_blocks();
    return std::move(out_);
  }

 private:
  /// Values that share memory form a tree; the root's lifetime is that of all.
  struct Group {
    ValueId parent = kNone;
    uint64_t offset = 0;  // in the parent
    bool live = false;    // lies in activation memory at all
    bool boundary = false;
    int first = 0, last = 0;
  };
  struct Found {
    ValueId root;
    uint64_t offset;
  };

  Group& group(ValueId id) { return groups_[size_t(id)]; }

  Found find(ValueId id) {
    uint64_t offset = 0;
    while (group(id).parent != kNone) {
      offset += group(id).offset;
      id = group(id).parent;
    }
    return {id, offset};
  }

  uint64_t bytes(ValueId id) const { return device_bytes(graph_.value(id)); }
  bool on_device(ValueId id) { return id != kNone && group(id).live; }

  void join(ValueId child_root, ValueId parent, uint64_t offset) {
    Group& child = group(child_root);
    child.parent = parent;
    child.offset = offset;
    Group& root = group(find(parent).root);
    root.first = std::min(root.first, child.first);
    root.last = std::max(root.last, child.last);
    root.boundary |= child.boundary;
  }

  void find_lifetimes() {
    const int end = int(graph_.nodes.size());
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const auto& node = graph_.nodes[n];
      for (const ValueId output : node.outputs) {
        if (output != kNone) group(output) = {.live = true, .first = int(n), .last = int(n)};
      }
      for (const ValueId input : node.inputs) {
        if (input != kNone) group(input).last = int(n);
      }
      for (const auto& post : node.post) {
        if (post.operand != kNone) group(post.operand).last = int(n);
      }
    }
    for (const ValueId input : graph_.inputs)
      group(input) = {.live = true, .boundary = true, .first = 0, .last = end};
    for (const ValueId output : graph_.outputs) {
      auto& value = group(output);
      value.boundary = true;
      value.last = end;
      if (graph_.constant(output) != nullptr)
        value = {.live = true, .boundary = true, .first = 0, .last = end};
    }
  }

  void place_views(size_t n) {
    const Node& node = graph_.nodes[n];
    // Post-ops make it more than a view.
    if (node.inputs.empty() || node.outputs.empty() || !on_device(node.inputs[0]) || !node.post.empty())
      return;
    if (graph_.constant(node.inputs[0]) != nullptr) return;
    const ValueId in = node.inputs[0];
    const Value& source = graph_.value(in);
    std::vector<uint64_t> offsets(node.outputs.size(), 0);
    if (node.op == "Split") {
      const size_t axis = axis_of(node, 0, source.desc.shape.size());
      int64_t start = 0;
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        if (node.outputs[i] == kNone) return;
        const Value& part = graph_.value(node.outputs[i]);
        const auto offset = slice_offset(source, axis, start);
        if (!offset || !same_form(source, part) || !owns_last_group(source, part, start)) return;
        offsets[i] = *offset;
        start += part.desc.shape[axis];
      }
    } else if (node.op == "Slice") {
      const auto cut = single_slice(graph_, node);
      if (!cut) return;
      const Value& part = graph_.value(node.outputs[0]);
      const auto offset = slice_offset(source, cut->first, cut->second);
      if (!offset || !same_form(source, part) || !owns_last_group(source, part, cut->second)) return;
      offsets[0] = *offset;
    } else if (!is_plain_view(node)) {
      return;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNone) join(node.outputs[i], in, offsets[i]);
    }
    out_.elided[n] = true;
  }

  bool is_plain_view(const Node& node) const {
    const Value& from = graph_.value(node.inputs[0]);
    const Value& to = graph_.value(node.outputs[0]);
    if (node.outputs.size() > 1 && node.outputs[1] != kNone) return false;
    if (node.op == "ToC4" || node.op == "ToLinear") {
      if (node.integer("channels_last", 0) != 0) return false;
      // 1 x 1 planes: blocks of channels are the channels in order.
      const Shape& shape = from.desc.shape;
      const bool whole_groups = shape[1] % 4 == 0;
      return from.storage == to.storage && shape[2] * shape[3] == 1 &&
             (whole_groups || (shape[0] == 1 && node.op == "ToLinear"));
    }
    if (!same_form(from, to)) return false;
    if (node.op == "Identity") return from.desc == to.desc;
    if (from.layout != Layout::kLinear) return false;
    if (node.op == "Transpose") return keeps_order(graph_, node);
    return node.op == "Reshape" || node.op == "Flatten" || node.op == "Squeeze" || node.op == "Unsqueeze";
  }

  void place_concat(size_t n) {
    const Node& node = graph_.nodes[n];
    if (node.op != "Concat" || !node.post.empty()) return;
    const ValueId out = node.outputs[0];
    const Value& whole = graph_.value(out);
    const size_t axis = axis_of(node, 0, whole.desc.shape.size());
    struct Member {
      ValueId root;
      uint64_t offset;
    };
    std::vector<Member> members;
    std::set<ValueId> roots{find(out).root};
    int64_t start = 0;
    for (const ValueId input : node.inputs) {
      if (!on_device(input) || graph_.constant(input) != nullptr) return;
      const Value& part = graph_.value(input);
      const auto [root, inside] = find(input);
      const auto offset = slice_offset(whole, axis, start);
      if (!offset || !same_form(whole, part) || !owns_last_group(whole, part, start)) return;
      if (inside != 0 || bytes(root) != bytes(input) || group(root).boundary) return;
      if (!roots.insert(root).second) return;  // the same memory twice
      members.push_back({root, *offset});
      start += part.desc.shape[axis];
    }
    for (const auto& member : members) join(member.root, out, member.offset);
    out_.elided[n] = true;
  }

  void place_in_place(size_t n) {
    const Node& node = graph_.nodes[n];
    if (out_.elided[n] || node.outputs.size() != 1) return;
    const auto* kernel = kernels_.find(node.op);
    const int index = kernel == nullptr ? -1 : kernel->in_place_input(graph_, node);
    if (index < 0 || size_t(index) >= node.inputs.size()) return;
    const ValueId in = node.inputs[size_t(index)];
    const ValueId out = node.outputs[0];
    if (!on_device(in) || graph_.constant(in) != nullptr) return;
    const auto [root, offset] = find(in);
    if (find(out).root != out || offset != 0 || bytes(root) != bytes(out) || group(root).boundary) return;
    if (!same_form(graph_.value(in), graph_.value(out)) || bytes(in) != bytes(out)) return;
    if (group(root).last > int(n)) return;
    const ValueId shared = root;  // Clang before 16 captures no structured binding
    const auto shares = [&](ValueId other) { return on_device(other) && find(other).root == shared; };
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (int(i) != index && shares(node.inputs[i])) return;
    }
    for (const auto& post : node.post) {
      if (shares(post.operand)) return;
    }
    join(out, root, 0);
  }

  void make_blocks() {
    const int end = int(graph_.nodes.size());
    std::vector<int> block_of(graph_.values.size(), -1);
    for (size_t id = 0; id < groups_.size(); ++id) {
      if (!groups_[id].live) continue;
      out_.unaliased_bytes += bytes(ValueId(id));
      if (groups_[id].parent != kNone) continue;
      block_of[id] = int(out_.blocks.size());
      const uint64_t size =
          std::max(bytes(ValueId(id)), kLoadAlignment);  // an empty tensor has an address too
      const Group& root = groups_[id];
      out_.blocks.push_back(options_.reuse ? MemoryBlock{size, root.first, root.last}
                                           : MemoryBlock{size, 0, end});
      out_.block_owner.push_back(ValueId(id));
    }
    for (size_t id = 0; id < groups_.size(); ++id) {
      if (!groups_[id].live) continue;
      const auto [root, offset] = find(ValueId(id));
      out_.values[id] = {block_of[size_t(root)], offset};
    }
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const auto& node = graph_.nodes[n];
      const auto* kernel = kernels_.find(node.op);
      const uint64_t scratch = out_.elided[n] || kernel == nullptr ? 0 : kernel->scratch_bytes(graph_, node);
      if (scratch == 0) continue;
      out_.scratch[n] = int(out_.blocks.size());
      out_.blocks.push_back(options_.reuse ? MemoryBlock{scratch, int(n), int(n)}
                                           : MemoryBlock{scratch, 0, end});
      out_.block_owner.push_back(kNone);
    }
  }

  const Graph& graph_;
  const kernels::Registry& kernels_;
  PlacementOptions options_;
  std::vector<Group> groups_;  // by ValueId
  Placement out_;
};

}  // namespace

Placement place_values(const Graph& graph, const kernels::Registry& kernels,
                       const PlacementOptions& options) {
  return Placer(graph, kernels, options).run();
}

}  // namespace tarsier::infer
