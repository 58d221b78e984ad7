package main

import "example.com/dep.v2"

var mu dep.Mutex

func main() {
	new(dep.T).F()
	mu.Lock()
}
