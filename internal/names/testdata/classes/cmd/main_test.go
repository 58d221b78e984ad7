package main

import "testing"

func Test(*testing.T) { t.mu.Lock() }
