package option

// RefusedError is an error about one option.
type RefusedError struct {
	Name string // as given, or as declared
	err  error
}

// Refuse says which option err is about; it stays nil.
func Refuse(name string, err error) error {
	if err == nil {
		return nil
	}
	return &RefusedError{Name: name, err: err}
}

func (e *RefusedError) Error() string { return e.err.Error() }

// Unwrap returns what is wrong with the option.
func (e *RefusedError) Unwrap() error { return e.err }
