// A script of a shared library or a Jenkinsfile: what it does not define itself is a step.
abstract class Pipeline extends Script {
    Object invokeMethod(String name, Object args) {
        List list = args instanceof Object[] ? args as List : [args]
        for (m in this.metaClass.respondsTo(this, name)) {
            if (m.declaringClass.theClass == this.class) return super.invokeMethod(name, args)
        }
        if (binding.hasVariable('library') && name == 'assay') return binding.getVariable('library').call(*list)
        return binding.getVariable('jenkins').step(name, list as Object[])
    }
}
