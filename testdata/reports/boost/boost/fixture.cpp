#define BOOST_TEST_MODULE Shop
#include <boost/test/included/unit_test.hpp>
#include <boost/test/data/test_case.hpp>
#include <stdexcept>

BOOST_AUTO_TEST_SUITE(cart)

BOOST_AUTO_TEST_CASE(adds) { BOOST_TEST(1 + 1 == 2); }

BOOST_AUTO_TEST_CASE(rounds)
{
    BOOST_TEST_MESSAGE("rounding <down> & on");
    BOOST_CHECK_EQUAL(7 / 2, 4);
    BOOST_CHECK_EQUAL(9 / 2, 5);
}

BOOST_AUTO_TEST_CASE(requires_stock) { BOOST_REQUIRE(false); }

BOOST_AUTO_TEST_CASE(throws) { throw std::runtime_error("no price for <apple>"); }

BOOST_AUTO_TEST_CASE(switched_off, *boost::unit_test::disabled()) {}

BOOST_AUTO_TEST_CASE(depends, *boost::unit_test::depends_on("cart/rounds")) {}

BOOST_DATA_TEST_CASE(parity, boost::unit_test::data::make({2, 3, 4}), n) { BOOST_TEST(n % 2 == 0); }

BOOST_AUTO_TEST_SUITE_END()

struct broken {
    broken() { throw std::runtime_error("no database"); }
};

BOOST_AUTO_TEST_SUITE(orders, *boost::unit_test::fixture<broken>())
BOOST_AUTO_TEST_CASE(places) {}
BOOST_AUTO_TEST_SUITE_END()
