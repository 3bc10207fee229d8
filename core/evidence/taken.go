package evidence

import "errors"

// ErrTaken says that a store has an entry of the same kind and id with other content, which stays. A store that
// could not look gives another error.
var ErrTaken = errors.New("already exists with different content")
