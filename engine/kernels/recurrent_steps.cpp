// RecurrentSteps, the IR operator that RNN, GRU and LSTM leave after their inputs were multiplied. Shader
// recurrent.comp: all directions and samples of the batch side by side, the state stays on the device. Either
// one dispatch walks all steps, a workgroup for each sample and direction; or there is a dispatch for each
// step (two for a GRU that resets before its product), which uses the whole device.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/recurrent.hpp"

namespace tarsier::kernels::recurrent {
namespace {

constexpr std::array<std::pair<std::string_view, Defaults>, 11> kFunctions{{
    {"relu", {}},
    {"tanh", {}},
    {"sigmoid", {}},
    {"affine", {1.0F, 0.0F}},
    {"leakyrelu", {0.01F, {}}},
    {"thresholdedrelu", {1.0F, {}}},
    {"scaledtanh", {1.0F, 1.0F}},
    {"hardsigmoid", {0.2F, 0.5F}},
    {"elu", {1.0F, {}}},
    {"softsign", {}},
    {"softplus", {}},
}};

struct Sizes {
  Cell cell = Cell::kRnn;
  int64_t steps = 0, batch = 0, hidden = 0, directions = 1;
  uint32_t reverse = 0;          // bit d: direction d walks from the end
  size_t gates = 1, stride = 1;  // of the weights of a unit: as many as gates, 4 for 3
  bool reset_after = false, input_forget = false;
  float clip = 0;
  size_t functions = 1;  // a direction

  [[nodiscard]] int64_t state() const { return directions * batch * hidden; }
  [[nodiscard]] bool two_phases() const { return cell == Cell::kGru && !reset_after; }
};

Result<Sizes> describe(const OpView& view) {
  const graph::Node& node = view.node();
  Sizes s;
  const int64_t cell = node.integer("cell", 0);
  if (cell < 0 || cell > 2) return input_error("cell={}", cell);
  s.cell = Cell(cell);
  s.gates = gates_of(s.cell);
  s.stride = s.gates == 3 ? 4 : s.gates;
  s.functions = s.cell == Cell::kRnn ? 1 : s.cell == Cell::kGru ? 2 : 3;
  s.reset_after = node.integer("linear_before_reset", 0) != 0;
  s.input_forget = node.integer("input_forget", 0) != 0;
  s.clip = node.real("clip", 0);
  const std::string direction = node.text("direction", "forward");
  s.directions = direction == "bidirectional" ? 2 : 1;
  s.reverse = direction == "reverse" ? 1 : direction == "bidirectional" ? 2 : 0;
  if (view.rank(0) != 3 || view.rank(1) != 4)
    return input_error("inputs {} and weights {}", graph::to_string(view.shape(0)),
                       graph::to_string(view.shape(1)));
  s.steps = view.shape(0)[0];
  s.batch = view.shape(0)[1];
  s.hidden = view.shape(1)[1];
  const Shape state{s.directions, s.batch, s.hidden};
  const auto fits = [&](size_t index, const Shape& wanted) {
    return !view.has(index) || view.shape(index) == wanted;
  };
  if (view.shape(0)[2] != s.directions * int64_t(s.gates) * s.hidden ||
      view.shape(1) != Shape{s.directions, s.hidden, s.hidden, int64_t(s.stride)} ||
      !fits(2, {s.directions, s.hidden}) || !fits(3, {s.batch}) || !fits(4, state) || !fits(5, state) ||
      !fits(6, {s.directions, 3 * s.hidden}))
    return input_error("operands don't fit {} steps, a batch of {}, {} directions of {} units", s.steps,
                       s.batch, s.directions, s.hidden);
  const size_t wanted = size_t(s.directions) * s.functions;
  if (node.integers("functions").size() != wanted || node.reals("alphas").size() != wanted ||
      node.reals("betas").size() != wanted)
    return input_error("{} activations are expected", wanted);
  if (s.steps == 0) return input_error("a sequence without steps");
  if (s.batch > 65535) return input_error("a batch of {} (65535 at most)", s.batch);
  return s;
}

/// The variants.
constexpr const char* kSequence = "sequence";
constexpr const char* kSteps = "steps";

bool reads(const graph::Node& node, size_t output) {
  return output < node.outputs.size() && node.outputs[output] != graph::kNone;
}

/// Inputs: what the steps add to R * h, [steps, batch, directions * gates * hidden]; R as [directions, hidden
/// (k), hidden (unit), gates], three gates padded to four; and where there, bias inside of a GRU's reset
/// [directions, hidden], lengths [batch], first h and c [directions, batch, hidden], peepholes [directions,
/// 3 * hidden]. Outputs as ONNX's without `layout`: Y [steps, directions, batch, hidden], Y_h, Y_c.
/// Attributes: `cell`, `direction`, `functions`, `alphas`, `betas` (all of direction 0, then 1), `clip` (0:
/// none), `linear_before_reset`, `input_forget`.
class RecurrentSteps : public Operator {
 public:
  RecurrentSteps() : Operator("RecurrentSteps", 2, 7) {}

  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    const auto s = describe(OpView(graph, node));
    return s ? uint64_t(buffer_bytes(*s)) * 5 : 0;
  }

