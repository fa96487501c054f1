#include "app/npy.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "core/file.hpp"
#include "core/text.hpp"

namespace tarsier::app {
namespace {

using graph::DType;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kHeaderAlignment = 64;
constexpr std::array kTypes = {
    std::pair{DType::kF16, std::string_view("<f2")},  std::pair{DType::kF32, std::string_view("<f4")},
    std::pair{DType::kF64, std::string_view("<f8")},  std::pair{DType::kU8, std::string_view("|u1")},
    std::pair{DType::kI8, std::string_view("|i1")},   std::pair{DType::kI16, std::string_view("<i2")},
    std::pair{DType::kI32, std::string_view("<i4")},  std::pair{DType::kI64, std::string_view("<i8")},
    std::pair{DType::kBool, std::string_view("|b1")},
};

/// What follows "'key':" in the header's dictionary, without leading blanks; empty where the key is missing.
std::string_view value_after(std::string_view header, std::string_view key) {
  const size_t at = header.find(fmt::format("'{}'", key));
  if (at == std::string_view::npos) return {};
  size_t begin = header.find(':', at);
  if (begin == std::string_view::npos) return {};
  begin = header.find_first_not_of(' ', begin + 1);
  return begin == std::string_view::npos ? std::string_view{} : header.substr(begin);
}

std::optional<graph::Shape> parse_shape(std::string_view text) {
  if (text.empty() || text.front() != '(') return std::nullopt;
  const size_t end = text.find(')');
  if (end == std::string_view::npos) return std::nullopt;
  graph::Shape shape;
  for (auto part : split(text.substr(1, end - 1), ',')) {
    std::erase(part, ' ');
    if (part.empty()) continue;  // "(3,)" and "()"
    int64_t extent = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), extent);
    if (error != std::errc() || stop != part.data() + part.size() || extent < 0) return std::nullopt;
    shape.push_back(extent);
  }
  return shape;
}

/// Bytes of the data; nullopt where the product overflows.
std::optional<size_t> data_size(const graph::Shape& shape, DType type) {
  size_t size = graph::size_of(type);
  for (const int64_t extent : shape) {
    if (__builtin_mul_overflow(size, static_cast<size_t>(extent), &size)) return std::nullopt;
  }
  return size;
}

}  // namespace

Result<graph::Tensor> read_npy(const std::filesystem::path& path) {
  TARSIER_TRY(const auto bytes, read_file(path));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto foreign = [&](std::string_view what) {
    return input_error("{}: {}; write it with numpy.save", path.string(), what);
  };
  if (text.size() < 10 || text.substr(0, kMagic.size()) != kMagic) return foreign("is no .npy file");
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(text[i])); };
  const size_t version = byte(6);
  if (version < 1 || version > 3)
    return foreign(fmt::format("is of .npy version {}, 1 to 3 are known", version));
  const size_t prefix = version == 1 ? 10 : 12;
  if (text.size() < prefix) return foreign("is truncated");
  const size_t header_size =
      version == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (text.size() - prefix < header_size) return foreign("is truncated");
  const std::string_view header = text.substr(prefix, header_size);

  const std::string_view descr = value_after(header, "descr");
  if (descr.size() < 2 || (descr.front() != '\'' && descr.front() != '"'))
    return foreign("holds a structured or damaged type");
  const std::string name(descr.substr(1, descr.find(descr.front(), 1) - 1));
  std::optional<DType> type;
  for (const auto& [known, known_name] : kTypes) {
    if (name == known_name || (name.size() == 3 && name[0] == '<' && name.substr(1) == known_name.substr(1)))
      type = known;
  }
  if (!type)
    return input_error("{}: its element type {} is not supported; convert it, e.g. with .astype('<f4')",
                       path.string(), name);
  if (value_after(header, "fortran_order").substr(0, 5) != "False") {
    return input_error("{}: is in Fortran order; save numpy.ascontiguousarray(x)", path.string());
  }
  const auto shape = parse_shape(value_after(header, "shape"));
  if (!shape) return foreign("has a damaged shape");
  const auto size = data_size(*shape, *type);
  const size_t have = text.size() - prefix - header_size;
  if (!size || *size != have) {
    return foreign(fmt::format("is truncated or damaged: {} of {} need other than the {} bytes there", name,
                               graph::to_string(*shape), have));
  }
  return graph::Tensor({*type, *shape},
                       {bytes.begin() + static_cast<std::ptrdiff_t>(prefix + header_size), bytes.end()});
}

Status write_npy(const std::filesystem::path& path, const graph::Tensor& tensor) {
  std::string_view name;
  for (const auto& [known, known_name] : kTypes) {
    if (known == tensor.dtype()) name = known_name;
  }
  std::string shape;
  for (const int64_t extent : tensor.shape()) shape += fmt::format("{}, ", extent);
  if (tensor.shape().size() > 1) shape.resize(shape.size() - 2);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", name, shape);
  constexpr size_t kPrefix = 10;
  const size_t total =
      (kPrefix + header.size() + 1 + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment;
  header.resize(total - kPrefix - 1, ' ');
  header += '\n';
  std::string file(kMagic);
  file += '\x01';
  file += '\x00';
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  const auto data = tensor.bytes();
  file.append(reinterpret_cast<const char*>(data.data()), data.size());
  return write_text_atomic(path, file);
}

}  // namespace tarsier::app
