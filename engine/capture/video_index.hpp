// Which frames a video file has, in display order, and where decoding may start for each. Made once for a
// file and kept on disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "capture/video_decoder.hpp"
#include "core/result.hpp"

namespace tarsier::capture {

/// Presentation times that never go back, whatever the container says. Fed with the frames of a clip in
/// order.
class ClipClock {
 public:
  ClipClock() = default;
  /// `fps` <= 0: unknown.
  ClipClock(const AVStream& stream, double fps);
  /// Seconds from the beginning of the clip.
  double next(int64_t pts);

 private:
  double seconds_per_tick_ = 0, fps_ = 25, last_s_ = 0;
  int64_t start_ = 0;
  uint64_t frames_ = 0;
};

struct VideoIndex {
  struct Entry {
    Stamp stamp;
    uint64_t hash = 0;  // DecodedPicture::hash where the frame was decoded, else 0
  };
  /// From this packet on, `frame` and all that follow it come out as they should.
  struct Start {
    uint64_t frame = 0;
    PacketStamp packet;
  };
  std::vector<Entry> frames;
  std::vector<Start> starts;          // in order
  bool decoded = false;               // by decoding: true for any file; else by what the packets promise
  bool packets_by_position = false;   // places in the file name a packet
  bool pictures_by_position = false;  // and a picture; else its time does
  std::vector<double> times;          // of fill_times(), not kept on disk

  void fill_times(ClipClock clock);
  /// The best start for a frame; nullptr: the beginning of the file.
  [[nodiscard]] const Start* start_for(uint64_t frame) const;
  /// Whether this picture is that frame, by its time or place in the file; and by what it shows, too.
  [[nodiscard]] bool has_stamp_of(const DecodedPicture& picture, uint64_t frame) const;
  [[nodiscard]] bool matches(const DecodedPicture& picture, uint64_t frame) const;

  /// From the user's cache folder if it is there and of this file as it is now; else made, and kept there.
  /// By the packets alone where these tell (one pass without decoding), unless `decode`. Errors: the file
  /// cannot be read any more, or `cancelled`.
  static Result<VideoIndex> of(const std::string& path, bool decode, const std::atomic<bool>& cancelled);

  /// The two ways; exposed for tests. nullopt: packets and frames are not, or may not be, one to one.
  static Result<std::optional<VideoIndex>> from_packets(const std::string& path,
                                                        const std::atomic<bool>& cancelled);
  static Result<VideoIndex> by_decoding(const std::string& path, const std::atomic<bool>& cancelled);
};

/// Where the index of a file is kept, named by its absolute path.
std::filesystem::path index_file(const std::string& path);

}  // namespace tarsier::capture
