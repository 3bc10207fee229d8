#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <gtest/gtest.h>

TEST(Shop, Passes) { std::cout << "counted <1> & 2\n"; RecordProperty("items", 3); }
TEST(Shop, Fails) { EXPECT_EQ(3, 4) << "sum of the cart"; EXPECT_TRUE(false) << "a second failure, ]]> too"; }
TEST(Shop, Throws) { throw std::runtime_error("no \"connection\" <here>"); }
TEST(Shop, IsSkipped) { GTEST_SKIP() << "no printer here"; }
TEST(Shop, DISABLED_IsDisabled) { FAIL(); }

class Price : public testing::TestWithParam<int> {};
TEST_P(Price, Taxes) { EXPECT_EQ(1, GetParam()); }
INSTANTIATE_TEST_SUITE_P(Cents, Price, testing::Values(1, 2));

template <typename T> class Sum : public testing::Test {};
using Kinds = testing::Types<int, double>;
TYPED_TEST_SUITE(Sum, Kinds);
TYPED_TEST(Sum, Adds) { EXPECT_EQ(TypeParam(2), TypeParam(1) + TypeParam(1)); }

struct Database : testing::Test {
  static void SetUpTestSuite() { ADD_FAILURE() << "no database"; }
};
TEST_F(Database, Reads) {}

struct Teardown : testing::Test {
  static void TearDownTestSuite() { ADD_FAILURE() << "cannot be closed"; }
};
TEST_F(Teardown, Reads) {}

struct Hook : testing::Test {
  void SetUp() override { throw std::runtime_error("no table"); }
};
TEST_F(Hook, Reads) {}
