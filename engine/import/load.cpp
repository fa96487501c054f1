// Which importer a file is for, decided by its content; the name is only a hint for the error.
#include <algorithm>
#include <array>
#include <fstream>

#include "core/file.hpp"
#include "core/text.hpp"
#include "import/foreign.hpp"
#include "import/import.hpp"

namespace tarsier::import {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

char first_character(std::span<const std::byte> bytes) {
  std::string_view text = text_of(bytes);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const size_t at = text.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? '\0' : text[at];
}

std::string_view foreign_kind(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  struct Magic {
    size_t offset;
    std::string_view bytes;
    std::string_view kind;
  };
  static constexpr std::array<Magic, 14> kMagic = {
      {{0, "version https://git-lfs", "a Git LFS pointer, not the file itself (git lfs pull fetches it)"},
       {0, "PK\x03\x04", "a ZIP archive (a PyTorch checkpoint, perhaps)"},
       {4, "TFL3", "a TensorFlow Lite model"},
       {0, "\x89PNG", "a PNG image"},
       {0, "\xFF\xD8\xFF", "a JPEG image"},
       {0,
        "\x7F"
        "ELF",
        "a program"},
       {0, "\x1F\x8B", "a gzip archive"},
       {4, "ftyp", "an MP4 video"},
       {0, "RIFF", "a RIFF file (video, audio or image)"},
       {0, "\x1A\x45\xDF\xA3", "a Matroska video"},
       {0, "\x89HDF", "an HDF5 (Keras) file"},
       {0, "%PDF", "a PDF document"},
       {0, "7767517", "an ncnn network"},
       {0, "\x80\x02", "a Python pickle (a PyTorch checkpoint, perhaps)"}}};
  for (const Magic& magic : kMagic)
    if (text.size() >= magic.offset + magic.bytes.size() &&
        text.substr(magic.offset, magic.bytes.size()) == magic.bytes)
      return magic.kind;
  if (first_character(bytes) == '<') return "an HTML or XML page (a failed download, perhaps)";
  // Plain text has no bytes below space but tabs and line ends; a protobuf message soon has.
  const std::string_view head = text.substr(0, 512);
  const bool printable = std::ranges::all_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7F : c == '\n' || c == '\r' || c == '\t';
  });
  if (printable && !head.empty() && first_character(bytes) != '{') return "a text file";
  return {};
}

Result<graph::Graph> load_model(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return input_error("{}: no such model file", path.string());
  if (std::filesystem::is_directory(status)) {
    const auto inner = path / "model.json";
    if (std::filesystem::exists(inner, error)) return load_tfjs(inner);
    return input_error("{}: is a folder; name the .onnx file or the model.json in it", path.string());
  }
  std::array<std::byte, 4096> head{};
  std::ifstream file(path, std::ios::binary);
  if (!file) return input_error("{}: can't be read; check its permissions", path.string());
  file.read(reinterpret_cast<char*>(head.data()), head.size());
  const std::span<const std::byte> seen(head.data(), static_cast<size_t>(file.gcount()));
  if (seen.empty()) return input_error("{}: the file is empty; fetch it again", path.string());
  if (first_character(seen) == '{') return load_tfjs(path);
  if (text_of(seen).substr(std::min<size_t>(seen.size(), 4)).starts_with("TFL3")) return load_tflite(path);
  return load_onnx(path);
}

}  // namespace tarsier::import