  [[nodiscard]] std::vector<std::string> variants(const graph::Graph& graph, const graph::Node& node,
                                                  const gpu::DeviceFeatures& device) const override {
    const auto s = describe(OpView(graph, node));
    if (!s || s->steps == 1) return {};
    // A dispatch costs some microseconds (40 on the software device, which runs a workgroup on one core); in
    // that time a workgroup reads about so many weights.
    const int64_t weights = int64_t(s->stride) * s->hidden * s->hidden;
    const bool many = device.software && s->directions * s->batch > 1;
    if (many || weights <= (device.software ? 1 << 19 : 1 << 16)) return {kSequence, kSteps};
    return {kSteps, kSequence};
  }

  Status emit(Emitter& emitter) const override {
    const graph::Node& node = emitter.node();
    const OpView view(emitter.graph(), node);
    TARSIER_TRY(const Sizes s, describe(view));
    if (s.state() == 0) return {};
    struct Push {
      uint64_t projected, weights, bias, lengths, peepholes, parameters;
      uint64_t h_in, h_out, c_in, c_out, y, inner;
      uint32_t step, steps, batch, hidden, directions, reverse;
      float clip;
      uint32_t reserved = 0;
    } push{};
    static_assert(sizeof(Push) == 128);
    std::array<uint64_t, 7> in{};
    for (size_t i = 0; i < in.size(); ++i) {
      TARSIER_TRY(in[i], input_address(emitter, i, Layout::kLinear, false));
    }
    const auto functions = node.integers("functions");
    const auto alphas = node.reals("alphas"), betas = node.reals("betas");
    // [direction][3] pairs of alpha and beta; the functions' numbers, four bits each.
    std::array<float, 12> parameters{};
    uint32_t kinds = 0;
    for (int64_t d = 0; d < 2; ++d) {
      for (size_t f = 0; f < s.functions; ++f) {
        const size_t from = size_t(std::min(d, s.directions - 1)) * s.functions + f;
        parameters[(size_t(d) * 3 + f) * 2] = alphas[from];
        parameters[(size_t(d) * 3 + f) * 2 + 1] = betas[from];
        kinds |= uint32_t(functions[from]) << (4 * (size_t(d) * 3 + f));
      }
    }
    TARSIER_TRY(const Weights table, emitter.upload(std::as_bytes(std::span(parameters))));
    const uint64_t scratch = emitter.scratch(), buffer = buffer_bytes(s);
    const bool lstm = s.cell == Cell::kLstm;
    const uint64_t last_h = reads(node, 1) ? emitter.output(1).address : scratch;
    const uint64_t cells = lstm && reads(node, 2) ? emitter.output(2).address : scratch + 2 * buffer;
    push.projected = in[0];
    push.weights = in[1];
    push.bias = in[2];
    push.lengths = in[3];
    push.peepholes = in[6];
    push.parameters = table.address;
    push.y = reads(node, 0) ? emitter.output(0).address : 0;
    push.inner = scratch + 3 * buffer;
    push.steps = uint32_t(s.steps);
    push.batch = uint32_t(s.batch);
    push.hidden = uint32_t(s.hidden);
    push.directions = uint32_t(s.directions);
    push.reverse = s.reverse;
    push.clip = s.clip;
    const uint32_t flags = (push.lengths != 0 ? 1U : 0U) | (push.peepholes != 0 ? 2U : 0U) |
                           (s.clip > 0 ? 4U : 0U) | (s.input_forget ? 8U : 0U) | (push.bias != 0 ? 16U : 0U) |
                           (push.y != 0 ? 32U : 0U);
    const std::string& variant = node.variant;
    const auto names = variants(emitter.graph(), node, emitter.device());
    const bool sequence = !names.empty() && (variant.empty() ? names[0] : variant) == kSequence;
    if (!variant.empty() && variant != kSequence && variant != kSteps)
      return runtime_error("no variant '{}' for this node", variant);
    uint32_t width = is_narrow(emitter.device()) ? 16 : kLocalSize;
    if (sequence && !is_narrow(emitter.device()))
      width = uint32_t(std::min<int64_t>(emitter.device().max_workgroup, ceil_div(s.hidden, 64) * 64));
    std::array<uint32_t, 3> grid{uint32_t(ceil_div(s.hidden, width)), push.batch, push.directions};
    const std::vector<uint32_t> constants{
        uint32_t(s.cell),  s.two_phases() ? 1U : 0U, kinds, flags, width, s.hidden % 4 == 0 ? 1U : 0U,
        sequence ? 1U : 0U};
    push.c_out = cells;
    push.c_in = in[5];
    push.h_in = in[4];
    if (sequence) {
      grid[0] = 1;
      push.h_out = reads(node, 1) ? last_h : 0;
      emitter.dispatch("kernels/recurrent.comp", constants, push, grid);
      return {};
    }
    for (int64_t step = 0; step < s.steps; ++step) {
      push.step = uint32_t(step);
      if (step > 0) push.h_in = push.h_out;
      push.h_out = step + 1 == s.steps ? last_h : scratch + uint64_t(step % 2) * buffer;
      // Where the last state stays in scratch, it must not be the buffer that is read.
      if (push.h_out == push.h_in) push.h_out = scratch + buffer;
      if (step > 0) push.c_in = cells;
      for (uint32_t phase = constants[1]; phase <= constants[1] * 2; ++phase) {
        auto phased = constants;
        phased[1] = phase;
        emitter.dispatch("kernels/recurrent.comp", phased, push, grid, Dispatch::kNoWindow,
                         step > 0 || phase == 2);
      }
    }
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Sizes s, describe(view));
    const TensorDesc state{DType::kF32, {s.directions, s.batch, s.hidden}};
    return std::vector{TensorDesc{DType::kF32, {s.steps, s.directions, s.batch, s.hidden}}, state, state};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Sizes s, describe(view));
    const auto floats = [&](size_t index, int64_t count) {
      return view.has(index) ? view.floats(index) : std::vector<float>(size_t(count), 0.0F);
    };
    Walk walk{s,
              view.floats(0),
              view.floats(1),
              floats(2, s.directions * s.hidden),
              floats(6, s.directions * 3 * s.hidden),
              view.node().integers("functions"),
              view.node().reals("alphas"),
              view.node().reals("betas"),
              floats(4, s.state()),
              floats(5, s.state()),
              std::vector<float>(size_t(s.steps * s.state()), 0.0F)};
    const auto lengths = view.has(3) ? view.ints(3) : std::vector<int64_t>(size_t(s.batch), s.steps);
    for (int64_t d = 0; d < s.directions; ++d) {
      for (int64_t b = 0; b < s.batch; ++b) {
        const int64_t length = std::clamp<int64_t>(lengths[size_t(b)], 0, s.steps);
        for (int64_t step = 0; step < length; ++step)
          walk.step(d, b, ((s.reverse >> d) & 1U) != 0 ? length - 1 - step : step);
      }
    }
    store(outputs[0], walk.y);
    store(outputs[1], walk.h);
    store(outputs[2], walk.c);
    return {};
  }

 private:
  static int64_t buffer_bytes(const Sizes& s) { return ceil_div(s.state(), 4) * 16; }

  /// The host's walk, in double between roundings of the state.
  struct Walk {
    const Sizes& s;
    std::vector<float> projected, weights, bias, peepholes;
    std::vector<int64_t> functions;
    std::vector<float> alphas, betas;
    std::vector<float> h, c, y;

    /// Of a gate, whose input is clipped; the cell of an LSTM is not, as in ONNX Runtime.
    [[nodiscard]] double activate(int64_t d, size_t f, double x) const {
      return plain(d, f, s.clip > 0 ? std::clamp<double>(x, -s.clip, s.clip) : x);
    }
    [[nodiscard]] double plain(int64_t d, size_t f, double x) const {
      const size_t at = size_t(d) * s.functions + f;
      return evaluate(Function(functions[at]), x, alphas[at], betas[at]);
    }
    [[nodiscard]] double product(int64_t d, int64_t unit, size_t gate,
                                 const std::vector<double>& state) const {
      double sum = 0;
      for (int64_t k = 0; k < s.hidden; ++k)
        sum += state[size_t(k)] * weights[size_t((d * s.hidden + k) * s.hidden + unit) * s.stride + gate];
      return sum;
    }
    void step(int64_t d, int64_t b, int64_t time) {
      const auto units = size_t(s.hidden);
      const size_t at = size_t((d * s.batch + b) * s.hidden);
      const std::vector<double> before(h.begin() + int64_t(at), h.begin() + int64_t(at + units));
      const auto given = [&](size_t gate, size_t unit) {
        return double(projected[size_t((time * s.batch + b) * s.directions + d) * s.gates * units +
                                gate * units + unit]);
      };
      const auto gate = [&](size_t g, size_t unit) {
        return given(g, unit) + product(d, int64_t(unit), g, before);
      };
      std::vector<double> reset(units), update(units);
      if (s.cell == Cell::kGru) {
        for (size_t j = 0; j < units; ++j) {
          update[j] = activate(d, 0, gate(0, j));
          reset[j] = activate(d, 0, gate(1, j));
        }
      }
      std::vector<double> held(units);
      for (size_t j = 0; j < units; ++j) held[j] = reset[j] * before[j];
      for (size_t j = 0; j < units; ++j) {
        double next = 0;
        if (s.cell == Cell::kRnn) {
          next = activate(d, 0, gate(0, j));
        } else if (s.cell == Cell::kGru) {
          const double inside =
              s.reset_after ? reset[j] * (product(d, int64_t(j), 2, before) + bias[size_t(d) * units + j])
                            : product(d, int64_t(j), 2, held);
          next = (1 - update[j]) * activate(d, 1, given(2, j) + inside) + update[j] * before[j];
        } else {
          const double old = c[at + j];
          const auto peephole = [&](size_t which) {
            return double(peepholes[(size_t(d) * 3 + which) * units + j]);
          };
          const double in = activate(d, 0, gate(0, j) + peephole(0) * old);
          const double forget = s.input_forget ? 1 - in : activate(d, 0, gate(2, j) + peephole(2) * old);
          const double cell = forget * old + in * activate(d, 1, gate(3, j));
          next = activate(d, 0, gate(1, j) + peephole(1) * cell) * plain(d, 2, cell);
          c[at + j] = float(cell);
        }
        h[at + j] = float(next);
        y[size_t(((time * s.directions + d) * s.batch + b) * s.hidden) + j] = float(next);
      }
    }
  };
};

}  // namespace

std::optional<Function> function_of(std::string_view name) {
  std::string lower;
  for (const char c : name) lower += char(std::tolower(static_cast<unsigned char>(c)));
  const auto found = std::ranges::find(kFunctions, lower, [](const auto& entry) { return entry.first; });
  if (found == kFunctions.end()) return std::nullopt;
  return Function(found - kFunctions.begin());
}

Defaults defaults_of(Function function) {
  return kFunctions[size_t(function)].second;
}

double evaluate(Function function, double x, double alpha, double beta) {
  switch (function) {
    case Function::kRelu:
      return std::max(x, 0.0);
    case Function::kTanh:
      return std::tanh(x);
    case Function::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Function::kAffine:
      return alpha * x + beta;
    case Function::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case Function::kThresholdedRelu:
      return x > alpha ? x : 0;
    case Function::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case Function::kHardSigmoid:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case Function::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case Function::kSoftsign:
      return x / (1 + std::fabs(x));
    case Function::kSoftplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
  }
  return x;
}

void register_steps(Registry& registry) {
  registry.add(std::make_unique<RecurrentSteps>());
}

}  // namespace tarsier::kernels::recurrent
