import static org.junit.Assert.assertEquals;
import static org.junit.Assume.assumeTrue;

import org.junit.Ignore;
import org.junit.Test;

public class ShopTest {
    @Test public void passes() { System.out.println("counted <1> & 2"); System.err.println("slow"); }
    @Test public void fails() { assertEquals("sum of the cart", 3, 4); }
    @Test public void throwsAnException() { throw new IllegalStateException("no \"connection\" <here>"); }
    @Ignore("no printer here") @Test public void isSkipped() { }
    @Test public void isSkippedByAssumption() { assumeTrue("only on solaris", false); }
}
