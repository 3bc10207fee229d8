// What `error` throws.
class AbortException extends RuntimeException {
    AbortException(String why) { super(why) }
}
