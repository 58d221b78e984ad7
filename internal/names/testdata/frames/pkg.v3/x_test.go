package pkg_test

import (
	"testing"

	"example.com/frames/lk"
	pkg "example.com/frames/pkg.v3"
)

func Test(t *testing.T) {
	new(pkg.T[string]).Lock()
	lk.Want = "example.com/frames/pkg.v3.T.Mu"
	new(pkg.T[string]).Mu.Lock()
	var mu lk.Mutex
	lk.Want = "example.com/frames/pkg.v3_test.Test.mu"
	func() {
		mu.Lock()
	}()
}
