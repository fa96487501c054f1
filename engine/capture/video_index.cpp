#include "capture/video_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <unordered_map>
#include <unordered_set>

#include "capture/sources.hpp"
#include "core/file.hpp"
#include "core/log.hpp"

namespace tarsier::capture {
namespace fs = std::filesystem;
namespace {

// ---- What the packets tell -------------------------------------------------------------------------------

bool one_of(AVCodecID codec, std::initializer_list<AVCodecID> list) {
  return std::find(list.begin(), list.end(), codec) != list.end();
}

/// Codecs whose every packet is one shown frame, unless something in it says otherwise (see plain()).
bool is_plain_codec(AVCodecID codec) {
  const AVCodecDescriptor* about = avcodec_descriptor_get(codec);
  if (about != nullptr && (about->props & AV_CODEC_PROP_INTRA_ONLY) != 0) return true;
  return one_of(codec,
                {AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MPEG4, AV_CODEC_ID_MPEG2VIDEO,
                 AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MSMPEG4V1, AV_CODEC_ID_MSMPEG4V2, AV_CODEC_ID_MSMPEG4V3,
                 AV_CODEC_ID_H263, AV_CODEC_ID_VP8, AV_CODEC_ID_VP9, AV_CODEC_ID_AV1, AV_CODEC_ID_FFV1});
}

/// Containers whose timestamps are the same after a seek.
bool is_plain_container(const AVFormatContext& container) {
  static constexpr std::array<std::string_view, 3> kKnown = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm",
                                                             "avi"};
  return std::find(kKnown.begin(), kKnown.end(), container.iformat->name) != kKnown.end();
}

/// Whether one of the packet's NAL units has a type in [first, last]. MP4 and Matroska give their lengths,
/// raw streams and AVI begin them with 00 00 01.
bool has_nal(const AVPacket& packet, const AVCodecParameters& codec, int first, int last) {
  const bool hevc = codec.codec_id == AV_CODEC_ID_HEVC;
  const auto fits = [&](uint8_t head) {
    const int type = hevc ? head >> 1 & 0x3F : head & 0x1F;
    return type >= first && type <= last;
  };
  const uint8_t* at = packet.data;
  const uint8_t* const end = at + packet.size;
  const size_t length_at = hevc ? 21 : 4;  // in avcC and hvcC
  if (codec.extradata_size > int(length_at) && codec.extradata[0] == 1) {
    const int digits = (codec.extradata[length_at] & 3) + 1;
    while (end - at > digits) {
      size_t length = 0;
      for (int i = 0; i < digits; ++i) length = length << 8 | *at++;
      if (length == 0 || length > size_t(end - at)) return false;
      if (fits(*at)) return true;
      at += length;
    }
    return false;
  }
  for (; end - at > 3; ++at) {
    if (at[0] == 0 && at[1] == 0 && at[2] == 1 && fits(at[3])) return true;
  }
  return false;
}

/// Whether this packet surely gives one frame, and one that decoding may start with if it is a key.
bool plain(const AVPacket& packet, const AVCodecParameters& codec) {
  if ((packet.flags & (AV_PKT_FLAG_CORRUPT | AV_PKT_FLAG_DISCARD)) != 0) return false;
  if (packet.pts == AV_NOPTS_VALUE || packet.size <= 0) return false;
  const bool key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
  switch (codec.codec_id) {
    case AV_CODEC_ID_H264:
      // Other key frames may be begun with, but what follows need not be exact (periodic intra refresh).
      return !key || has_nal(packet, codec, 5, 5);
    case AV_CODEC_ID_HEVC:
      return !key || has_nal(packet, codec, 16, 21);
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_H263:
    case AV_CODEC_ID_MSMPEG4V1:
    case AV_CODEC_ID_MSMPEG4V2:
    case AV_CODEC_ID_MSMPEG4V3:
      return packet.size > 16;  // shorter ones may be "no change", which gives no frame
    case AV_CODEC_ID_VP8:
      return (packet.data[0] >> 4 & 1) != 0;  // show_frame
    default:
      return true;
  }
}

/// Whether all of these are known and different.
template <class Range, class Of>
bool all_differ(const Range& range, int64_t unknown, const Of& of) {
  std::unordered_set<int64_t> seen;
  return std::all_of(range.begin(), range.end(), [&](const auto& one) {
    const int64_t value = of(one);
    return value != unknown && seen.insert(value).second;
  });
}

bool positions_differ(const std::vector<PacketStamp>& packets) {
  return all_differ(packets, -1, [](const PacketStamp& packet) { return packet.pos; });
}

// ---- The kept file ---------------------------------------------------------------------------------------

constexpr uint32_t kVersion = 1;

/// What an index belongs to. Another version of the decoder may give other frames.
struct Header {
  char magic[4] = {'T', 'S', 'I', 'X'};
  uint32_t version = kVersion;
  uint64_t libraries = uint64_t(avformat_version()) << 32 | avcodec_version();
  uint64_t file_bytes = 0;
  int64_t file_time = 0;
  uint64_t frames = 0, starts = 0;
  uint64_t flags = 0;
};
struct KeptFrame {
  int64_t pts, pos;
  uint64_t hash;
};
struct KeptStart {
  uint64_t frame;
  int64_t pts, pos, dts;
};

Header header_of(const std::string& path) {
  Header header;
  std::error_code code;
  header.file_bytes = fs::file_size(path, code);
  header.file_time = fs::last_write_time(path, code).time_since_epoch().count();
  return header;
}

template <class T>
void append(std::vector<std::byte>& bytes, const T* values, size_t count) {
  const auto* data = reinterpret_cast<const std::byte*>(values);
  bytes.insert(bytes.end(), data, data + sizeof(T) * count);
}

void keep(const VideoIndex& index, Header header, const fs::path& file) {
  header.frames = index.frames.size();
  header.starts = index.starts.size();
  header.flags = uint64_t(index.decoded) | uint64_t(index.packets_by_position) << 1 |
                 uint64_t(index.pictures_by_position) << 2;
  std::vector<KeptFrame> frames;
  for (const auto& frame : index.frames) frames.push_back({frame.stamp.pts, frame.stamp.pos, frame.hash});
  std::vector<KeptStart> starts;
  for (const auto& start : index.starts)
    starts.push_back({start.frame, start.packet.pts, start.packet.pos, start.packet.dts});
  std::vector<std::byte> bytes;
  append(bytes, &header, 1);
  append(bytes, frames.data(), frames.size());
  append(bytes, starts.data(), starts.size());
  const uint64_t sum = hash64(bytes);
  append(bytes, &sum, 1);
  std::error_code code;
  fs::create_directories(file.parent_path(), code);
  const Status written = write_file_atomic(file, bytes);
  if (!written.ok()) log::debug("the index of a video is not kept: {}", written.error().message);
}

/// nullopt for a file that is damaged or belongs to another state of the video: it is made anew.
std::optional<VideoIndex> kept(const Header& expected, const fs::path& file) {
  std::error_code code;
  if (!fs::exists(file, code)) return std::nullopt;
  const auto read = read_file(file);
  Header header;
  uint64_t sum = 0;
  if (!read.ok() || read->size() < sizeof header + sizeof sum) return std::nullopt;
  const size_t body = read->size() - sizeof sum;
  std::memcpy(&header, read->data(), sizeof header);
  std::memcpy(&sum, read->data() + body, sizeof sum);
  if (sum != hash64(std::span(*read).first(body))) return std::nullopt;
  if (std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0 ||
      header.version != expected.version || header.libraries != expected.libraries ||
      header.file_bytes != expected.file_bytes || header.file_time != expected.file_time ||
      body != sizeof header + header.frames * sizeof(KeptFrame) + header.starts * sizeof(KeptStart)) {
    return std::nullopt;
  }
  VideoIndex index;
  index.decoded = (header.flags & 1) != 0;
  index.packets_by_position = (header.flags & 2) != 0;
  index.pictures_by_position = (header.flags & 4) != 0;
  const std::byte* at = read->data() + sizeof header;
  for (uint64_t i = 0; i < header.frames; ++i, at += sizeof(KeptFrame)) {
    KeptFrame frame{};
    std::memcpy(&frame, at, sizeof frame);
    index.frames.push_back({{frame.pts, frame.pos}, frame.hash});
  }
  for (uint64_t i = 0; i < header.starts; ++i, at += sizeof(KeptStart)) {
    KeptStart start{};
    std::memcpy(&start, at, sizeof start);
    index.starts.push_back({start.frame, {{start.pts, start.pos}, start.dts}});
  }
  return index;
}

}  // namespace

