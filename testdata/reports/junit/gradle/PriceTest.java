import static org.junit.Assert.assertEquals;

import java.util.Arrays;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.Parameterized;

@RunWith(Parameterized.class)
public class PriceTest {
    @Parameterized.Parameters(name = "{0} cents")
    public static Iterable<Object[]> data() { return Arrays.asList(new Object[][] {{1, 1}, {2, 3}}); }

    @Parameterized.Parameter(0) public int net;
    @Parameterized.Parameter(1) public int gross;

    @Test public void taxes() { assertEquals(gross, net); }
}
