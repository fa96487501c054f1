// Einsum, written out in Transpose, Reshape, ReduceSum, MatMul and Mul: operands are taken in from left to
// right, and what no later operand or the result names is summed over as soon as it can be.
#include <algorithm>
#include <cctype>
#include <map>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

/// A letter of the equation, or an axis that an ellipsis stands for: kEllipsis + its distance from the end.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = 1000;

bool contains(const Labels& labels, Label label) {
  return std::ranges::find(labels, label) != labels.end();
}

/// A value and what its axes are called; no label twice.
struct Operand {
  ValueId value = kNone;
  Labels labels;
  Shape shape;

  [[nodiscard]] int64_t extent(Label label) const {
    const auto at = std::ranges::find(labels, label);
    return at == labels.end() ? 1 : shape[size_t(at - labels.begin())];
  }
};

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
  bool has_output = false;
};

Result<Equation> parse(const std::string& text) {
  std::string dense;
  for (const char c : text)
    if (c != ' ') dense += c;
  Equation equation;
  std::string left = dense;
  if (const size_t arrow = dense.find("->"); arrow != std::string::npos) {
    left = dense.substr(0, arrow);
    equation.output = dense.substr(arrow + 2);
    equation.has_output = true;
  }
  for (size_t from = 0;;) {
    const size_t comma = left.find(',', from);
    equation.inputs.push_back(left.substr(from, comma - from));
    if (comma == std::string::npos) break;
    from = comma + 1;
  }
  return equation;
}

/// The labels of a term whose ellipsis stands for `ellipsis_rank` axes.
Result<Labels> labels_of(const std::string& term, size_t ellipsis_rank) {
  Labels labels;
  bool seen = false;
  for (size_t i = 0; i < term.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(term[i])) != 0) {
      labels.push_back(term[i]);
    } else if (term.compare(i, 3, "...") == 0 && !seen) {
      for (size_t d = ellipsis_rank; d-- > 0;) labels.push_back(kEllipsis + Label(d));
      seen = true;
      i += 2;
    } else {
      return input_error("term '{}' of the equation", term);
    }
  }
  return labels;
}

