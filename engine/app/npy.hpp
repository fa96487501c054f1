// NumPy's .npy files (format versions 1 to 3, as documented in numpy.lib.format) <-> graph::Tensor.
#pragma once

#include <filesystem>

#include "graph/graph.hpp"

namespace tarsier::app {

/// Little-endian f2, f4, f8, u1, i1, i2, i4, i8 and bool in C order. Errors (kInput) name the file and say
/// what it holds instead and what to do.
Result<graph::Tensor> read_npy(const std::filesystem::path& path);
/// Version 1, C order; written atomically.
Status write_npy(const std::filesystem::path& path, const graph::Tensor& tensor);

}  // namespace tarsier::app