ClipClock::ClipClock(const AVStream& stream, double fps)
    : seconds_per_tick_(stream.time_base.den != 0 ? av_q2d(stream.time_base) : 0),
      fps_(fps > 0 ? fps : 25),
      start_(stream.start_time) {}

double ClipClock::next(int64_t pts) {
  double time = pts == AV_NOPTS_VALUE || start_ == AV_NOPTS_VALUE
                    ? 0
                    : (double(pts) - double(start_)) * seconds_per_tick_;
  // Containers without timestamps say nothing, broken ones jump: count frames instead.
  if (!std::isfinite(time) || time < 0 || (frames_ > 0 && time <= 0)) time = double(frames_) / fps_;
  if (frames_ > 0 && time <= last_s_) time = last_s_ + 1 / fps_;
  ++frames_;
  return last_s_ = time;
}

void VideoIndex::fill_times(ClipClock clock) {
  times.clear();
  times.reserve(frames.size());
  for (const auto& frame : frames) times.push_back(clock.next(frame.stamp.pts));
}

const VideoIndex::Start* VideoIndex::start_for(uint64_t frame) const {
  const auto after =
      std::upper_bound(starts.begin(), starts.end(), frame,
                       [](uint64_t number, const Start& start) { return number < start.frame; });
  return after == starts.begin() ? nullptr : &*std::prev(after);
}

