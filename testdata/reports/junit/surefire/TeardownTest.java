import org.junit.AfterClass;
import org.junit.Test;

public class TeardownTest {
    @AfterClass public static void close() { throw new IllegalStateException("cannot be closed"); }
    @Test public void reads() { }
}
