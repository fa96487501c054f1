// TensorFlow Lite models: a FlatBuffer with the operators of one or more graphs in execution order.
//
// Quantised tensors are read as real numbers: constants here, activations by a DequantizeLinear before the
// operator and a QuantizeLinear behind it. Every operator then is one on floats, and rounding to the stored
// integers happens where the file says.
#include <algorithm>

#include "core/file.hpp"
#include "import/foreign.hpp"
#include "import/import.hpp"
#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

/// The graphs of a file, each read once however many operators run it.
class TfliteGraphs {
 public:
  TfliteGraphs(const tflite::Model& model, std::span<const std::byte> file) : model_(model), file_(file) {}

  Result<std::shared_ptr<graph::Graph>> read(size_t index, const std::string& name);
  [[nodiscard]] const tflite::Model& model() const { return model_; }
  [[nodiscard]] std::span<const std::byte> file() const { return file_; }
  /// Tensors may share bytes, and sparse ones and variables have more than their bytes: a small file must not
  /// fill the memory.
  Status claim(uint64_t bytes, const std::string& tensor) {
    constexpr uint64_t kFreeBytes = uint64_t{64} << 20, kMostBytesPerByte = 64;
    constant_bytes_ += bytes;
    if (constant_bytes_ <= kFreeBytes + kMostBytesPerByte * file_.size()) return {};
    return input_error("tensor '{}' and those before claim {} bytes of constants; the file is damaged",
                       tensor, constant_bytes_);
  }

 private:
  const tflite::Model& model_;
  std::span<const std::byte> file_;
  std::map<size_t, std::shared_ptr<graph::Graph>> done_;  // null: being read
  size_t open_ = 0;                                       // how many are being read, one inside the other
  uint64_t constant_bytes_ = 0;
};

class TfliteReader {
 public:
  TfliteReader(TfliteGraphs& graphs, const tflite::SubGraph& graph)
      : graphs_(graphs), model_(graphs.model()), graph_(graph), file_(graphs.file()) {}

