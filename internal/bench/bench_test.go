package bench

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"unsafe"
)

// TestMain heads the benchmark output with the size of the lock under test and
// of runtime.Func, which has one in an instrumented GOROOT only; by that the reader of the numbers can tell that they are of an instrumented
// sync and not of a plain one.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		fmt.Printf("mutex-bytes: %d\n", unsafe.Sizeof(Mutex{})+unsafe.Sizeof(runtime.Func{}))
	}
	os.Exit(m.Run())
}

func BenchmarkLock(b *testing.B) {
	for _, c := range Cases {
		b.Run(c.Name, c.Run)
	}
}

// TestCases runs each case once, small.
func TestCases(t *testing.T) {
	for name, value := range map[string]string{"test.benchtime": "1x", "test.short": "true"} {
		was := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		defer flag.Set(name, was)
	}
	for _, c := range Cases {
		t.Run(c.Name, func(t *testing.T) {
			ran := false
			r := testing.Benchmark(func(b *testing.B) {
				c.Run(b)
				ran = true // not reached by a skip or failure
			})
			switch {
			case !ran:
				t.Fatal("the case failed or was skipped")
			case r.N != 1:
				t.Errorf("ran %d times, want 1", r.N)
			}
		})
	}
}

func TestClassTable(t *testing.T) {
	if want := denseClass + nestDepth; tableRows != want {
		t.Errorf("%d rows, want %d", tableRows, want)
	}
}
