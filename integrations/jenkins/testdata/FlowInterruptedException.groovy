// What an aborted build throws.
class FlowInterruptedException extends RuntimeException {
    FlowInterruptedException(String why) { super(why) }
}
