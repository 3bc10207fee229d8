#include <gtest/gtest.h>
#include <cstdlib>
#include <stdexcept>
TEST(Cart, Passes) { RecordProperty("ticket", "SHOP-7"); EXPECT_EQ(1, 1); }
TEST(Cart, Fails) { EXPECT_EQ(1, 2) << "want 1"; EXPECT_TRUE(false); }
TEST(Cart, Throws) { throw std::runtime_error("no cart"); }
TEST(Cart, Skipped) { GTEST_SKIP() << "no database"; }
TEST(Cart, DISABLED_Later) { EXPECT_EQ(1, 2); }
class Setup : public testing::Test { protected: void SetUp() override { FAIL() << "no environment"; } };
TEST_F(Setup, NeverRuns) {}
class Suite : public testing::Test { public: static void SetUpTestSuite() { FAIL() << "no suite"; } };
TEST_F(Suite, Runs) {}
class Counts : public testing::TestWithParam<int> {};
TEST_P(Counts, Doubles) { EXPECT_EQ(GetParam() + GetParam(), 2); }
INSTANTIATE_TEST_SUITE_P(Small, Counts, testing::Values(1, 2));
class Env : public testing::Environment { public: void TearDown() override { ADD_FAILURE() << "cannot be closed"; } };
int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  if (std::getenv("CLOSE")) testing::AddGlobalTestEnvironment(new Env);
  return RUN_ALL_TESTS();
}
