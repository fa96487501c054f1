// Clips of every kind that is hard to seek in, made by the ffmpeg program and then damaged where they should
// be.
#pragma once

#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "core/file.hpp"
#include "models/process.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::test {

struct ClipKind {
  const char* name;
  const char* file;
  const char* arguments;  // of ffmpeg, between input and file
  enum class Damage : uint8_t {
    kNone,
    kNoIndex,
    kTruncated,
    kShortHeader,
    kLongHeader,
    kBitFlips
  } damage = Damage::kNone;
  const char* input = "testsrc2=size=128x96:rate=25:duration=4";
  const char* needs = "";  // an encoder that FFmpeg may lack
};

inline const std::vector<ClipKind>& clip_kinds() {
  using Damage = ClipKind::Damage;
  static const std::vector<ClipKind> kinds = {
      {"H264BFrames", "a.mp4", "-c:v libx264 -bf 3 -g 40 -pix_fmt yuv420p", Damage::kNone,
       "testsrc2=size=128x96:rate=25:duration=4", "libx264"},
      {"H264OpenGop", "a.mkv", "-c:v libx264 -bf 3 -g 30 -x264-params open-gop=1:scenecut=0 -pix_fmt yuv420p",
       Damage::kNone, "testsrc2=size=128x96:rate=25:duration=4", "libx264"},
      {"H264IntraRefresh", "a.mp4", "-c:v libx264 -g 20 -x264-params intra-refresh=1 -pix_fmt yuv420p",
       Damage::kNone, "testsrc2=size=128x96:rate=25:duration=4", "libx264"},
      {"H264Raw", "a.h264", "-c:v libx264 -bf 2 -g 25 -pix_fmt yuv420p", Damage::kNone,
       "testsrc2=size=128x96:rate=25:duration=4", "libx264"},
      {"H264Ts", "a.ts", "-c:v libx264 -bf 2 -g 25 -pix_fmt yuv420p", Damage::kNone,
       "testsrc2=size=128x96:rate=25:duration=4", "libx264"},
      {"H264EditList", "a.mp4", "", Damage::kNone, "", "libx264"},
      {"H264OneKeyFrame", "a.mp4", "-c:v libx264 -bf 2 -g 9999 -x264-params scenecut=0 -pix_fmt yuv420p",
       Damage::kNone, "testsrc2=size=128x96:rate=25:duration=4", "libx264"},
      {"HevcOpenGop", "a.mkv",
       "-c:v libx265 -x265-params keyint=30:open-gop=1:log-level=none -pix_fmt yuv420p", Damage::kNone,
       "testsrc2=size=128x96:rate=25:duration=4", "libx265"},
      {"Mpeg4BFrames", "a.mp4", "-c:v mpeg4 -bf 2 -g 30 -q:v 4"},
      {"Mpeg4BFramesAvi", "a.avi", "-c:v mpeg4 -bf 2 -g 30 -q:v 4"},
      {"Mpeg4Raw", "a.m4v", "-c:v mpeg4 -bf 2 -g 30 -q:v 4 -f m4v"},
      {"Mpeg2Ps", "a.mpg", "-c:v mpeg2video -bf 2 -g 15 -q:v 4"},
      {"Vp8Hidden", "a.webm", "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -g 40 -b:v 300k", Damage::kNone,
       "testsrc2=size=128x96:rate=25:duration=4", "libvpx"},
      {"Vp9", "a.webm", "-c:v libvpx-vp9 -g 40 -b:v 200k -deadline realtime -cpu-used 8", Damage::kNone,
       "testsrc2=size=128x96:rate=25:duration=4", "libvpx-vp9"},
      {"MotionJpeg", "a.avi", "-c:v mjpeg -q:v 4"},
      {"MotionJpegRaw", "a.mjpeg", "-c:v mjpeg -q:v 4 -f mjpeg"},
      {"Ffv1", "a.mkv", "-c:v ffv1 -level 3 -g 10"},
      {"VariableRate", "a.mp4",
       "-vf select='not(mod(n,3))+not(mod(n,7))' -vsync vfr -c:v mpeg4 -bf 2 -g 20 -q:v 4"},
      {"Still", "a.mp4", "-c:v mpeg4 -bf 1 -g 25 -q:v 4", Damage::kNone, "color=gray:size=96x64:duration=4"},
      {"OddSize", "a.mkv", "-vf scale=101:67 -c:v ffv1 -pix_fmt yuv420p -level 3"},
      {"Rotated", "a.mp4", "-c:v mpeg4 -g 12 -q:v 4 -metadata:s:v rotate=90"},
      {"AviWithoutIndex", "a.avi", "-c:v mpeg4 -g 25 -q:v 4", Damage::kNoIndex},
      {"AviShortHeader", "a.avi", "-c:v mpeg4 -g 25 -q:v 4", Damage::kShortHeader},
      {"AviLongHeader", "a.avi", "-c:v mpeg4 -g 25 -q:v 4", Damage::kLongHeader},
      {"Mp4LongHeader", "a.mp4", "-c:v mpeg4 -g 25 -q:v 4", Damage::kLongHeader},
      {"Mp4Truncated", "a.mp4", "-c:v mpeg4 -bf 2 -g 25 -q:v 4 -movflags +faststart", Damage::kTruncated},
      {"MkvTruncated", "a.mkv", "-c:v mpeg4 -g 25 -q:v 4", Damage::kTruncated},
      {"JpegsDamaged", "a.avi", "-c:v mjpeg -q:v 4", Damage::kBitFlips},
      {"Mpeg4Damaged", "a.avi", "-c:v mpeg4 -g 25 -q:v 4", Damage::kBitFlips},
  };
  return kinds;
}

