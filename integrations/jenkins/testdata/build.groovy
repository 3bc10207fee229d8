// A build with the step in a workspace, with the variables of this process, for end-to-end tests:
// groovy -cp testdata testdata/build.groovy VARS WORKSPACE [ABORT-AT]. It prints what Jenkins would show.

import org.codehaus.groovy.control.CompilerConfiguration

def jenkins = new Jenkins(workspace: new File(args[1]), env: new LinkedHashMap(System.getenv()), abortAt: args.length > 2 ? args[2] : null)
def binding = new Binding(jenkins: jenkins, env: jenkins.env, currentBuild: jenkins.build)
def step = new GroovyShell(this.class.classLoader, binding, new CompilerConfiguration(scriptBaseClass: 'Pipeline')).parse(new File(args[0], 'assay.groovy'))
try {
    step.call(environment: 'lab', publish: 'check,comment,status', checks: true)
} catch (AbortException e) {
    println "error: ${e.message}"
} catch (FlowInterruptedException e) {
    println "aborted"
}
jenkins.of('sh').each { println "== sh ${it.args.label}\n${it.said}" }
println "junit: ${jenkins.of('junit')*.files.flatten()}"
println "archived: ${jenkins.of('archiveArtifacts')*.files.flatten()}"
println "check: ${jenkins.of('publishChecks')*.args.collect { it.conclusion + ' ' + it.title }}"
println "result: ${jenkins.build.result}"
