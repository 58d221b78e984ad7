package main

import "testing"

func Test(t *testing.T) { main() }
