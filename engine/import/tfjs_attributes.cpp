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

}  // namespace

const Json* TfNode::attribute(const char* key, const char* kind) const {
  if (attributes == nullptr) return nullptr;
  const auto found = attributes->find(key);
  if (found == attributes->end() || !found->is_object()) return nullptr;
  const auto value = found->find(kind);
  return value == found->end() ? nullptr : &*value;
}

int64_t TfNode::integer(const char* key, int64_t fallback) const {
  const Json* value = attribute(key, "i");
  if (value == nullptr) return fallback;
  return integer_of(*value);
}

float TfNode::real(const char* key, float fallback) const {
  const Json* value = attribute(key, "f");
  if (value == nullptr) return fallback;
  return value->is_string() ? std::stof(value->get<std::string>()) : value->get<float>();
}

bool TfNode::flag(const char* key) const {
  const Json* value = attribute(key, "b");
  return value != nullptr && value->get<bool>();
}

std::string TfNode::text(const char* key, const char* fallback) const {
  const Json* value = attribute(key, "s");
  return value == nullptr ? fallback : text_of(*value);
}

std::string TfNode::type(const char* key) const {
  const Json* value = attribute(key, "type");
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  // types.proto of TensorFlow
  switch (value->get<int>()) {
    case 1:
      return "DT_FLOAT";
    case 3:
      return "DT_INT32";
    case 4:
      return "DT_UINT8";
    case 9:
      return "DT_INT64";
    case 10:
      return "DT_BOOL";
    default:
      return fmt::format("type {}", value->get<int>());
  }
}

std::vector<int64_t> TfNode::integers(const char* key) const {
  std::vector<int64_t> values;
  const Json* list = attribute(key, "list");
  if (list == nullptr || !list->contains("i")) return values;
  for (const Json& value : list->at("i")) values.push_back(integer_of(value));
  return values;
}

std::vector<std::string> TfNode::texts(const char* key) const {
  std::vector<std::string> values;
  const Json* list = attribute(key, "list");
  if (list == nullptr || !list->contains("s")) return values;
  for (const Json& value : list->at("s")) values.push_back(text_of(value));
  return values;
}

int64_t onnx_type_of(std::string_view tf_type) {
  if (tf_type == "DT_FLOAT" || tf_type == "DT_HALF" || tf_type == "DT_DOUBLE") return 1;
  if (tf_type == "DT_UINT8") return 2;
  if (tf_type == "DT_INT8") return 3;
  if (tf_type == "DT_INT16") return 5;
  if (tf_type == "DT_INT32") return 6;
  if (tf_type == "DT_INT64") return 7;
  if (tf_type == "DT_BOOL") return 9;
  return 0;
}

}  // namespace tarsier::import