inline void put_u32(std::vector<std::byte>& bytes, size_t at, uint32_t value, bool big_endian) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = std::byte(value >> (big_endian ? 24 - 8 * i : 8 * i));
}

inline size_t place_of(const std::vector<std::byte>& bytes, std::string_view text) {
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  const size_t at = std::string_view(data, bytes.size()).rfind(text);
  EXPECT_NE(at, std::string_view::npos) << text;
  return at == std::string_view::npos ? 0 : at;
}

inline void damage(const std::filesystem::path& file, ClipKind::Damage how) {
  using Damage = ClipKind::Damage;
  if (how == Damage::kNone) return;
  auto read = read_file(file);
  ASSERT_TRUE(read.ok());
  auto& bytes = *read;
  const bool avi = file.extension() == ".avi";
  const uint32_t frames = how == Damage::kShortHeader ? 7 : 100000;
  if (how == Damage::kNoIndex) {
    bytes.resize(place_of(bytes, "idx1"));
  } else if (how == Damage::kTruncated) {
    bytes.resize(bytes.size() * 2 / 3);
  } else if (how == Damage::kBitFlips) {
    for (size_t at = 30000, i = 0; at + 20000 < bytes.size(); at += 27011, ++i) {
      for (size_t j = 0; j < 300; ++j) bytes[at + j] ^= std::byte(0x5A + i);
    }
  } else if (avi) {  // total frames, and the length of the video stream
    put_u32(bytes, place_of(bytes, "avih") + 8 + 16, frames, false);
    put_u32(bytes, place_of(bytes, "strh") + 8 + 32, frames, false);
  } else {  // durations of the film, in ticks, and of its track
    put_u32(bytes, place_of(bytes, "mvhd") + 4 + 16, 1000000, true);
    put_u32(bytes, place_of(bytes, "mdhd") + 4 + 16, 90000000, true);
  }
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

inline bool ffmpeg(std::vector<std::string> arguments, const TempFolder& folder) {
  arguments.insert(arguments.begin(), {"ffmpeg", "-v", "error", "-y", "-nostdin"});
  const auto result = models::run_process(arguments, folder.path(), [] { return true; });
  EXPECT_TRUE(result.ok()) << result.error().message;
  if (result.ok() && result->exit_code != 0) ADD_FAILURE() << result->output;
  return result.ok() && result->exit_code == 0;
}

inline bool has_encoder(const char* name) {
  const auto result = models::run_process({"ffmpeg", "-v", "error", "-h", std::string("encoder=") + name},
                                          ".", [] { return true; });
  return result.ok() && result->output.find("is not recognized") == std::string::npos;
}

/// Empty where FFmpeg lacks the encoder.
inline std::filesystem::path make_clip(const ClipKind& kind, const TempFolder& folder) {
  if (*kind.needs != 0 && !has_encoder(kind.needs)) return {};
  std::vector<std::string> arguments;
  std::string options = kind.arguments;
  if (*kind.input == 0) {  // cut out of another clip, in the middle of a group of pictures
    if (!ffmpeg({"-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25:duration=4", "-c:v", "libx264", "-bf",
                 "2", "-g", "20", "-pix_fmt", "yuv420p", "whole.mp4"},
                folder))
      return {};
    arguments = {"-ss", "0.52", "-i", "whole.mp4", "-c", "copy"};
    options.clear();
  } else {
    arguments = {"-f", "lavfi", "-i", kind.input};
  }
  for (size_t at = 0; at < options.size();) {
    const size_t end = std::min(options.find(' ', at), options.size());
    arguments.push_back(options.substr(at, end - at));
    at = end + 1;
  }
  arguments.emplace_back(kind.file);
  if (!ffmpeg(arguments, folder)) return {};
  damage(folder / kind.file, kind.damage);
  return folder / kind.file;
}

}  // namespace tarsier::test
