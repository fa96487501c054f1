// OpenCV's and FFmpeg's messages: kept off the terminal, the last error kept for our own one-line messages.
#pragma once

#include <string>

namespace tarsier::capture {

/// Call before the first use of OpenCV's or FFmpeg's I/O. Idempotent, thread safe.
void silence_libraries();
/// Takes the last error that FFmpeg reported since the previous call ("Connection refused"), or "". One line
/// without a full stop.
std::string take_library_error();

}  // namespace tarsier::capture
