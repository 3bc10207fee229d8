package evidence

import "errors"

// ErrDamaged says that something is not what was kept: it was changed, cut off or exchanged. Who could not
// look gets another error.
var ErrDamaged = errors.New("not what was kept")

// Damaged makes err one that is ErrDamaged, in its own words; nil stays nil.
func Damaged(err error) error {
	if err == nil || errors.Is(err, ErrDamaged) {
		return err
	}
	return damaged{err}
}

type damaged struct{ error }

func (damaged) Is(target error) bool { return target == ErrDamaged }
func (d damaged) Unwrap() error      { return d.error }