  Result<TfModel> run() {
    const size_t count = graph_.tensors() == nullptr ? 0 : graph_.tensors()->size();
    tensors_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      State& state = tensors_[i];
      state.tensor = graph_.tensors()->Get(static_cast<uint32_t>(i));
      TARSIER_TRY(state.shape, tflite_shape(*state.tensor));
      TARSIER_TRY(state.bytes, tflite_bytes(model_, *state.tensor, file_));
    }
    TARSIER_CHECK(read_inputs());
    if (graph_.operators() != nullptr)
      for (const auto* op : *graph_.operators()) TARSIER_CHECK(read_operator(*op));
    TARSIER_CHECK(read_outputs());
    return std::move(out_);
  }

 private:
  struct State {
    const tflite::Tensor* tensor = nullptr;
    Shape shape;
    std::span<const std::byte> bytes;  // of a constant
    std::string stored;                // reference to the value as the file has it; "": not computed yet
    std::string numbers;               // reference to its numbers, where it is quantised
    std::optional<Tensor> constant;
  };

  /// What an operator's translation asks of the file.
  class Operands : public TfliteOperator::Context {
   public:
    Operands(TfliteReader& reader, const tflite::Operator& op, const std::string& name)
        : reader_(reader), op_(op), name_(name) {}
    std::string constant(Tensor tensor) override { return reader_.add_constant(name_, std::move(tensor)); }
    Result<std::string> operand(size_t index) override {
      const int32_t tensor = tensor_of(index);
      return tensor < 0 ? Result<std::string>(std::string()) : reader_.read_numbers(size_t(tensor));
    }
    Result<std::string> stored_operand(size_t index) override {
      const int32_t tensor = tensor_of(index);
      return tensor < 0 ? Result<std::string>(std::string()) : reader_.read_stored(size_t(tensor));
    }
    Result<std::shared_ptr<graph::Graph>> body(int32_t index) override {
      if (index < 0) return input_error("graph {} is not in the file; it is damaged", index);
      return reader_.graphs_.read(static_cast<size_t>(index), fmt::format("{}/graph{}", name_, index));
    }
    const Tensor* value(size_t index) override {
      const int32_t tensor = tensor_of(index);
      return tensor < 0 ? nullptr : reader_.constant_of(size_t(tensor));
    }

   private:
    [[nodiscard]] int32_t tensor_of(size_t index) const {  // checked by the reader
      return op_.inputs() == nullptr || index >= op_.inputs()->size() ? -1
                                                                      : op_.inputs()->Get(uint32_t(index));
    }
    TfliteReader& reader_;
    const tflite::Operator& op_;
    const std::string& name_;
  };

  std::string unique_name(const std::string& wanted) {
    std::string name = wanted;
    for (size_t& i = repeats_[wanted]; !names_.insert(name).second;) name = fmt::format("{}.{}", wanted, ++i);
    return name;
  }

  /// A name that is no reference to an output of another node: "x:1" is the second output of x.
  std::string tensor_name(size_t index) {
    const auto* name = tensors_[index].tensor->name();
    std::string text = name == nullptr || name->size() == 0 ? fmt::format("tensor{}", index) : name->str();
    if (tf_output_key(text) == text) text += '_';
    return text;
  }

  std::string add_node(TfNode node) {
    std::string name = node.name;
    out_.nodes.push_back(std::move(node));
    return name;
  }

  std::string add_constant(const std::string& wanted, Tensor tensor) {
    TfNode node;
    node.name = unique_name(wanted + "/constant");
    node.op = "Const";
    out_.constants.insert_or_assign(node.name, std::move(tensor));
    return add_node(std::move(node));
  }

  /// The constant that a tensor holds: by its bytes, or because it is a variable (of zeros, at the start) or
  /// empty. Null where it is computed.
  Result<const Tensor*> load_constant(size_t index, bool numbers) {
    State& state = tensors_[index];
    if (state.constant) return &*state.constant;
    const auto elements = static_cast<uint64_t>(graph::element_count(state.shape));
    const bool variable = state.bytes.empty() && state.tensor->is_variable();
    if (state.bytes.empty() && !variable && elements != 0) return nullptr;
    const auto type = numbers ? std::optional(DType::kF32) : tflite_type(state.tensor->type());
    TARSIER_CHECK(graphs_.claim(elements * (type ? graph::size_of(*type) : 1), tensor_name(index)));
    if (variable && type) {
      state.constant = Tensor(graph::TensorDesc{*type, state.shape});
    } else {
      TARSIER_TRY(state.constant, read_tflite_constant(*state.tensor, state.bytes, numbers));
    }
    return &*state.constant;
  }

  /// Null where the tensor is computed or can't be read (which read_stored() reports).
  const Tensor* constant_of(size_t index) {
    State& state = tensors_[index];
    if (!state.stored.empty() && !state.constant) return nullptr;
    const auto found = load_constant(index, false);
    return found.ok() ? *found : nullptr;
  }

  Result<std::string> read_stored(size_t index) {
    State& state = tensors_[index];
    if (!state.stored.empty()) return state.stored;
    TARSIER_TRY(const Tensor* constant, load_constant(index, false));
    if (constant == nullptr)
      return input_error("reads tensor '{}' before it is computed; the file is damaged", tensor_name(index));
    state.stored = add_constant(tensor_name(index), *constant);
    return state.stored;
  }

  Result<std::string> read_numbers(size_t index) {
    State& state = tensors_[index];
    // 32-bit integers have a scale as biases of quantised convolutions, all of them constants.
    const bool wide = state.tensor->type() == tflite::TensorType::INT32 ||
                      state.tensor->type() == tflite::TensorType::INT64;
    if (!is_quantised(*state.tensor) || (wide && state.bytes.empty())) return read_stored(index);
    if (!state.numbers.empty()) return state.numbers;
    if (state.stored.empty()) {
      state.constant.reset();
      TARSIER_TRY(const Tensor* constant, load_constant(index, true));
      if (constant == nullptr)
        return input_error("reads tensor '{}' before it is computed; the file is damaged",
                           tensor_name(index));
      state.numbers = add_constant(tensor_name(index), *constant);
      state.constant.reset();
      return state.numbers;
    }
    TARSIER_TRY(TfNode node, rescaling(index, "DequantizeLinear", tensor_name(index) + "/numbers"));
    node.inputs.insert(node.inputs.begin(), state.stored);
    state.numbers = add_node(std::move(node));
    return state.numbers;
  }

  /// A node between stored integers and numbers, but for the value that it reads.
  Result<TfNode> rescaling(size_t index, const char* op, const std::string& wanted) {
    const State& state = tensors_[index];
    const auto& quantization = *state.tensor->quantization();
    const auto type = tflite_type(state.tensor->type());
    if (quantization.scale()->size() != 1 || !type)
      return input_error("tensor '{}' is an activation with a scale for each slice, which is not supported",
                         tensor_name(index));
    const auto* zeros = quantization.zero_point();
    const int64_t zero = zeros == nullptr || zeros->size() == 0 ? 0 : tflite_element(*zeros, 0);
    Tensor point(graph::TensorDesc{*type, {}});
    if (*type == DType::kI8)
      point.as_mutable<int8_t>()[0] = static_cast<int8_t>(std::clamp<int64_t>(zero, -128, 127));
    else if (*type == DType::kU8)
      point.as_mutable<uint8_t>()[0] = static_cast<uint8_t>(std::clamp<int64_t>(zero, 0, 255));
    else if (*type == DType::kI16)
      point.as_mutable<int16_t>()[0] = static_cast<int16_t>(std::clamp<int64_t>(zero, -32768, 32767));
    const float scale = quantization.scale()->Get(0);
    TfNode node;
    node.name = unique_name(wanted);
    node.op = op;
    node.inputs = {add_constant(node.name, Tensor::f32({}, std::span(&scale, 1))),
                   add_constant(node.name, std::move(point))};
    node.ranks = {static_cast<int>(state.shape.size())};
    return node;
  }

  Status read_inputs() {
    if (graph_.inputs() == nullptr) return {};
    for (const int32_t index : *graph_.inputs()) {
      TARSIER_CHECK(check_index(index, "the graph"));
      State& state = tensors_[static_cast<size_t>(index)];
      const auto type = tflite_type(state.tensor->type());
      const std::string name = tensor_name(static_cast<size_t>(index));
      if (!type)
        return input_error("input '{}' has an element type ({}) that is not supported", name,
                           static_cast<int>(state.tensor->type()));
      if (!state.stored.empty()) return input_error("input '{}' is listed twice; the file is damaged", name);
      TfNode node;
      node.name = unique_name(name);
      node.op = "Placeholder";
      node.attributes["dtype"] = tf_type_name(*type);
      node.attributes["shape"] = state.shape;
      state.bytes = {};
      state.stored = add_node(std::move(node));
    }
    return {};
  }

  Status check_index(int32_t index, std::string_view reader) const {
    if (index >= 0 && static_cast<size_t>(index) < tensors_.size()) return {};
    return input_error("{} names tensor {}, which is not in the file; it is damaged", reader, index);
  }

  Result<std::string> operator_name(const tflite::Operator& op) const {
    const auto* codes = model_.operator_codes();
    if (codes == nullptr || op.opcode_index() >= codes->size())
      return input_error("an operator has code number {}, which is not in the file; it is damaged",
                         op.opcode_index());
    const auto* code = codes->Get(op.opcode_index());
    const int32_t number = std::max<int32_t>(code->builtin_code(), code->deprecated_builtin_code());
    std::string name = tflite_operator_name(number);
    if (name == "CUSTOM") return code->custom_code() == nullptr ? "CUSTOM" : code->custom_code()->str();
    return name;
  }

  Status read_operator(const tflite::Operator& op) {
    TARSIER_TRY(const std::string type, operator_name(op));
    std::vector<const tflite::Tensor*> inputs, outputs;
    std::vector<size_t> results;
    if (op.outputs() != nullptr)
      for (const int32_t index : *op.outputs()) {
        TARSIER_CHECK(check_index(index, type));
        results.push_back(static_cast<size_t>(index));
        outputs.push_back(tensors_[static_cast<size_t>(index)].tensor);
      }
    if (results.empty()) return {};  // nothing can read it
    const std::string name = tensor_name(results[0]);
    const std::string where = fmt::format("node {} ({})", name, type);
    if (op.inputs() != nullptr)
      for (const int32_t index : *op.inputs()) {
        if (index != -1) TARSIER_CHECK(check_index(index, where));
        inputs.push_back(index == -1 ? nullptr : tensors_[static_cast<size_t>(index)].tensor);
      }
    for (size_t i = 0; i < results.size(); ++i) {
      const State& state = tensors_[results[i]];
      if (!state.stored.empty() || std::ranges::count(results, results[i]) > 1)
        return input_error("{} computes tensor '{}', which is there already; the file is damaged", where,
                           tensor_name(results[i]));
    }
    Operands operands(*this, op, name);
    TfliteOperator translated(op, type, std::move(inputs), std::move(outputs), operands);
    auto expressed = translate_tflite(translated);
    if (!expressed.ok()) return expressed.error().in(where);
    if (!*expressed) {  // kept under its own name: the graph's check reports all of them at once
      translated.node = {};
      translated.node.op = "tflite." + type;
      translated.activation = tflite::Activation::NONE;
      if (auto added = translated.add_operands(); !added.ok()) return added.error().in(where);
    }
    auto written = write_results(std::move(translated.node), translated.activation, results);
    if (!written.ok()) return written.error().in(where);
    return {};
  }

  /// The node under the names of its results, then its activation, then the rounding to what is stored.
  Status write_results(TfNode node, tflite::Activation activation, const std::vector<size_t>& results) {
    static constexpr const char* kActivations[] = {"", "Relu", "ReluN1To1", "Relu6", "Tanh", "Sign"};
    const auto which = static_cast<size_t>(activation);
    if (which >= std::size(kActivations))
      return input_error("it has activation {}, which is not known", which);
    const bool keeps_type =
        node.op == "Cast" || node.op == "If" || node.op == "While" || node.op.starts_with("tflite.");
    for (const size_t index : results) node.ranks.push_back(static_cast<int>(tensors_[index].shape.size()));
    const auto rounded = [&](size_t index) {
      const auto type = tensors_[index].tensor->type();
      return !keeps_type && is_quantised(*tensors_[index].tensor) && type != tflite::TensorType::INT32 &&
             type != tflite::TensorType::INT64;
    };
    const std::string name = tensor_name(results[0]);
    const bool last = which == 0 && !rounded(results[0]);
    node.name = unique_name(last ? name : name + "/linear");
    const std::string base = add_node(std::move(node));
    for (size_t i = 0; i < results.size(); ++i) {
      State& state = tensors_[results[i]];
      std::string value = i == 0 ? base : fmt::format("{}:{}", base, i);
      if (which != 0) {
        TfNode active;
        active.op = kActivations[which];
        active.name = unique_name(rounded(results[i]) ? name + "/active" : name);
        active.inputs = {value};
        active.ranks = {static_cast<int>(state.shape.size())};
        value = add_node(std::move(active));
      }
      if (rounded(results[i])) {
        TARSIER_TRY(TfNode stored, rescaling(results[i], "QuantizeLinear", tensor_name(results[i])));
        stored.inputs.insert(stored.inputs.begin(), value);
        value = add_node(std::move(stored));
      }
      state.stored = value;
      state.constant.reset();
      state.bytes = {};
    }
    return {};
  }

  Status read_outputs() {
    if (graph_.outputs() == nullptr || graph_.outputs()->size() == 0)
      return input_error("has no outputs; the file is damaged");
    std::unordered_set<std::string> taken;
    for (const int32_t index : *graph_.outputs()) {
      TARSIER_CHECK(check_index(index, "the list of outputs"));
      TARSIER_TRY(std::string reference, read_stored(static_cast<size_t>(index)));
      std::string name = tensor_name(static_cast<size_t>(index));
      while (!taken.insert(name).second) name += '_';
      out_.outputs.push_back({std::move(reference), std::move(name)});
    }
    return {};
  }

  TfliteGraphs& graphs_;
  const tflite::Model& model_;
  const tflite::SubGraph& graph_;
  std::span<const std::byte> file_;
  std::vector<State> tensors_;
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, size_t> repeats_;
  TfModel out_;
};