bool VideoIndex::has_stamp_of(const DecodedPicture& picture, uint64_t frame) const {
  const Stamp& stamp = frames[frame].stamp;
  return pictures_by_position ? picture.stamp.pos == stamp.pos : picture.stamp.pts == stamp.pts;
}

bool VideoIndex::matches(const DecodedPicture& picture, uint64_t frame) const {
  // How damage is concealed depends on what was decoded before: only a hash tells that it is the same.
  if (!decoded && picture.frame->decode_error_flags != 0) return false;
  return has_stamp_of(picture, frame) && (frames[frame].hash == 0 || picture.hash() == frames[frame].hash);
}

Result<std::optional<VideoIndex>> VideoIndex::from_packets(const std::string& path,
                                                           const std::atomic<bool>& cancelled) {
  TARSIER_TRY(auto decoder, VideoDecoder::open(path, cancelled));
  const AVCodecParameters& codec = *decoder->stream().codecpar;
  const auto unclear = std::optional<VideoIndex>();
  if (!is_plain_codec(codec.codec_id) || !is_plain_container(decoder->container())) return unclear;
  const AVCodecDescriptor* about = avcodec_descriptor_get(codec.codec_id);
  const bool intra = about != nullptr && (about->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
  std::vector<PacketStamp> packets, keys;
  while (true) {
    TARSIER_TRY(const AVPacket* packet, decoder->next_packet());
    if (packet == nullptr) break;
    if (!plain(*packet, codec)) return unclear;
    packets.push_back({{packet->pts, packet->pos}, packet->dts});
    if (intra || (packet->flags & AV_PKT_FLAG_KEY) != 0) keys.push_back(packets.back());
  }
  // Decoding begins with the first packet: before its frame there is none.
  const auto by_time = [](const PacketStamp& a, const PacketStamp& b) { return a.pts < b.pts; };
  if (packets.empty() || keys.empty() || keys.front() != packets.front()) return unclear;
  VideoIndex index;
  index.packets_by_position = positions_differ(packets);
  std::sort(packets.begin(), packets.end(), by_time);
  if (!all_differ(packets, AV_NOPTS_VALUE, [](const PacketStamp& packet) { return packet.pts; }))
    return unclear;
  if (packets.front() != keys.front()) return unclear;  // leading pictures that refer to nothing
  for (const PacketStamp& packet : packets) index.frames.push_back({packet, 0});
  std::sort(keys.begin(), keys.end(), by_time);
  for (const PacketStamp& key : keys) {
    const auto place = std::lower_bound(packets.begin(), packets.end(), key, by_time);
    index.starts.push_back({uint64_t(place - packets.begin()), key});
  }
  return std::optional(std::move(index));
}

Result<VideoIndex> VideoIndex::by_decoding(const std::string& path, const std::atomic<bool>& cancelled) {
  TARSIER_TRY(auto decoder, VideoDecoder::open(path, cancelled));
  std::vector<PacketStamp> packets;
  decoder->on_packet([&](const AVPacket& packet) {
    packets.push_back({{packet.pts, packet.pos}, packet.dts});
  });
  VideoIndex index;
  std::vector<uint64_t> keys;
  while (true) {
    TARSIER_TRY(const auto picture, decoder->next());
    if (picture.frame == nullptr) break;
    if (picture.key) keys.push_back(index.frames.size());
    index.frames.push_back({picture.stamp, picture.hash()});
  }
  index.decoded = true;
  index.packets_by_position = positions_differ(packets);
  index.pictures_by_position =
      index.packets_by_position &&
      all_differ(index.frames, -1, [](const Entry& entry) { return entry.stamp.pos; });
  // The packet of each key frame. What really can be begun with shows when it is: all hashes are known.
  std::unordered_map<int64_t, const PacketStamp*> of_stamp;
  for (const PacketStamp& packet : packets)
    of_stamp.emplace(index.pictures_by_position ? packet.pos : packet.pts, &packet);
  for (const uint64_t number : keys) {
    const Stamp& stamp = index.frames[number].stamp;
    const auto found = of_stamp.find(index.pictures_by_position ? stamp.pos : stamp.pts);
    if (found != of_stamp.end()) index.starts.push_back({number, *found->second});
  }
  return index;
}

std::filesystem::path index_file(const std::string& path) {
  std::error_code code;
  fs::path whole = fs::weakly_canonical(path, code);
  if (code) whole = fs::absolute(path, code);
  const std::string name = whole.string();
  return cache_dir() / "video" / fmt::format("{:016x}.index", hash64(std::as_bytes(std::span(name))));
}

Result<VideoIndex> VideoIndex::of(const std::string& path, bool decode, const std::atomic<bool>& cancelled) {
  const Header header = header_of(path);
  const fs::path file = index_file(path);
  if (!decode) {
    if (auto index = kept(header, file)) return *std::move(index);
    TARSIER_TRY(auto index, from_packets(path, cancelled));
    if (index) {
      keep(*index, header, file);
      return *std::move(index);
    }
  }
  TARSIER_TRY(auto index, by_decoding(path, cancelled));
  keep(index, header, file);
  return index;
}

}  // namespace tarsier::capture
