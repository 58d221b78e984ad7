package good

import "sync"

var mu sync.Mutex

func f() { mu.Lock() }
