using System;
using System.Threading;
using NUnit.Framework;

namespace Shop {
    [TestFixture, Category("fast")]
    public class CartTest {
        [Test, Description("adds an item")] public void Passes() { Console.WriteLine("counted <1> & 2"); }
        [Test] public void Fails() { Assert.AreEqual(3, 4, "sum of the cart"); }
        [Test] public void Throws() { throw new InvalidOperationException("no \"connection\" <here>"); }
        [Test, Ignore("no printer here")] public void IsIgnored() { }
        [Test] public void IsIgnoredLater() { Assert.Ignore("only on solaris"); }
        [Test] public void IsInconclusive() { Assume.That(false, "no network"); }
        [Test, Explicit("takes hours")] public void IsExplicit() { }
        [Test, Platform("Win")] public void IsOfAnotherPlatform() { }
        [TestCase(1)] [TestCase(2)] public void Taxes(int cents) { Assert.AreEqual(1, cents); }
        [Test, ExpectedException(typeof(ArgumentException))] public void ExpectsAnException() { throw new ArgumentException("expected"); }
        [Test] public void Succeeds() { Assert.Pass("fine"); }
        [Test, Timeout(50)] public void TakesTooLong() { Thread.Sleep(2000); }
        [Test] private void IsPrivate() { }
    }

    [TestFixture]
    public class DatabaseTest {
        [TestFixtureSetUp] public void Open() { throw new InvalidOperationException("no database"); }
        [Test] public void Reads() { }
        [Test] public void Writes() { }
    }

    [TestFixture]
    public class TeardownTest {
        [TestFixtureTearDown] public void Close() { throw new InvalidOperationException("cannot be closed"); }
        [Test] public void Reads() { }
    }

    [TestFixture]
    public class HookTest {
        [TearDown] public void Clean() { throw new InvalidOperationException("cannot be cleaned"); }
        [Test] public void Reads() { }
    }

    [TestFixture, Ignore("not built yet")]
    public class LaterTest {
        [Test] public void Reads() { }
    }
}
