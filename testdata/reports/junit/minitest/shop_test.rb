require 'minitest/autorun'
require 'minitest/reporters'
Minitest::Reporters.use! Minitest::Reporters::JUnitReporter.new(ENV.fetch('REPORTS'))

class ShopTest < Minitest::Test
  def test_passes; puts 'counted <1> & 2'; assert true; end
  def test_fails; assert_equal 3, 4, 'sum of the cart'; end
  def test_raises; raise 'no "connection" <here>'; end
  def test_is_skipped; skip 'no printer here'; end
  def test_without_an_assertion; end
end

class HookTest < Minitest::Test
  def setup; raise 'no database'; end
  def test_reads; assert true; end
end

class TeardownTest < Minitest::Test
  def teardown; raise 'cannot be closed'; end
  def test_reads; assert true; end
  def test_writes; assert_equal 1, 2; end
end

describe 'cart' do
  it('counts') { _(1).must_equal 1 }
  describe('with items') { it('sums up') { _(1).must_equal 2 } }
end
