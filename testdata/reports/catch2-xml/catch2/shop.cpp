#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <stdexcept>
#include <cstdio>

TEST_CASE("passes", "[smoke]") { REQUIRE(1 == 1); }
TEST_CASE("fails") { CHECK(1 == 2); REQUIRE(2 == 3); }
TEST_CASE("throws") { throw std::runtime_error("no cart"); }
TEST_CASE("fails as expected", "[!shouldfail]") { REQUIRE(1 == 2); }
TEST_CASE("passes against the expectation", "[!shouldfail]") { REQUIRE(1 == 1); }
TEST_CASE("may fail and does", "[!mayfail]") { REQUIRE(1 == 2); }
TEST_CASE("is hidden", "[.]") { REQUIRE(1 == 2); }
TEST_CASE("expects nothing") {}
TEST_CASE("prints") { std::puts("fine"); REQUIRE(true); }
TEST_CASE("prices") {
  SECTION("net") { REQUIRE(1 == 1); }
  SECTION("gross") { REQUIRE(1 == 2); SECTION("rounded") { REQUIRE(1 == 1); } }
}
TEST_CASE("counts") { auto n = GENERATE(1, 2); INFO("n is " << n); REQUIRE(n + n == 2); }
struct Shop { Shop() { throw std::runtime_error("no environment"); } };
TEST_CASE_METHOD(Shop, "never runs") { REQUIRE(1 == 1); }
