import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShopTest {
    @Test void passes() { System.out.println("counted <1> & 2"); System.err.println("slow"); }
    @Test @DisplayName("fails, with a \"name\" of its own") void fails() { assertEquals(3, 4, "sum of the cart"); }
    @Test void throwsAnException() { throw new IllegalStateException("no connection"); }
    @Test @Disabled("no printer here") void isSkipped() { }
    @Test void isSkippedByAssumption() { assumeTrue(false, "only on solaris"); }
    @ParameterizedTest @ValueSource(ints = {1, 2}) void taxes(int cents) { assertEquals(1, cents); }
    @RepeatedTest(2) void repeats(RepetitionInfo info) { assertEquals(1, info.getCurrentRepetition()); }
    @TestFactory Stream<DynamicTest> made() {
        return Stream.of(DynamicTest.dynamicTest("one", () -> { }), DynamicTest.dynamicTest("two", () -> assertEquals(1, 2)));
    }

    @Nested class WithItems {
        @Test void counts() { }
    }

    @Nested class WithoutDatabase {
        @org.junit.jupiter.api.BeforeEach void open() { throw new IllegalStateException("no table"); }
        @Test void reads() { }
    }
}

class DatabaseTest {
    @BeforeAll static void open() { throw new IllegalStateException("no database"); }
    @Test void reads() { }
    @Test void writes() { }
}

class TeardownTest {
    @AfterAll static void close() { throw new IllegalStateException("cannot be closed"); }
    @Test void reads() { }
}

@Disabled("not built yet")
class LaterTest {
    @Test void reads() { }
}
