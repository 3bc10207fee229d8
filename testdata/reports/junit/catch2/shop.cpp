#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <iostream>
#include <stdexcept>

TEST_CASE("passes", "[shop]") { std::cout << "counted <1> & 2\n"; REQUIRE(1 == 1); }
TEST_CASE("fails", "[shop]") { INFO("sum of the cart"); CHECK(3 == 4); CHECK(5 == 6); }
TEST_CASE("throws") { throw std::runtime_error("no \"connection\" <here>"); }
TEST_CASE("has no assertion") {}
TEST_CASE("may fail", "[!mayfail]") { CHECK(1 == 2); }
TEST_CASE("should fail", "[!shouldfail]") { CHECK(1 == 2); }
TEST_CASE("should fail and passes", "[!shouldfail]") { CHECK(1 == 1); }
TEST_CASE("is hidden", "[.]") { CHECK(1 == 2); }
TEST_CASE("cart") {
  SECTION("counts") { CHECK(1 == 1); }
  SECTION("sums up") { CHECK(1 == 2); }
}
TEMPLATE_TEST_CASE("adds", "[math]", int, double) { CHECK(TestType(2) == TestType(1) + TestType(1)); }
TEST_CASE("taxes") { auto cents = GENERATE(1, 2); CHECK(cents == 1); }
