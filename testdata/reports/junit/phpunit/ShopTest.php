<?php
use PHPUnit\Framework\TestCase;

final class ShopTest extends TestCase
{
    public function testPasses(): void { echo "counted <1> & 2"; $this->assertTrue(true); }
    public function testFails(): void { $this->assertSame(3, 4, 'sum of the cart'); }
    public function testThrows(): void { throw new RuntimeException('no "connection" <here>'); }
    public function testIsSkipped(): void { $this->markTestSkipped('no printer here'); }
    public function testIsIncomplete(): void { $this->markTestIncomplete('not built yet'); }
    public function testIsRisky(): void { }
    public function testWarns(): void { trigger_error('deprecated cart', E_USER_WARNING); }
    /** @dataProvider prices */
    public function testTaxes(int $net, int $gross): void { $this->assertSame($gross, $net); }
    public static function prices(): array { return ['one cent' => [1, 1], 'two "cents"' => [2, 3]]; }
    /** @depends testFails */
    public function testDepends(): void { $this->assertTrue(true); }
}