Result<std::shared_ptr<graph::Graph>> TfliteGraphs::read(size_t index, const std::string& name) {
  if (model_.subgraphs() == nullptr || index >= model_.subgraphs()->size())
    return input_error("graph {} is not in the file; it is damaged", index);
  constexpr size_t kDeepest = 32;
  if (open_ == kDeepest) return input_error("its graphs run each other {} deep; the file is damaged", open_);
  const auto [at, is_new] = done_.try_emplace(index);
  if (!is_new && at->second == nullptr)
    return input_error("graph {} runs itself; the file is damaged", index);
  if (!is_new) return at->second;
  ++open_;
  TARSIER_TRY(TfModel model,
              TfliteReader(*this, *model_.subgraphs()->Get(static_cast<uint32_t>(index))).run());
  model.name = name;
  static const TfOperators kOperators = tflite_operators();
  TARSIER_TRY(graph::Graph imported, TfImporter(std::move(model), kOperators).run());
  --open_;
  return at->second = std::make_shared<graph::Graph>(std::move(imported));
}

}  // namespace

Result<graph::Graph> load_tflite(const std::filesystem::path& path) {
  const std::string shown = path.string();
  TARSIER_TRY(const std::vector<std::byte> file, read_file(path));
  const auto* bytes = reinterpret_cast<const uint8_t*>(file.data());
  if (file.size() < 8 || !tflite::ModelBufferHasIdentifier(bytes)) {
    if (const auto kind = foreign_kind(file); !kind.empty())
      return input_error("{}: is {}, not a TensorFlow Lite model", shown, kind);
    return input_error("{}: is no TensorFlow Lite model", shown);
  }
  // Large files hold data behind the FlatBuffer, which the verifier then takes as part of it.
  flatbuffers::Verifier verifier(bytes, std::min<size_t>(file.size(), FLATBUFFERS_MAX_BUFFER_SIZE - 1));
  if (!tflite::VerifyModelBuffer(verifier))
    return input_error("{}: is a truncated or damaged TensorFlow Lite model; fetch it again", shown);
  const tflite::Model& model = *tflite::GetModel(bytes);
  if (model.version() != 3)
    return input_error("{}: is of version {} of the format; version 3 is supported", shown, model.version());
  auto imported = TfliteGraphs(model, file).read(0, path.stem().string());
  if (!imported.ok()) return imported.error().in(shown);
  return std::move(**imported);
}

}  // namespace tarsier::import
