import org.testng.Assert;
import org.testng.IRetryAnalyzer;
import org.testng.ITestResult;
import org.testng.Reporter;
import org.testng.SkipException;
import org.testng.annotations.*;

public class ShopTest {
    static int calls;

    public static class Twice implements IRetryAnalyzer {
        int tries;
        public boolean retry(ITestResult r) { return tries++ < 1; }
    }

    @BeforeClass public void open() {}
    @Test public void adds() { Reporter.log("one & <one>"); }
    @Test public void rounds() { Assert.assertEquals(3, 4, "rounding"); }
    @Test public void throwing() { throw new IllegalStateException("no price"); }
    @Test public void skips() { throw new SkipException("not on Sundays"); }
    @Test(enabled = false) public void off() {}
    @Test(dependsOnMethods = "rounds") public void depends() {}
    @DataProvider public Object[][] numbers() { return new Object[][] {{2, "two"}, {3, null}}; }
    @Test(dataProvider = "numbers") public void parity(int n, String word) { Assert.assertEquals(n % 2, 0); }
    @Test(retryAnalyzer = Twice.class) public void flaky() { if (calls++ == 0) Assert.fail("first try"); }

    public static class Database {
        @BeforeClass public void connect() { throw new IllegalStateException("no database"); }
        @Test public void reads() {}
    }
}
