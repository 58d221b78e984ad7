//go:build go1.25

package contexts

import (
	"testing"
	"testing/synctest"
	"time"

	"example.org/contexts/pin"
)

func TestBubble(t *testing.T) {
	stop := contend() // outside
	defer stop()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := newWork()
			defer w.close()
			start := time.Now()
			for i := range 10 {
				w.prepare(i)
				w.do()
				w.prepare(i)
				pin.Do(w.do)
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if d := time.Since(start); d != 10*time.Second {
				t.Errorf("%v passed", d)
			}
		})
	}
}
