package tests_test

import (
	"sync"
	"testing"

	"example.com/classes/tests"
)

type outer struct {
	sync.Mutex
	in tests.Exported
}

func Test(*testing.T) {
	new(outer).Lock()
	new(outer).in.Mu.Lock()
}
