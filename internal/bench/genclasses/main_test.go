package main

import (
	"bytes"
	"go/format"
	"os"
	"testing"
)

func TestFresh(t *testing.T) {
	want := source(rows)
	if got, err := os.ReadFile("../classes_gen.go"); err != nil {
		t.Fatal(err)
	} else if !bytes.Equal(got, want) {
		t.Error("classes_gen.go is stale: run go generate")
	}
	if formatted, err := format.Source(want); err != nil {
		t.Fatal(err)
	} else if !bytes.Equal(formatted, want) {
		t.Error("the generated source is not formatted")
	}
}
