// Masks against the CPU reference: odd sizes, every layout, the edge values of the decision.
#include "vision/mask.hpp"

#include "device_tensor.hpp"

namespace tarsier::vision {
namespace {

using test::Storage;

class MaskTest : public test::GpuTest {
 protected:
  static std::vector<uint8_t> run(const MaskPass& pass, uint32_t slot, float threshold) {
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) { pass.record(commands, slot, threshold); }));
    std::vector<uint8_t> bytes(pass.mask(slot).size());
    EXPECT_OK(device().download(pass.mask(slot), 0, bytes.data(), bytes.size()));
    return bytes;
  }

  static void check(MaskKind kind, int width, int height, const Storage& storage, float threshold) {
    SCOPED_TRACE(fmt::format("{} {}x{} {} at {}", int(kind), width, height, name_of(storage), threshold));
    const int channels = kind == MaskKind::kTwoLogits ? 2 : 1;
    std::vector<int64_t> shape{1, channels, height, width};
    if (storage.channels_last) shape = {1, height, width, channels};
    const auto count = size_t(channels * width * height);
    auto tensor = test::put(device(), shape,
                            kind == MaskKind::kTwoLogits ? test::random_values(count, -6, 6, 5)
                                                         : test::random_values(count, 0, 1, 6),
                            storage);
    ASSERT_OK(tensor);
    auto pass = MaskPass::create(device(), kind, tensor->ref, 2);
    ASSERT_OK(pass);
    auto expected = mask_reference(kind, tensor->host(), threshold);
    ASSERT_OK(expected);
    const auto bytes = run(*pass, 1, threshold);
    size_t covered = 0;
    for (size_t i = 0; i < expected->size(); ++i) {
      covered += (*expected)[i] >= 128 ? 1U : 0U;
      // The decision is exact; the soft value may round the other way where exp differs by a unit.
      ASSERT_EQ((*expected)[i] >= 128, bytes[i] >= 128) << "pixel " << i;
      ASSERT_NEAR((*expected)[i], bytes[i], 1) << "pixel " << i;
    }
    for (size_t i = expected->size(); i < bytes.size(); ++i) EXPECT_EQ(bytes[i], 0);
    EXPECT_GT(covered, 0U);
    EXPECT_LT(covered, expected->size());
    test::get(device(), *tensor);  // the source and its sentinels are untouched
  }
};

TEST_F(MaskTest, EqualsTheReferenceInEveryLayout) {
  for (const MaskKind kind : {MaskKind::kTwoLogits, MaskKind::kProbability}) {
    for (const Storage& storage :
         {Storage{}, Storage{TensorLayout::kLinear, false, true}, Storage{TensorLayout::kC4, false, false},
          Storage{TensorLayout::kLinear, true, false}, Storage{TensorLayout::kLinear, true, true},
          Storage{TensorLayout::kC4, true, false}}) {
      check(kind, 13, 7, storage, 0.5F);
    }
  }
}

TEST_F(MaskTest, EqualsTheReferenceAtOtherSizesAndThresholds) {
  check(MaskKind::kTwoLogits, 5, 1, {}, 0.5F);
  check(MaskKind::kTwoLogits, 129, 67, {}, 0.8F);
  check(MaskKind::kTwoLogits, 640, 360, {}, 0.5F);
  check(MaskKind::kProbability, 256, 144, {TensorLayout::kLinear, false, true}, 0.25F);
}

TEST_F(MaskTest, EqualLogitsAreOutsideAsArgmaxTakesTheFirst) {
  auto tensor = test::put(device(), {1, 2, 1, 3}, {1.5F, 2, 3, 1.5F, 2.5F, 2.5F});
  ASSERT_OK(tensor);
  auto pass = MaskPass::create(device(), MaskKind::kTwoLogits, tensor->ref, 1);
  ASSERT_OK(pass);
  const auto bytes = run(*pass, 0, 0.5F);
  EXPECT_EQ(bytes[0], 127);
  EXPECT_GE(bytes[1], 128);
  EXPECT_LT(bytes[2], 128);
}

TEST_F(MaskTest, RefusesAnotherNumberOfChannels) {
  auto tensor = test::put(device(), {1, 3, 2, 2}, std::vector<float>(12, 0));
  ASSERT_OK(tensor);
  const auto pass = MaskPass::create(device(), MaskKind::kTwoLogits, tensor->ref, 1);
  ASSERT_FALSE(pass.ok());
  EXPECT_NE(pass.error().message.find("[1,3,2,2]"), std::string::npos) << pass.error().message;
}

}  // namespace
}  // namespace tarsier::vision
