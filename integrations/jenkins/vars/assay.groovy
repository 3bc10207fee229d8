// The step `assay`: hands its parameters to the core, runs it, shows what it left, and ends as it did.
// Nothing is decided here. assay.txt is its help.

import groovy.transform.Field

// Parameters that are flags of the core, each handed over in its variable. A test compares them with the
// core's own. --advisory is not among them: the step itself lets the build pass, so that what it shows
// stays what it is.
@Field static final Map FLAGS = [
    approveFork: 'ASSAY_APPROVE_FORK', attach: 'ASSAY_ATTACH', catalog: 'ASSAY_CATALOG', coreImage: 'ASSAY_CORE_IMAGE', drain: 'ASSAY_DRAIN', dryRun: 'ASSAY_DRY_RUN',
    environment: 'ASSAY_ENVIRONMENT', exportInput: 'ASSAY_EXPORT_INPUT', fromEnvironment: 'ASSAY_FROM_ENVIRONMENT', html: 'ASSAY_HTML', input: 'ASSAY_INPUT', key: 'ASSAY_KEY', kubeContext: 'ASSAY_KUBE_CONTEXT', kubeconfig: 'ASSAY_KUBECONFIG', output: 'ASSAY_OUTPUT',
    parallel: 'ASSAY_PARALLEL', policy: 'ASSAY_POLICY', publicEvidence: 'ASSAY_PUBLIC_EVIDENCE', publish: 'ASSAY_PUBLISH', record: 'ASSAY_RECORD', registryCa: 'ASSAY_REGISTRY_CA', release: 'ASSAY_RELEASE', signKey: 'ASSAY_SIGN_KEY', snapshot: 'ASSAY_SNAPSHOT', startTimeout: 'ASSAY_START_TIMEOUT', store: 'ASSAY_STORE',
    summary: 'ASSAY_SUMMARY', summaryLimit: 'ASSAY_SUMMARY_LIMIT', timeout: 'ASSAY_TIMEOUT', waitForSubject: 'ASSAY_WAIT_FOR_SUBJECT',
]

// The others, with their defaults.
@Field static final Map OWN = [
    command: 'run', suites: [], subject: [], binary: 'assay', advisory: false, unstableOn: [], junit: true, archive: true, checks: false,
]

@Field static final List COMMANDS = ['run', 'verdict', 'publish']

// What a check takes as its text on GitHub, in characters.
@Field static final int CHECK_LIMIT = 65535

// What the exit codes mean, the same on every platform.
@Field static final Map MEANING = [
    0: 'ready, or what was to be done is done', 1: 'not ready, or a suite failed', 2: 'not enough evidence', 3: 'could not tell', 64: 'wrong usage or configuration',
    127: 'there is no core: put assay on the PATH of the agent, or name it by the parameter binary', 130: 'interrupted',
]

// The scripts have no value in them: values come as variables, one argument a line, so that no shell
// takes them for anything else. With exec the core itself gets the signal that an aborted build sends.
@Field static final String RUN = '''#!/bin/sh
set -f
IFS='
'
exec "$ASSAY_STEP_BINARY" $ASSAY_STEP_ARGUMENTS
'''
@Field static final String REPORTS = '''#!/bin/sh
set -f
IFS='
'
for run in $ASSAY_STEP_RUNS; do
	"$ASSAY_STEP_BINARY" artifacts "$run" 'reports/**' --out "$ASSAY_STEP_FILES/reports/$run" >/dev/null 2>&1
done
exit 0
'''

def call(Map given = [:]) {
    Map how = check(given)
    if (!isUnix()) {
        error('assay: it needs an agent with Linux or macOS. The cluster may be anywhere.')
    }
    // Beside the workspace, where nothing is taken for a part of the checkout.
    String files = pwd(tmp: true) + '/assay-' + UUID.randomUUID()
    dir(files) { writeFile(file: 'started', text: '') }
    int status = -1
    boolean ended = false
    Map outcome = [:]
    try {
        withEnv(variables(how, files)) {
            status = sh(label: 'assay ' + how.command, returnStatus: true, script: RUN)
        }
        ended = true
    } finally {
        // An aborted build leaves sh by an exception.
        if (how.command == 'run' && (!ended || status < 0 || status >= 128)) {
            sweep(how)
        }
        outcome = handedOver(files)
        show(how, files, outcome, ended ? status : 130)
        dir(files) { deleteDir() }
    }
    return conclude(how, status, outcome)
}

