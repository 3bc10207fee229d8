// Tests of the step: groovy -cp testdata testdata/step_test.groovy VARS [JENKINSFILE...]

import org.codehaus.groovy.control.CompilerConfiguration

vars = new File(args[0])
passed = 0

// core is a program in the place of the core: it writes down how it was called and does as FAKE says.
CORE = '''#!/bin/sh
{ echo "pid=$$"; for a in "$@"; do printf "arg=%s\\n" "$a"; done; env | grep '^ASSAY_\\|^TOKEN'; echo end; } >>"$NOTES"
case $1 in
sweep) exit "${SWEEP:-0}" ;;
artifacts)
	case $FAKE in bare) exit 64 ;; esac
	mkdir -p "$5/reports" && echo '<testsuite/>' >"$5/reports/junit.xml"
	exit ;;
esac
[ -z "$OUTCOME" ] || printf "$OUTCOME" >"$ASSAY_STEP_OUTCOME"
[ -z "$MARKDOWN" ] || printf "$MARKDOWN" >"$ASSAY_SUMMARY"
mkdir -p .assay/entries && echo '{}' >.assay/entries/one.json
case $FAKE in
wait) trap 'exit 130' TERM; echo "at work"; while :; do sleep 1 & wait $!; done ;;
kill) kill -9 $$ ;;
bare) exit 0 ;;
*) exit "$FAKE" ;;
esac
'''

Jenkins jenkins(Map how = [:]) {
    File root = File.createTempDir()
    File ws = new File(root, "work space")
    ws.mkdirs()
    File core = new File(root, 'bin/assay')
    core.parentFile.mkdirs()
    core.text = CORE
    core.executable = true
    Map env = [PATH: core.parent + ':/usr/bin:/bin', NOTES: root.path + '/notes', FAKE: '0', TOKEN: 's3cret', HOME: root.path] + how
    new File(root, 'notes').text = ''
    addShutdownHook { root.deleteDir() }
    return new Jenkins(workspace: ws, env: env)
}

Script load(Jenkins j, File source, Map more = [:]) {
    def config = new CompilerConfiguration(scriptBaseClass: 'Pipeline')
    def binding = new Binding([jenkins: j, env: j.env, currentBuild: j.build, scm: 'scm', any: 'any'] + more)
    return new GroovyShell(this.class.classLoader, binding, config).parse(source)
}

// step calls the step as a scripted pipeline does; what it throws comes back as thrown.
Map step(Jenkins j, Map parameters) {
    try {
        return [returned: load(j, new File(vars, 'assay.groovy')).call(parameters), thrown: null]
    } catch (FlowInterruptedException | AbortException e) {
        return [returned: null, thrown: e]
    }
}

// notes are the calls of the core: arguments, and variables.
List notes(Jenkins j) {
    new File(j.env.NOTES).text.split(/(?m)^end$\n?/).findAll { it.trim() }.collect { part ->
        List lines = part.readLines()
        [args: lines.findAll { it.startsWith('arg=') }*.substring(4), pid: lines[0].substring(4) as long,
         env: lines.findAll { it ==~ /(ASSAY_\w+|TOKEN)=.*/ }.collectEntries { [it.split('=', 2)[0], it.split('=', 2)[1]] }]
    }
}

void test(String name, Closure body) {
    try {
        body()
        passed++
    } catch (Throwable e) {
        println "FAIL: $name\n$e"
        e.stackTrace.findAll { it.fileName?.endsWith('.groovy') }.each { println "    $it" }
        System.exit(1)
    }
}

test('parameters become variables, and arguments only where a variable cannot hold them') {
    def j = jenkins()
    def r = step(j, [suites: ['one', '--two', 'a b'], subject: 'x@sha256:1, y@sha256:2', environment: 'staging', coreImage: 'core', kubeContext: null, parallel: 3, dryRun: true])
    assert r.returned == 0 : r.thrown
    def called = notes(j)[0]
    assert called.args == ['run', '--subject=x@sha256:1', '--subject=y@sha256:2', '--', 'one', '--two', 'a b']
    assert called.env.ASSAY_ENVIRONMENT == 'staging' && called.env.ASSAY_CORE_IMAGE == 'core' && called.env.ASSAY_PARALLEL == '3' && called.env.ASSAY_DRY_RUN == 'true'
    assert !called.env.containsKey('ASSAY_KUBE_CONTEXT')
    assert called.env.TOKEN == 's3cret'
    assert called.pid == j.of('sh')[0].pid : 'the core took the place of the shell'
    assert j.of('sh').every { !(it.args.script =~ /one|staging|s3cret/) } : 'no value is in a script'
    assert j.build.result == null
}

