package fmt

import (
	isync "internal/sync"
	"reflect"
)

// lockdepValue returns field i of the struct v, which is field, as it is to be
// printed: the semaphore of a mutex without the class that the validator keeps
// in it, so that %v of a struct with a lock looks as it always did.
func lockdepValue(v reflect.Value, i int, field reflect.Value) reflect.Value {
	if i == 1 && v.Type() == reflect.TypeFor[isync.Mutex]() {
		return reflect.ValueOf(uint32(field.Uint() & 15))
	}
	return field
}
