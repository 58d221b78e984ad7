package tests

import "testing"

type inner struct{ T }

func Test(*testing.T) { new(inner).Mu.Lock() }
