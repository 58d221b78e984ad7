package pkg

import "testing"

func Test(t *testing.T) { new(T[int]).Lock() }
