import org.apache.jmeter.assertions.ResponseAssertion;
import org.apache.jmeter.control.LoopController;
import org.apache.jmeter.control.TransactionController;
import org.apache.jmeter.engine.StandardJMeterEngine;
import org.apache.jmeter.protocol.http.sampler.HTTPSamplerProxy;
import org.apache.jmeter.reporters.ResultCollector;
import org.apache.jmeter.save.SaveService;
import org.apache.jmeter.testelement.TestPlan;
import org.apache.jmeter.threads.ThreadGroup;
import org.apache.jmeter.util.JMeterUtils;
import org.apache.jorphan.collections.HashTree;

/**
 * The plan as JMeter's own classes. Debian's JMeter cannot load a plan from a file, because its XStream
 * forbids the classes; running one and writing the results work.
 */
public class Plan {
    private final int port;

    private Plan(int port) { this.port = port; }

    private HTTPSamplerProxy get(String name, int port, String path) {
        HTTPSamplerProxy sampler = new HTTPSamplerProxy();
        sampler.setName(name);
        sampler.setDomain("127.0.0.1");
        sampler.setPort(port);
        sampler.setPath(path);
        sampler.setMethod("GET");
        sampler.setFollowRedirects(true);
        sampler.setImplementation("Java");
        return sampler;
    }

    private static ResponseAssertion contains(String name, String text) {
        ResponseAssertion assertion = new ResponseAssertion();
        assertion.setName(name);
        assertion.setTestFieldResponseData();
        assertion.setToSubstringType();
        assertion.addTestString(text);
        return assertion;
    }

    private HashTree tree(String out) {
        HashTree root = new HashTree();
        HashTree plan = root.add(new TestPlan("shop"));
        LoopController loop = new LoopController();
        loop.setLoops(2);
        loop.initialize();
        ThreadGroup group = new ThreadGroup();
        group.setName("buyers");
        group.setNumThreads(1);
        group.setSamplerController(loop);
        HashTree buyers = plan.add(group);
        buyers.add(get("opens, \"fast\" <now>", port, "/ok"));
        TransactionController transaction = new TransactionController();
        transaction.setName("checkout");
        transaction.setParent(true);
        HashTree checkout = buyers.add(transaction);
        HashTree pays = checkout.add(get("pays", port, "/ok"));
        pays.add(contains("says paid", "paid"));
        pays.add(contains("says ok", "ok"));
        checkout.add(get("prints", port, "/ok"));
        buyers.add(get("breaks", port, "/fail"));
        buyers.add(get("is unreachable", 1, "/"));
        buyers.add(get("follows", port, "/elsewhere"));
        ResultCollector collector = new ResultCollector();
        collector.setFilename(out);
        plan.add(collector);
        return root;
    }

    /** Usage: Plan PORT OUT [PROPERTY=VALUE...]. */
    public static void main(String[] args) throws Exception {
        JMeterUtils.setJMeterHome("/usr/share/jmeter");
        JMeterUtils.loadJMeterProperties("/usr/share/jmeter/bin/jmeter.properties");
        for (int i = 2; i < args.length; i++) {
            String[] property = args[i].split("=", 2);
            JMeterUtils.setProperty("jmeter.save.saveservice." + property[0], property[1]);
        }
        JMeterUtils.initLocale();
        SaveService.loadProperties();
        StandardJMeterEngine engine = new StandardJMeterEngine();
        engine.configure(new Plan(Integer.parseInt(args[0])).tree(args[1]));
        engine.run();
        System.exit(0);
    }
}
