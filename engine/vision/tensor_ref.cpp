#include "vision/tensor_ref.hpp"

namespace tarsier::vision {

Result<TensorRef> TensorRef::of(uint64_t address, std::span<const int64_t> shape, TensorLayout layout,
                                bool fp16, bool channels_last) {
  if (shape.size() == 2) {
    const std::array<int64_t, 4> pixel{shape[0], shape[1], 1, 1};
    return of(address, pixel, layout, fp16, false);
  }
  TensorRef ref{address, layout, fp16, channels_last, {}, int(shape.size())};
  if (shape.size() < 3 || shape.size() > 4) {
    return runtime_error("a vision pass needs a tensor of rank 2 to 4, this one has rank {}", shape.size());
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 1 || shape[i] > (1 << 24)) {
      return runtime_error("a vision pass needs fixed extents, extent {} is {}", i, shape[i]);
    }
    ref.shape[i] = int(shape[i]);
  }
  if (ref.shape[0] != 1) return runtime_error("{}: vision passes take batch 1", to_string(ref));
  if (layout == TensorLayout::kC4 && (ref.rank != 4 || channels_last)) {
    return runtime_error("{}: the C4 layout is for [1,C,H,W]", to_string(ref));
  }
  return ref;
}

std::string to_string(const TensorRef& tensor) {
  std::string text = "[";
  for (int i = 0; i < tensor.rank && i < 4; ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ",", tensor.shape[size_t(i)]);
  }
  return text + fmt::format("] {} {}", tensor.layout == TensorLayout::kC4 ? "C4" : "linear",
                            tensor.fp16 ? "fp16" : "fp32");
}

uint64_t ChannelView::elements() const {
  const uint64_t groups = (uint64_t(channels) + 3) / 4;
  const bool packed = channel_stride == 1 && pixel_stride == 4 && group_stride == 4U * uint32_t(pixels());
  return (packed ? groups * 4 : uint64_t(channels)) * uint64_t(pixels());
}

Result<ChannelView> image_view(const TensorRef& tensor) {
  if (tensor.rank != 4) return runtime_error("{}: expected a tensor of rank 4", to_string(tensor));
  ChannelView view;
  view.address = tensor.address;
  view.fp16 = tensor.fp16;
  const auto& s = tensor.shape;
  view.channels = tensor.channels_last ? s[3] : s[1];
  view.height = tensor.channels_last ? s[1] : s[2];
  view.width = tensor.channels_last ? s[2] : s[3];
  const auto pixels = uint32_t(view.pixels());
  if (tensor.layout == TensorLayout::kC4) {
    view.group_stride = 4 * pixels;
    view.channel_stride = 1;
    view.pixel_stride = 4;
  } else if (tensor.channels_last) {
    view.group_stride = 4;
    view.channel_stride = 1;
    view.pixel_stride = uint32_t(view.channels);
  } else {
    view.group_stride = 4 * pixels;
    view.channel_stride = pixels;
    view.pixel_stride = 1;
  }
  return view;
}

Result<ChannelView> list_view(const TensorRef& tensor, bool attributes_last) {
  if (tensor.rank != 3 || tensor.layout != TensorLayout::kLinear) {
    return runtime_error("{}: expected a linear tensor of rank 3", to_string(tensor));
  }
  ChannelView view;
  view.address = tensor.address;
  view.fp16 = tensor.fp16;
  view.height = 1;
  view.width = attributes_last ? tensor.shape[1] : tensor.shape[2];
  view.channels = attributes_last ? tensor.shape[2] : tensor.shape[1];
  view.channel_stride = attributes_last ? 1U : uint32_t(view.width);
  view.group_stride = 4 * view.channel_stride;
  view.pixel_stride = attributes_last ? uint32_t(view.channels) : 1U;
  return view;
}

TensorRef HostTensor::ref() const {
  TensorRef tensor;
  tensor.shape = shape;
  tensor.rank = rank;
  tensor.channels_last = channels_last;
  return tensor;
}

}  // namespace tarsier::vision
