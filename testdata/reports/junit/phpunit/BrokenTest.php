<?php
use PHPUnit\Framework\TestCase;

final class BrokenTest extends TestCase
{
    /** @dataProvider nowhere */
    public function testReads(int $n): void { $this->assertTrue(true); }
}
