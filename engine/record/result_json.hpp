// A frame's results as one line of JSON.
#pragma once

#include <string>

#include "pipeline/frame_result.hpp"

namespace tarsier::record {

/// Of the lines' schema, docs/RESULTS.md. New keys leave it as it is; a key that goes or changes its meaning
/// raises it.
inline constexpr int kResultVersion = 2;

/// Appends the line as docs/RESULTS.md describes it, with its line break. Keys without content stay, so that
/// every line has the same ones. A class beyond the labels is written as "class <id>".
void append_line(std::string& out, const pipeline::FrameResult& result, const pipeline::LabelSets& labels);

}  // namespace tarsier::record
