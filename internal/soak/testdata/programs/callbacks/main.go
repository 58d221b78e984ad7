// Callbacks calls C, which calls back into Go on this thread and on threads of
// its own; the functions in Go take locks.
package main

/*
#include <pthread.h>
extern void goCallback(int);
static void call(int n) { goCallback(n); }
static void *thread(void *arg) {
	int i;
	for (i = 0; i < 100; i++) goCallback((int)(long)arg);
	return 0;
}
static int threads(int n) {
	pthread_t t[16];
	int i;
	for (i = 0; i < n; i++) if (pthread_create(&t[i], 0, thread, (void *)(long)i)) return 1;
	for (i = 0; i < n; i++) pthread_join(t[i], 0);
	return 0;
}
#cgo LDFLAGS: -lpthread
*/
import "C"

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"

	"soak.example/programs/meter"
)

var (
	outer, inner sync.Mutex
	table        sync.RWMutex
	total        int
)

//export goCallback
func goCallback(n C.int) {
	outer.Lock()
	defer outer.Unlock()
	table.RLock()
	inner.Lock()
	total += int(n)
	inner.Unlock()
	table.RUnlock()
	if n%7 == 0 {
		runtime.Gosched()
	}
}

func main() {
	seed := flag.Uint64("seed", 1, "the seed")
	flag.Parse()
	m := meter.Start()
	r := rand.New(rand.NewPCG(*seed, 1))
	var wg sync.WaitGroup
	for range 8 {
		n := r.IntN(100)
		wg.Go(func() {
			for range 2000 {
				C.call(C.int(n))
			}
		})
	}
	for range 20 {
		if C.threads(16) != 0 {
			fmt.Fprintln(os.Stderr, "no threads")
			os.Exit(1)
		}
		runtime.GC()
	}
	wg.Wait()
	fmt.Println("total", total)
	m.Stop()
}