class Einsum : public Composite {
 public:
  Einsum() : Composite("Einsum", 1, 64) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    TARSIER_TRY(const Equation equation, parse(builder.node().text("equation", "")));
    const size_t count = builder.node().inputs.size();
    if (equation.inputs.size() != count)
      return input_error("{} terms in the equation for {} operands", equation.inputs.size(), count);
    std::vector<Operand> operands;
    size_t widest = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::string& term = equation.inputs[i];
      const Shape& shape = builder.shape(i);
      const bool open = term.find("...") != std::string::npos;
      const size_t letters = term.size() - (open ? 3 : 0);
      if (shape.size() < letters || (!open && shape.size() != letters))
        return input_error("term '{}' for an operand of shape {}", term, graph::to_string(shape));
      const size_t rank = shape.size() - letters;
      widest = std::max(widest, rank);
      TARSIER_TRY(Labels labels, labels_of(term, rank));
      operands.push_back({builder.input(i), std::move(labels), shape});
    }
    for (Operand& operand : operands) TARSIER_CHECK(take_diagonals(builder, operand));
    TARSIER_TRY(const Labels result, output_labels(equation, widest));
    for (const Label label : result)
      if (std::ranges::none_of(operands, [&](const Operand& o) { return contains(o.labels, label); }))
        return input_error("the result has an axis that no operand has");

    Operand sum = operands[0];
    for (size_t i = 0; i < count; ++i) {
      // What is named later must stay.
      Labels later = result;
      for (size_t j = i + 1; j < count; ++j)
        later.insert(later.end(), operands[j].labels.begin(), operands[j].labels.end());
      if (i > 0) {
        TARSIER_TRY(sum, multiply(builder, sum, operands[i], later));
      }
      Labels gone;
      for (const Label label : sum.labels)
        if (!contains(later, label)) gone.push_back(label);
      sum = reduced(builder, sum, gone);
    }
    builder.set_output(0, arranged(builder, sum, result));
    return {};
  }

 private:
  /// Implicit results: the axes of ellipses, then the letters that occur once, in order.
  static Result<Labels> output_labels(const Equation& equation, size_t widest) {
    if (equation.has_output) {
      TARSIER_TRY(Labels labels, labels_of(equation.output, widest));
      for (size_t i = 0; i < labels.size(); ++i)
        if (std::count(labels.begin(), labels.end(), labels[i]) > 1)
          return input_error("the result '{}' names an axis twice", equation.output);
      return labels;
    }
    std::map<char, int> seen;
    for (const std::string& term : equation.inputs)
      for (const char c : term)
        if (c != '.') ++seen[c];
    Labels labels;
    for (size_t d = widest; d-- > 0;) labels.push_back(kEllipsis + Label(d));
    for (const auto& [letter, times] : seen)
      if (times == 1) labels.push_back(letter);
    return labels;
  }

  /// Axes of the same label become one: their diagonal.
  static Status take_diagonals(NodeBuilder& builder, Operand& operand) {
    for (size_t first = 0; first < operand.labels.size(); ++first) {
      const Label label = operand.labels[first];
      while (std::count(operand.labels.begin(), operand.labels.end(), label) > 1) {
        const size_t second =
            size_t(std::find(operand.labels.begin() + int64_t(first) + 1, operand.labels.end(), label) -
                   operand.labels.begin());
        const int64_t extent = operand.shape[first];
        if (operand.shape[second] != extent)
          return input_error("a diagonal of {}", graph::to_string(operand.shape));
        // The two axes side by side, seen as one of extent * extent; every (extent + 1)-th element is kept.
        std::vector<int64_t> perm;
        for (size_t d = 0; d < operand.labels.size(); ++d) {
          if (d != second) perm.push_back(int64_t(d));
          if (d == first) perm.push_back(int64_t(second));
        }
        const ValueId moved = builder.transpose(operand.value, perm);
        operand.labels.erase(operand.labels.begin() + int64_t(second));
        operand.shape.erase(operand.shape.begin() + int64_t(second));
        Shape flat = operand.shape;
        flat[first] = extent * extent;
        std::vector<int64_t> picks;
        for (int64_t i = 0; i < extent; ++i) picks.push_back(i * (extent + 1));
        operand.value = builder.add("Gather", {builder.reshape(moved, flat), builder.ints(picks)},
                                    {{"axis", int64_t(first)}});
      }
    }
    return {};
  }

  static Operand reduced(NodeBuilder& builder, const Operand& operand, const Labels& gone) {
    if (gone.empty()) return operand;
    Operand left;
    std::vector<int64_t> axes;
    for (size_t d = 0; d < operand.labels.size(); ++d) {
      if (contains(gone, operand.labels[d])) {
        axes.push_back(int64_t(d));
      } else {
        left.labels.push_back(operand.labels[d]);
        left.shape.push_back(operand.shape[d]);
      }
    }
    left.value = builder.add("ReduceSum", {operand.value, builder.ints(axes)}, {{"keepdims", int64_t{0}}});
    return left;
  }

  /// The operand with its axes in the order of `labels`, all of which it has.
  static ValueId arranged(NodeBuilder& builder, const Operand& operand, const Labels& labels) {
    std::vector<int64_t> perm;
    for (const Label label : labels)
      perm.push_back(std::ranges::find(operand.labels, label) - operand.labels.begin());
    if (std::ranges::is_sorted(perm)) return operand.value;
    return builder.transpose(operand.value, perm);
  }

  /// The product of two operands, summed over what both have and nothing `later` names.
  static Result<Operand> multiply(NodeBuilder& builder, Operand a, Operand b, const Labels& later) {
    Labels alone_a, alone_b, summed_a, summed_b;
    for (const Label label : a.labels) {
      if (contains(later, label)) continue;
      // Summed over where it is an axis of extent 1 in the other, or none: that needs no product.
      if (b.extent(label) == 1) summed_a.push_back(label);
    }
    for (const Label label : b.labels)
      if (!contains(later, label) && a.extent(label) == 1) summed_b.push_back(label);
    a = reduced(builder, a, summed_a);
    b = reduced(builder, b, summed_b);

    Labels batch, summed;
    int64_t products = 1;
    for (const Label label : a.labels) {
      if (!contains(b.labels, label)) {
        alone_a.push_back(label);
        continue;
      }
      const int64_t left = a.extent(label), right = b.extent(label);
      if (left != right && left != 1 && right != 1)
        return input_error("shapes {} and {} don't fit the equation", graph::to_string(a.shape),
                           graph::to_string(b.shape));
      (contains(later, label) ? batch : summed).push_back(label);
      if (contains(later, label)) products *= left == 1 ? right : left;
    }
    for (const Label label : b.labels)
      if (!contains(a.labels, label)) alone_b.push_back(label);
    const auto joined = [](Labels first, const Labels& second, const Labels& third) {
      first.insert(first.end(), second.begin(), second.end());
      first.insert(first.end(), third.begin(), third.end());
      return first;
    };
    const auto extents = [](const Operand& operand, const Labels& labels) {
      Shape shape;
      for (const Label label : labels) shape.push_back(operand.extent(label));
      return shape;
    };
    Operand out;
    out.labels = joined(batch, alone_a, alone_b);
    for (const Label label : out.labels) {
      const int64_t left = a.extent(label);
      out.shape.push_back(left == 1 ? b.extent(label) : left);
    }
    // The device takes 65535 products at most in one go.
    if (summed.empty() || products > 65535) {
      const Labels all = joined(out.labels, summed, {});
      const auto aligned = [&](const Operand& operand) {
        Labels own;
        for (const Label label : all)
          if (contains(operand.labels, label)) own.push_back(label);
        return builder.reshape(arranged(builder, operand, own), extents(operand, all));
      };
      Operand product{builder.add("Mul", {aligned(a), aligned(b)}), all, out.shape};
      for (const Label label : summed) product.shape.push_back(a.extent(label));
      return reduced(builder, product, summed);
    }
    const auto volume = [](const Shape& shape) { return graph::element_count(shape); };
    Shape left = extents(a, batch), right = extents(b, batch);
    const int64_t k = volume(extents(a, summed));
    left.insert(left.end(), {volume(extents(a, alone_a)), k});
    right.insert(right.end(), {k, volume(extents(b, alone_b))});
    const ValueId product =
        builder.add("MatMul", {builder.reshape(arranged(builder, a, joined(batch, alone_a, summed)), left),
                               builder.reshape(arranged(builder, b, joined(batch, summed, alone_b)), right)});
    out.value = builder.reshape(product, out.shape);
    return out;
  }
};

}  // namespace

void register_einsum(Registry& registry) {
  registry.add(std::make_unique<Einsum>());
}

}  // namespace tarsier::kernels
