// A frame's results as one line of JSON.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/frame_result.hpp"
#include "record/json_text.hpp"

namespace tarsier::record {

/// Of the lines' schema, docs/RESULTS.md. New keys leave it as it is; a key that goes or changes its meaning
/// raises it.
inline constexpr int kResultVersion = 2;

/// What a video says of how it was made: {"tarsier":"1.0","pipeline":"street","preset":null,"params":{...}}.
[[nodiscard]] std::string settings_text(const pipeline::Settings& settings, std::string_view version);

/// Appends the line as docs/RESULTS.md describes it, with its line break. Keys without content stay, so that
/// every line has the same ones; the parameters are told where they are not those `before`. A class beyond
/// the labels is written as "class <id>".
void append_line(std::string& out, const pipeline::FrameResult& result, const pipeline::LabelSets& labels,
                 const pipeline::Settings* before = nullptr, Numbers numbers = Numbers::kRounded);

}  // namespace tarsier::record