test('a value that would be something to a shell, or to withEnv, stays a value') {
    def j = jenkins()
    new File(j.workspace, 'a file').text = '' // which a star would become
    List evil = ['$TOKEN', '${TOKEN}', '$(touch evil)', '`touch evil`', '; touch evil', '"; touch evil; "', "' touch evil '", '*', '~', '$$', '\\n', 'a\tb']
    def r = step(j, [suites: evil, environment: '$TOKEN $(touch evil)'])
    assert r.returned == 0 : r.thrown
    assert notes(j)[0].args == ['run', '--'] + evil
    assert notes(j)[0].env.ASSAY_ENVIRONMENT == '$TOKEN $(touch evil)'
    assert !new File(j.workspace, 'evil').exists()
}

test('what the step does not know is refused') {
    for (bad in [[enviroment: 'x'], [command: 'sweep'], [suites: ['a\nb']], [unstableOn: [64]], [unstableOn: [0]]]) {
        def j = jenkins()
        assert step(j, bad).thrown instanceof AbortException : bad
        assert notes(j) == []
    }
    def j = jenkins()
    assert step(j, [enviroment: 'x']).thrown.message.contains('there is no parameter enviroment; there are advisory, approveFork')
    j = jenkins()
    j.unix = false
    assert step(j, [:]).thrown.message.contains('Linux or macOS')
}

for (entry in [0: null, 1: 'FAILURE', 2: 'FAILURE', 3: 'FAILURE', 64: 'FAILURE', 5: 'FAILURE', 130: 'ABORTED', 143: 'ABORTED']) {
    int code = entry.key
    String result = entry.value
    test("exit code $code makes $result") {
        def j = jenkins(FAKE: code.toString(), OUTCOME: 'decision=NOT_READY\\ntitle=Not ready: 100%% = it\\nrun=aa\\nrun=bb\\n')
        def r = step(j, [environment: 'staging'])
        assert j.build.result == result
        if (code == 0) {
            assert r.returned == 0
        } else {
            assert r.thrown instanceof AbortException
            if (code < 128) assert r.thrown.message == "assay: Not ready: 100% = it (exit code $code)"
        }
        assert notes(j).findAll { it.args[0] == 'sweep' }.size() == (code >= 128 ? 1 : 0)
        assert j.of('archiveArtifacts')[0].files == ['.assay/entries/one.json'] : 'the evidence is kept whatever the code is'
        assert j.of('junit').size() == 1
        assert j.of('junit')[0].args.allowEmptyResults && j.of('junit')[0].args.skipMarkingBuildUnstable
        assert notes(j).findAll { it.args[0] == 'artifacts' }*.args*.getAt(1) == ['aa', 'bb']
    }
}

test('an exit code without an outcome has words of its own') {
    for (entry in [1: 'not ready, or a suite failed', 2: 'not enough evidence', 3: 'could not tell', 64: 'wrong usage', 5: 'the core ended with exit code 5']) {
        assert step(jenkins(FAKE: entry.key.toString()), [:]).thrown.message.contains(entry.value)
    }
    def j = jenkins()
    assert step(j, [binary: './gone']).thrown.message.contains('there is no core')
    j = jenkins(FAKE: 'kill')
    assert step(j, [:]).thrown.message.contains('137')
    assert notes(j)*.args*.getAt(0) == ['run', 'sweep']
}

test('unstable and advisory are chosen, and cover what they name alone') {
    def j = jenkins(FAKE: '2')
    assert step(j, [unstableOn: [2]]).returned == 2 && j.build.result == 'UNSTABLE'
    j = jenkins(FAKE: '1')
    assert step(j, [unstableOn: [2]]).thrown instanceof AbortException && j.build.result == 'FAILURE'
    j = jenkins(FAKE: '1')
    assert step(j, [advisory: true]).returned == 1 && j.build.result == null
    assert notes(j)[0].env.ASSAY_ADVISORY == '' : 'the core does not hide the verdict from the step'
    j = jenkins(FAKE: '3', ASSAY_ADVISORY: 'true')
    assert step(j, [:]).returned == 3 && j.build.result == null
    for (code in ['64', '5', '130']) {
        j = jenkins(FAKE: code)
        assert step(j, [advisory: true, unstableOn: [1, 2, 3]]).thrown instanceof AbortException
    }
}

test('an aborted build signals the core, sweeps, and keeps what there is') {
    def j = jenkins(FAKE: 'wait', MARKDOWN: '## Tests are running')
    j.abortAt = 'at work'
    def r = step(j, [environment: 'staging', kubeconfig: '/k', dryRun: false, checks: true])
    assert r.thrown instanceof FlowInterruptedException : 'Jenkins itself says that it was aborted'
    assert notes(j)*.args == [['run'], ['sweep']]
    assert notes(j)[1].env.ASSAY_ENVIRONMENT == 'staging' && notes(j)[1].env.ASSAY_KUBECONFIG == '/k' && notes(j)[1].env.ASSAY_DRY_RUN == ''
    assert j.of('timeout')[0].args == [time: 1, unit: 'MINUTES']
    assert j.of('archiveArtifacts')*.files == [['.assay/entries/one.json'], ['assay-summary.md']]
    assert j.of('publishChecks')[0].args.conclusion == 'FAILURE'
    j = jenkins(FAKE: 'wait', SWEEP: '3')
    j.abortAt = 'at work'
    assert step(j, [command: 'verdict']).thrown instanceof FlowInterruptedException
    assert notes(j)*.args == [['verdict']] : 'what runs nothing leaves nothing'
}

