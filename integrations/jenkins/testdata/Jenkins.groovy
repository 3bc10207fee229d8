// A Jenkins that is just large enough for the step: the steps it uses, as their plugins document them, on
// a real workspace with a real shell.

class Jenkins {
    File workspace
    Map env = [:]
    List<String> missing = [] // steps whose plugin is not installed
    List<Map> calls = [] // every step with its arguments
    Map build = [result: null]
    boolean unix = true
    // Once a line holds this, somebody presses the button.
    String abortAt = null
    List<File> at = []
    List<Map> layers = []
    static final List STEPS = ['sh', 'dir', 'writeFile', 'readFile', 'fileExists', 'deleteDir', 'withEnv', 'isUnix', 'pwd', 'echo', 'error', 'unstable', 'catchError', 'timeout',
        'junit', 'archiveArtifacts', 'publishChecks', 'node', 'withCredentials', 'checkout', 'library', 'string', 'file', 'stage', 'pipeline', 'agent', 'stages', 'steps', 'post', 'always', 'environment']

    List<Map> of(String step) { calls.findAll { it.step == step } }

    Object step(String name, Object[] args) {
        if (!(name in STEPS) || name in missing) {
            throw new NoSuchMethodError("No such DSL method '${name}' found among steps ${STEPS - missing}")
        }
        Map named = args.find { it instanceof Map } ?: [:]
        Closure body = args.find { it instanceof Closure }
        Object plain = args.find { !(it instanceof Map) && !(it instanceof Closure) }
        calls << [step: name, args: named, plain: plain, dir: here().path]
        return this."do_$name"(named, plain, body)
    }

    File here() { at ? at.last() : workspace }
    Map variables() { layers.inject([:] + env) { all, more -> all + more } }
    File path(String name) { name.startsWith('/') ? new File(name) : new File(here(), name) }

    def do_isUnix(n, p, b) { unix }
    def do_pwd(n, p, b) { n.tmp ? workspace.path + '@tmp' : here().path }
    def do_dir(n, p, b) { at << path(p).canonicalFile; try { b() } finally { at.pop() } }
    def do_writeFile(n, p, b) { File f = path(n.file); f.parentFile.mkdirs(); f.text = n.text }
    def do_readFile(n, p, b) { path(n.file ?: p).getText(n.encoding ?: 'UTF-8') }
    def do_fileExists(n, p, b) { path(p).exists() }
    def do_deleteDir(n, p, b) { here().deleteDir() }
    def do_echo(n, p, b) {}
    def do_error(n, p, b) { build.result = worse('FAILURE'); throw new AbortException(p) }
    def do_unstable(n, p, b) { build.result = worse('UNSTABLE') }
    def do_timeout(n, p, b) { b() }
    def do_junit(n, p, b) { calls.last().files = match(n.testResults) }
    def do_archiveArtifacts(n, p, b) { calls.last().files = match(n.artifacts) }
    def do_publishChecks(n, p, b) {}
    String worse(String r) { List order = [null, 'SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']; order[[order.indexOf(build.result), order.indexOf(r)].max()] }

    // catchError: the body's exception is said, and the build's result is what the parameters make it.
    def do_catchError(n, p, b) {
        try {
            b()
        } catch (FlowInterruptedException e) {
            if (n.catchInterruptions == false) throw e
        } catch (Throwable e) {
            if (n.buildResult != 'SUCCESS') build.result = worse('FAILURE')
        }
    }

    // withEnv fills $NAME in, and takes $$ for $, as hudson.Util.replaceMacro does.
    def do_withEnv(n, p, b) {
        Map outer = variables()
        Map layer = [:]
        for (one in p) {
            int at = one.indexOf('=')
            layer[one.substring(0, at)] = one.substring(at + 1).replaceAll(/\$([A-Za-z0-9_]+|\{[A-Za-z0-9_.]+\}|\$)/) { all, key ->
                key == '$' ? '$' : outer.getOrDefault(key.replaceAll(/[{}]/, ''), all)
            }
        }
        layers << layer
        try { b() } finally { layers.pop() }
    }

    // sh writes the script to a file and runs it; an abort sends SIGTERM to what it became.
    def do_sh(n, p, b) {
        assert n.returnStatus : 'a failing script must not throw'
        File script = new File(workspace.path + '@tmp/script.sh')
        script.parentFile.mkdirs()
        script.text = n.script
        List command = n.script.startsWith('#!') ? [script.path] : ['sh', '-xe', script.path]
        script.executable = true
        ProcessBuilder builder = new ProcessBuilder(command.collect { it.toString() }).directory(here()).redirectErrorStream(true)
        builder.environment().clear()
        variables().each { k, v -> builder.environment().put(k.toString(), v.toString()) }
        Process process = builder.start()
        StringBuilder said = new StringBuilder()
        boolean aborted = false
        process.inputStream.eachLine { line ->
            said << line << '\n'
            if (abortAt && !aborted && line.contains(abortAt)) {
                aborted = true
                ['kill', '-TERM', process.pid().toString()].execute().waitFor() // this one process alone
            }
        }
        int status = process.waitFor()
        calls.last().said = said.toString()
        calls.last().pid = process.pid()
        if (aborted) throw new FlowInterruptedException('aborted')
        return status
    }

    // Patterns of Ant, as far as they are used here.
    List match(String pattern) {
        List found = []
        File base = here()
        if (base.exists()) base.eachFileRecurse(groovy.io.FileType.FILES) { f ->
            String name = base.toPath().relativize(f.toPath()).toString()
            if (java.nio.file.FileSystems.default.getPathMatcher('glob:' + pattern).matches(java.nio.file.Paths.get(name)) ||
                pattern.contains('**/') && java.nio.file.FileSystems.default.getPathMatcher('glob:' + pattern.replace('**/', '')).matches(java.nio.file.Paths.get(name))) found << name
        }
        return found.sort()
    }

    // What Jenkinsfiles are made of.
    def run(Closure b) { if (b) { b.resolveStrategy = Closure.DELEGATE_FIRST; b() } }
    def do_node(n, p, b) { run(b) }
    def do_stage(n, p, b) { run(b) }
    def do_stages(n, p, b) { run(b) }
    def do_steps(n, p, b) { run(b) }
    def do_pipeline(n, p, b) { try { run(b) } catch (AbortException e) { build.result = worse('FAILURE') } }
    def do_agent(n, p, b) {}
    def do_post(n, p, b) { run(b) }
    def do_always(n, p, b) { run(b) }
    def do_environment(n, p, b) {}
    def do_checkout(n, p, b) {}
    def do_library(n, p, b) {}
    def do_string(n, p, b) { [(n.variable): 'credential ' + n.credentialsId] }
    def do_file(n, p, b) { [(n.variable): '/credential/' + n.credentialsId] }
    def do_withCredentials(n, p, b) { layers << p.inject([:]) { all, one -> all + one }; try { run(b) } finally { layers.pop() } }
}
