package bad

import "sync"

var mu sync.Mutex

func f() int { mu.Lock() }
