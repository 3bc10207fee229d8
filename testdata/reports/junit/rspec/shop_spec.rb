RSpec.describe 'Shop' do
  it('passes') { puts 'counted <1> & 2' }
  it('fails') { expect(4).to eq(3), 'sum of the cart' }
  it('raises') { raise 'no "connection" <here>' }
  it 'is not written'
  it('is skipped', skip: 'no printer here') { raise 'never' }
  it('is pending') { pending 'not built yet'; expect(1).to eq(2) }
  it('is pending and fixed') { pending 'not built yet'; expect(1).to eq(1) }
  [1, 2].each { |cents| it("taxes #{cents}") { expect(cents).to eq(1) } }
  it('aggregates', :aggregate_failures) { expect(1).to eq(2); expect(3).to eq(4) }

  describe 'database' do
    before(:context) { raise 'no database' }
    it('reads') {}
    it('writes') {}
  end

  describe 'teardown' do
    after(:context) { raise 'cannot be closed' }
    it('reads') {}
  end

  shared_examples('a cart') { it('counts') { expect(items).to eq(1) } }
  context('with one item') { let(:items) { 1 }; include_examples 'a cart' }
  context('with two items') { let(:items) { 2 }; include_examples 'a cart' }
end