// check refuses what the step does not know, and gives all parameters.
private Map check(Map given) {
    for (name in given.keySet()) {
        if (!OWN.containsKey(name) && !FLAGS.containsKey(name)) {
            error("assay: there is no parameter ${name}; there are ${(OWN.keySet() + FLAGS.keySet()).sort().join(', ')}")
        }
    }
    Map how = OWN + given
    if (!COMMANDS.contains(how.command)) {
        error("assay: command is '${how.command}': use ${COMMANDS.join(', ')}")
    }
    how.binary = how.binary ?: OWN.binary
    how.suites = words(how, 'suites')
    how.subject = words(how, 'subject')
    how.advisory = how.advisory ?: env.ASSAY_ADVISORY == 'true'
    for (code in how.unstableOn) {
        if (!(code in [1, 2, 3])) {
            error("assay: unstableOn is ${how.unstableOn}: 1, 2 and 3 can be unstable")
        }
    }
    return how
}

// words are the parts of a parameter that is a list, or a text with spaces, commas or lines between them.
private List words(Map how, String name) {
    def value = how[name]
    List out = []
    for (one in (value instanceof List ? value : (value ?: '').toString().split(/[\s,]+/) as List)) {
        String text = one.toString()
        if (text.contains('\n')) {
            error("assay: one of ${name} has several lines")
        }
        if (text) {
            out << text
        }
    }
    return out
}

// variables is what the core gets. withEnv fills $NAME in, which is not for values that somebody else chose.
private List variables(Map how, String files) {
    List arguments = [how.command]
    for (image in how.subject) {
        arguments << '--subject=' + image
    }
    if (how.suites) {
        arguments << '--'
        arguments.addAll(how.suites)
    }
    Map all = [ASSAY_STEP_BINARY: how.binary, ASSAY_STEP_ARGUMENTS: arguments.join('\n'), ASSAY_STEP_OUTCOME: files + '/outcome', ASSAY_ADVISORY: '']
    all.putAll(flags(how, FLAGS.keySet() as List))
    if (!all.ASSAY_SUMMARY) {
        all.ASSAY_SUMMARY = files + '/assay-summary.md'
    }
    if (how.checks && !all.ASSAY_SUMMARY_LIMIT) {
        all.ASSAY_SUMMARY_LIMIT = CHECK_LIMIT.toString() // cut by the core, which says what it leaves out
    }
    return pairs(all)
}

// flags are the variables of those parameters that are given.
private Map flags(Map how, List names) {
    Map out = [:]
    for (name in names) {
        if (how[name] != null && how[name].toString() != '') {
            out[FLAGS[name]] = how[name].toString()
        }
    }
    return out
}

private List pairs(Map variables) {
    List out = []
    for (name in variables.keySet()) {
        out << name + '=' + variables[name].toString().replace('$', '$$')
    }
    return out
}

// sweep removes what a core that did not come to its end has left in the cluster.
private void sweep(Map how) {
    Map all = [ASSAY_STEP_BINARY: how.binary, ASSAY_STEP_ARGUMENTS: 'sweep', ASSAY_DRY_RUN: '', ASSAY_OUTPUT: '']
    all.putAll(flags(how, ['catalog', 'environment', 'kubeContext', 'kubeconfig']))
    catchError(buildResult: 'SUCCESS', stageResult: 'SUCCESS', message: 'assay: Jobs may be left in the cluster; `assay sweep` removes them') {
        timeout(time: 1, unit: 'MINUTES') {
            withEnv(pairs(all)) {
                sh(label: 'assay sweep', returnStatus: true, script: RUN)
            }
        }
    }
}