test('plugins that are not there are named, and turn nothing') {
    for (entry in [junit: 'JUnit', archiveArtifacts: 'Pipeline: Basic Steps', publishChecks: 'Checks API']) {
        def j = jenkins(OUTCOME: 'run=aa\\n')
        j.missing = [entry.key]
        def r = step(j, [checks: true])
        assert r.returned == 0 && j.build.result == null : r.thrown
        assert j.of('echo')*.plain.any { it.contains("has no step ${entry.key}, which the plugin ${entry.value} brings") }
        assert (['junit', 'archiveArtifacts', 'publishChecks'] - entry.key).every { j.of(it) } : 'the others are used'
        j = jenkins(FAKE: '1', OUTCOME: 'run=aa\\n')
        j.missing = ['junit', 'archiveArtifacts', 'publishChecks']
        assert step(j, [checks: true]).thrown instanceof AbortException && j.build.result == 'FAILURE'
    }
}

test('what is not wanted is left out') {
    def j = jenkins(OUTCOME: 'run=aa\\n')
    step(j, [junit: false, archive: false])
    assert ['junit', 'archiveArtifacts', 'publishChecks'].every { !j.of(it) }
    assert notes(j)*.args == [['run']]
}

test('a check has the words of the core, and is never green by itself') {
    for (entry in ['0': 'SUCCESS', '1': 'FAILURE', '2': 'FAILURE', '3': 'FAILURE', '64': 'FAILURE']) {
        def j = jenkins(FAKE: entry.key, OUTCOME: 'title=In words\\n', MARKDOWN: '## In words\\nmore')
        step(j, [checks: true, advisory: true, key: 'nightly'])
        def check = j.of('publishChecks')[0].args
        assert check == [name: 'Assay verdict (nightly)', title: 'In words', summary: '## In words\nmore', conclusion: entry.value]
    }
    def j = jenkins()
    step(j, [checks: true, suites: 'a b', summary: 'own.md'])
    assert j.of('publishChecks')[0].args.name == 'Assay suites: a, b'
    assert notes(j)[0].env.ASSAY_SUMMARY == 'own.md'
    assert notes(j)[0].env.ASSAY_SUMMARY_LIMIT == '65535', 'the core cuts it, and says what it leaves out'
    j = jenkins()
    step(j, [checks: true, suites: (1..50).collect { 'suite-' + it }, summaryLimit: 1000])
    assert j.of('publishChecks')[0].args.name.length() < 100
    assert notes(j)[0].env.ASSAY_SUMMARY_LIMIT == '1000'
}

test('a store elsewhere is archived from there') {
    def j = jenkins()
    File store = File.createTempDir()
    new File(store, 'entry').text = ''
    step(j, [store: store.path])
    assert j.of('archiveArtifacts')[0].files == ['entry']
    store.deleteDir()
}

test('a store in a registry lasts there, and is not archived') {
    def j = jenkins()
    step(j, [store: 'oci://registry.example.com/shop/evidence'])
    assert j.of('archiveArtifacts')*.args*.artifacts == ['assay-summary.md']
}

test('reports are read from the evidence, and one without any is no failure') {
    def j = jenkins(OUTCOME: 'run=aa\\n', FAKE: 'bare')
    assert step(j, [:]).returned == 0
    assert !new File(j.workspace.path + '@tmp').listFiles().any { it.name.startsWith('assay-') } : 'nothing is left on the agent'
}

// The README's Jenkinsfiles, on the same Jenkins.
for (name in args.drop(1)) {
    test("the Jenkinsfile $name") {
        def j = jenkins()
        def library = load(j, new File(vars, 'assay.groovy'))
        String text = new File(name).text.replaceAll(/(?m)^@Library\(.*\) _$/, '')
        File plain = File.createTempFile('Jenkinsfile', '.groovy')
        plain.deleteOnExit()
        plain.text = text
        load(j, plain, [library: library]).run()
        assert notes(j).size() == 1
        assert notes(j)[0].args[0] == 'run'
        assert notes(j)[0].env.ASSAY_ENVIRONMENT == 'staging'
        assert notes(j)[0].env.ASSAY_GITHUB_TOKEN : 'the token comes by a variable'
        j = jenkins(FAKE: '1')
        try {
            load(j, plain, [library: load(j, new File(vars, 'assay.groovy'))]).run()
        } catch (AbortException e) {
        }
        assert j.build.result == 'FAILURE'
    }
}

println "passed $passed"
