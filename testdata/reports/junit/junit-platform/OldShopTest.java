import org.junit.Assert;
import org.junit.BeforeClass;
import org.junit.Ignore;
import org.junit.Test;

public class OldShopTest {
    @Test public void passes() { }
    @Test public void fails() { Assert.fail("sum of the cart"); }
    @Ignore("no printer here") @Test public void isSkipped() { }

    public static class DatabaseTest {
        @BeforeClass public static void open() { throw new IllegalStateException("no database"); }
        @Test public void reads() { }
    }
}
