// Push constants of roi_align.comp and max_roi_pool.comp; engine/kernels/roi.cpp.
layout(push_constant, std430) uniform Push {
  uint64_t source, rois, batches, target;
  uint count;
  int images, channels, in_h, in_w, out_h, out_w;
  float scale;
  int sampling;
} pc;
