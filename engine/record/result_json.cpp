#include "record/result_json.hpp"

#include <array>
#include <span>

namespace tarsier::record {
namespace {

constexpr auto kReplace = nlohmann::json::error_handler_t::replace;  // what is no UTF-8

using pipeline::class_name;
using Labels = pipeline::LabelSets;

/// Detection or Track.
template <class T>
void append_class(JsonText& json, const T& one, const Labels& labels) {
  json.key("class_id").quoted(fmt::format("{}", one.class_id));
  json.key("class").text(class_name(labels, one.label_set, one.class_id));
}

/// "entered":{"person":4,"car":1}
void append_counts(JsonText& json, std::string_view key, const vision::ClassCounts& counts, int32_t label_set,
                   const Labels& labels) {
  json.key(key).object([&] {
    for (const auto& [class_id, count] : counts)
      json.text_key(class_name(labels, label_set, class_id)).whole(count);
  });
}

/// Detection or Track.
template <class T>
void append_box(JsonText& json, const T& box) {
  json.key("box").list(std::array{box.x0, box.y0, box.x1, box.y1}, [&](float edge) { json.number(edge, 2); });
}

void append_measured(JsonText& json, std::string_view key, const std::optional<vision::Measured>& one,
                     int decimals) {
  json.key(key).number(one ? std::optional(one->value) : std::nullopt, decimals);
  json.key(fmt::format("{}_sigma", key)).number(one ? std::optional(one->sigma) : std::nullopt, decimals);
}

void append_detection(JsonText& json, const vision::Detection& detection, const Labels& labels) {
  json.object([&] {
    append_class(json, detection, labels);
    json.key("score").number(detection.score, 4);
    append_box(json, detection);
  });
}

void append_track(JsonText& json, const vision::Track& track, const Labels& labels) {
  json.object([&] {
    json.key("id").whole(uint64_t(track.id));
    append_class(json, track, labels);
    json.key("score").number(track.score, 4);
    append_box(json, track);
    json.key("state").name(vision::name_of(track.state));
    json.key("age").number(track.age_s, 3);
    json.key("velocity").list(std::array{track.velocity_x, track.velocity_y}, [&](float one) {
      json.number(one, 1);
    });
    append_measured(json, "distance", track.distance_m, 2);
    append_measured(json, "relative_speed", track.relative_speed_mps, 2);
    append_measured(json, "ttc", track.ttc_s, 2);
    append_measured(json, "lateral", track.lateral_m, 2);
    append_measured(json, "lateral_speed", track.lateral_speed_mps, 2);
  });
}

void append_event(JsonText& json, const pipeline::Event& event) {
  json.object([&] {
    json.key("type").name(event.type);
    json.key("track").quoted(event.track != 0 ? fmt::format("{}", event.track) : "null");
    if (*event.side != 0) json.key("side").name(event.side);
    json.key("began").whole(event.began_frame);
    json.key("began_time").number(event.began_s, 3);
    json.key("ended").boolean(event.ended);
  });
}

void append_landmarks(JsonText& json, const pipeline::Landmarks& one) {
  json.object([&] {
    json.key("kind").name(one.kind);
    if (*one.side != '\0') json.key("side").name(one.side);
    json.key("score").number(one.score, 4);
    if (one.head) {
      json.key("head").object([&] {
        json.key("yaw").number(one.head->yaw, 2);
        json.key("pitch").number(one.head->pitch, 2);
        json.key("roll").number(one.head->roll, 2);
      });
    }
    json.key("points").list(one.points, [&](const vision::LandmarkPoint& point) {
      const std::array numbers{point.x, point.y, point.z, point.score};
      json.list(std::span(numbers).first(one.scored ? 4 : 3), [&](float at) { json.number(at, 2); });
    });
  });
}

void append_lanes(JsonText& json, const pipeline::LaneResult& result) {
  json.key("boundaries").list(std::array<size_t, 2>{0, 1}, [&](size_t side) {
    const auto& one = result.lane.sides[side];
    if (!one.known) return;
    json.object([&] {
      json.key("side").name(side == 0 ? "left" : "right");
      json.key("seen").boolean(one.seen);
      json.key("confidence").number(one.confidence, 2);
      append_measured(json, "lateral", one.lateral, 3);
      json.key("points").list(result.curves[side], [&](const vision::CurvePoint& point) {
        json.list(std::array{point.x, point.y}, [&](auto at) { json.number(at, 1); });
      });
    });
  });
  append_measured(json, "position", result.lane.position_m, 3);
  append_measured(json, "width", result.lane.width_m, 3);
  append_measured(json, "curvature", result.lane.curvature, 6);
  json.key("horizon").name(result.lane.pitch_from_lanes ? "lanes" : "pitch");
  append_measured(json, "pitch", result.lane.pitch_deg, 3);
}

void append_zone(JsonText& json, const pipeline::ZoneResult& zone, const Labels& labels) {
  json.object([&] {
    json.key("name").text(zone.name);
    json.key("count").whole(zone.count.inside.size());
    json.key("inside").list(zone.count.inside, [&](const auto& visitor) {
      json.object([&] {
        json.key("track").whole(uint64_t(visitor.track));
        json.key("dwell").number(visitor.dwell_s, 3);
      });
    });
    append_counts(json, "entered", zone.count.entered, zone.label_set, labels);
    append_counts(json, "left", zone.count.left, zone.label_set, labels);
    json.key("mean_dwell").number(zone.count.mean_dwell_s(), 3);
  });
}

void append_crossings(JsonText& json, const pipeline::LineResult& line, const Labels& labels) {
  json.object([&] {
    json.key("name").text(line.name);
    json.key("crossed").list(line.count.crossed, [&](const auto& one) {
      json.object([&] {
        json.key("track").whole(uint64_t(one.track));
        json.key("direction").name(one.forward ? "forward" : "backward");
      });
    });
    append_counts(json, "forward", line.count.forward, line.label_set, labels);
    append_counts(json, "backward", line.count.backward, line.label_set, labels);
  });
}

void append_mask(JsonText& json, const pipeline::MaskResult& mask) {
  json.text_key(mask.name).object([&] {
    const double pixels = double(mask.runs.width) * double(mask.runs.height);
    json.key("coverage").number(double(mask.runs.covered()) / std::max(pixels, 1.0), 4);
    json.key("size").list(std::array{mask.runs.height, mask.runs.width},
                          [&](int extent) { json.whole(uint64_t(extent)); });
    json.key("counts").text(vision::compressed(mask.runs));
  });
}

void append_value(JsonText& json, const ParamValue& value) {
  std::visit([&](const auto& one) { json.quoted(nlohmann::json(one).dump(-1, ' ', false, kReplace)); },
             value);
}

void append_params(JsonText& json, const pipeline::Settings& settings) {
  json.key("params").object([&] {
    for (const auto& [key, value] : settings.params) append_value(json.text_key(key), value);
  });
}

/// Names of nothing are null.
void append_name(JsonText& json, std::string_view key, const std::string& name) {
  json.key(key).quoted(name.empty() ? "null" : quoted_text(name));
}

}  // namespace

std::string settings_text(const pipeline::Settings& settings, std::string_view version) {
  std::string text;
  JsonText json(text);
  json.object([&] {
    json.key("tarsier").text(version);
    append_name(json, "pipeline", settings.pipeline);
    append_name(json, "preset", settings.preset);
    append_params(json, settings);
  });
  return text;
}

void append_line(std::string& out, const pipeline::FrameResult& result, const Labels& labels,
                 const pipeline::Settings* before, Numbers numbers) {
  JsonText json(out, numbers);
  json.object([&] {
    json.key("version").whole(kResultVersion);
    json.key("id").whole(result.frame_id);
    json.key("time").number(result.time_s, 3);
    json.key("width").whole(uint64_t(result.width));
    json.key("height").whole(uint64_t(result.height));
    append_name(json, "pipeline", result.settings ? result.settings->pipeline : "");
    append_name(json, "preset", result.settings ? result.settings->preset : "");
    if (result.settings && result.settings.get() != before) {
      append_params(json, *result.settings);
    } else {
      json.key("params").quoted("null");
    }
    json.key("detections").list(result.detections, [&](const auto& one) {
      append_detection(json, one, labels);
    });
    json.key("tracks").list(result.tracks, [&](const auto& one) { append_track(json, one, labels); });
    json.key("events").list(result.events, [&](const auto& one) { append_event(json, one); });
    json.key("landmarks").list(result.landmarks, [&](const auto& one) { append_landmarks(json, one); });
    json.key("lanes").object([&] {
      if (result.lanes) append_lanes(json, *result.lanes);
    });
    json.key("zones").list(result.zones, [&](const auto& one) { append_zone(json, one, labels); });
    json.key("lines").list(result.lines, [&](const auto& one) { append_crossings(json, one, labels); });
    json.key("masks").object([&] {
      for (const auto& mask : result.masks) append_mask(json, mask);
    });
    json.key("stage_times").object([&] {
      for (const auto& time : result.stage_times) json.text_key(time.stage).number(time.ms, 3);
    });
    json.key("latency_ms").number(result.latency_ms, 2);
  });
  out += '\n';
}

}  // namespace tarsier::record
