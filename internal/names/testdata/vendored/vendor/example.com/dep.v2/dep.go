package dep

import "sync"

type Mutex struct{ sync.Mutex }

type T struct{ mu Mutex }

func (t *T) F() { t.mu.Lock() }