// show hands what the core left to Jenkins. Nothing that goes wrong here turns the outcome.
private void show(Map how, String files, Map outcome, int status) {
    if (how.junit && outcome.runs) {
        withEnv(pairs([ASSAY_STEP_BINARY: how.binary, ASSAY_STEP_RUNS: outcome.runs.join('\n'), ASSAY_STEP_FILES: files, ASSAY_OUTPUT: ''] + flags(how, ['store']))) {
            sh(label: 'assay artifacts', returnStatus: true, script: REPORTS)
        }
        attempt('junit', 'the tests are not shown', 'JUnit') {
            dir(files) {
                junit(testResults: 'reports/**/*.xml', allowEmptyResults: true, skipMarkingBuildUnstable: true, skipPublishingChecks: true)
            }
        }
    }
    if (how.archive) {
        attempt('archiveArtifacts', 'the evidence is not archived', 'Pipeline: Basic Steps') {
            String store = (how.store ?: env.ASSAY_STORE ?: '.assay').toString()
            // What is in a registry lasts there. Patterns are relative to the workspace.
            if (!store.contains('://')) {
                dir(store.startsWith('/') ? store : '.') {
                    archiveArtifacts(artifacts: store.startsWith('/') ? '**' : store + '/**', allowEmptyArchive: true)
                }
            }
            dir(files) { archiveArtifacts(artifacts: 'assay-summary.md', allowEmptyArchive: true) }
        }
    }
    if (how.checks) {
        attempt('publishChecks', 'no check is published', 'Checks API') {
            publishChecks(
                name: (how.suites ? 'Assay suites: ' + how.suites.join(', ').take(80) : 'Assay verdict') + (how.key ? " (${how.key})" : ''),
                title: outcome.title ?: meaning(status), summary: text(how, files),
                // Its own default is success.
                conclusion: status == 0 ? 'SUCCESS' : 'FAILURE',
            )
        }
    }
}

// handedOver is what the core said for later steps, as far as it got to.
private Map handedOver(String files) {
    Map out = [runs: []]
    dir(files) {
        if (fileExists('outcome')) {
            for (line in readFile(file: 'outcome', encoding: 'UTF-8').split('\n')) {
                int at = line.indexOf('=')
                if (line.startsWith('run=')) {
                    out.runs << line.substring(at + 1)
                } else if (at > 0) {
                    out[line.substring(0, at)] = line.substring(at + 1)
                }
            }
        }
    }
    return out
}

// text is the summary, within what a check takes.
private String text(Map how, String files) {
    String at = how.summary ?: files + '/assay-summary.md'
    return fileExists(at) ? readFile(file: at, encoding: 'UTF-8').take(CHECK_LIMIT) : ''
}

// attempt does what needs a plugin, and says what is missing where it is not there.
private void attempt(String step, String lost, String plugin, Closure body) {
    catchError(buildResult: 'SUCCESS', stageResult: 'SUCCESS', catchInterruptions: false, message: "assay: ${lost}") {
        try {
            body()
        } catch (NoSuchMethodError e) {
            if (!e.message?.contains("No such DSL method '${step}'")) {
                throw e
            }
            echo("assay: ${lost}: this Jenkins has no step ${step}, which the plugin ${plugin} brings")
        }
    }
}

private String meaning(int status) {
    return MEANING[status] ?: 'the core ended with exit code ' + status
}

// conclude makes the exit code the build's result, and gives it back where the build goes on.
private int conclude(Map how, int status, Map outcome) {
    if (status == 0) {
        return status
    }
    String said = 'assay: ' + (outcome.title ?: meaning(status)) + " (exit code ${status})"
    if (status == 130 || status == 143) {
        currentBuild.result = 'ABORTED'
        error('assay: interrupted')
    }
    if (how.advisory && status in [1, 2, 3]) {
        echo(said + '; advisory, so that the build goes on')
        return status
    }
    if (status in how.unstableOn) {
        unstable(said)
        return status
    }
    error(said)
}
