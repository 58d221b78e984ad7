package fmt

import (
	"reflect"
	"sync"
)

// lockdepField reports whether field i of the struct v is the validator's own
// field of a [sync.Mutex], the last of three. It is not printed, so that %v of
// a struct with a lock looks as it always did.
func lockdepField(v reflect.Value, i int) bool {
	return i == 2 && v.Type() == reflect.TypeFor[sync.Mutex]()
}
