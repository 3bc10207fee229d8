import unittest


class Shop(unittest.TestCase):
    def test_passes(self):
        print("counted <1> & 2")

    def test_fails(self):
        self.assertEqual(3, 4, "sum of the cart")

    def test_raises(self):
        raise RuntimeError('no "connection" <here>')

    @unittest.skip("no printer here")
    def test_is_skipped(self):
        pass

    @unittest.expectedFailure
    def test_is_expected_to_fail(self):
        self.fail("known bug 7")

    @unittest.expectedFailure
    def test_is_wrongly_expected_to_fail(self):
        pass

    def test_prices(self):
        for cents in (1, 2, 3):
            with self.subTest("price", cents=cents):
                self.assertNotEqual(cents, 2)


class Database(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no database")

    def test_reads(self):
        pass


class Teardown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise RuntimeError("cannot be closed")

    def test_reads(self):
        pass
