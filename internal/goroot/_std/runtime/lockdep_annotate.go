package runtime

// LockdepAnnotations answers [Func.LockdepAnnotation]; nil: nothing is validated.
var LockdepAnnotations func(name string) any

// LockdepAnnotation returns the function that stands behind a word of package
// annotate, nil if there is none. The package asks for it by a type assertion,
// as a program that is built without the validator must build, too. It is a
// method of Func because nobody embeds one.
func (*Func) LockdepAnnotation(name string) any {
	if f := LockdepAnnotations; f != nil {
		return f(name)
	}
	return nil
}
