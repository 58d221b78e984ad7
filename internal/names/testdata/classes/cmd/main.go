// Command cmd is a main package with a test.
package main

import "sync"

type T struct{ mu sync.Mutex }

var t T

func main() { t.mu.Lock() }
