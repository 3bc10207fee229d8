import org.junit.BeforeClass;
import org.junit.Test;

public class DatabaseTest {
    @BeforeClass public static void open() { throw new IllegalStateException("no database"); }
    @Test public void reads() { }
    @Test public void writes() { }
}
