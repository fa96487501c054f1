// Attributes of a GraphDef written as JSON: integers may be strings, strings are base64, defaults are left
// out.
#include "import/tfjs_detail.hpp"

namespace tarsier::import {
namespace {

std::string decode_base64(std::string_view text) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    const size_t digit = kAlphabet.find(c == '-' ? '+' : c == '_' ? '/' : c);
    if (digit == std::string_view::npos) return std::string(text);  // some converters write plain text
    bits = (bits << 6) | static_cast<uint32_t>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>((bits >> held) & 0xFF));
    }
  }
  return out;
}

std::string text_of(const Json& json) {
  // "NHWC" and other words are valid base64 by accident: converters that write plain text write these words.
  static const std::unordered_set<std::string> kPlain = {"NHWC", "NCHW", "SAME", "VALID", "EXPLICIT"};
  if (json.is_array()) {  // character codes
    std::string out;
    for (const Json& code : json) out.push_back(static_cast<char>(code.get<int>()));
    return out;
  }
  const auto text = json.get<std::string>();
  return kPlain.contains(text) ? text : decode_base64(text);
}

int64_t integer_of(const Json& json) {
  return json.is_string() ? std::stoll(json.get<std::string>()) : json.get<int64_t>();
}

/// types.proto of TensorFlow
std::string type_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  switch (json.get<int>()) {
    case 1:
      return "DT_FLOAT";
    case 3:
      return "DT_INT32";
    case 4:
      return "DT_UINT8";
    case 5:
      return "DT_INT16";
    case 6:
      return "DT_INT8";
    case 9:
      return "DT_INT64";
    case 10:
      return "DT_BOOL";
    default:
      return fmt::format("type {}", json.get<int>());
  }
}

/// Empty for a kind that no operator here reads (functions, tensors, lists of floats).
std::optional<TfAttribute> attribute_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto of = [&json](const char* kind) {
    const auto found = json.find(kind);
    return found == json.end() ? nullptr : &*found;
  };
  if (const Json* value = of("i")) return integer_of(*value);
  if (const Json* value = of("f"))
    return value->is_string() ? std::stof(value->get<std::string>()) : value->get<float>();
  if (const Json* value = of("b")) return value->get<bool>();
  if (const Json* value = of("s")) return text_of(*value);
  if (const Json* value = of("type")) return type_of(*value);
  if (const Json* value = of("shape")) return tfjs_shape(*value);
  const Json* list = of("list");
  if (list == nullptr || !list->is_object()) return std::nullopt;
  if (list->contains("s")) {
    std::vector<std::string> texts;
    for (const Json& text : list->at("s")) texts.push_back(text_of(text));
    return texts;
  }
  std::vector<int64_t> integers;
  if (list->contains("i"))
    for (const Json& value : list->at("i")) integers.push_back(integer_of(value));
  return integers;
}

}  // namespace

Shape tfjs_shape(const Json& json) {
  Shape shape;
  const auto dims = json.find("dim");
  if (dims == json.end()) return shape;
  for (const Json& dim : *dims) {
    const auto size = dim.find("size");
    const int64_t extent = size == dim.end() ? -1 : integer_of(*size);
    shape.push_back(extent > 0 ? extent : -1);
  }
  return shape;
}

std::map<std::string, TfAttribute, std::less<>> read_tfjs_attributes(const Json& json) {
  std::map<std::string, TfAttribute, std::less<>> attributes;
  if (!json.is_object()) return attributes;
  for (const auto& [key, value] : json.items())
    if (auto attribute = attribute_of(value)) attributes[key] = *std::move(attribute);
  return attributes;
}

}  // namespace tarsier::import
