package main

import (
	"slices"
	"strings"
	"testing"
)

const events = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/x"}
{"Action":"output","Package":"p","Test":"TestA/x","Output":"no\n"}
{"Action":"fail","Package":"p","Test":"TestA/x"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"run","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
`

func TestParse(t *testing.T) {
	got, err := parse(strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"TestA": "fail", "TestA/x": "fail", "TestB": "skip", "TestC": "cut"}
	if len(got.tests) != len(want) {
		t.Errorf("got %v, want %v", got.tests, want)
	}
	for name, outcome := range want {
		if got.tests[name] != outcome {
			t.Errorf("%s: got %q, want %q", name, got.tests[name], outcome)
		}
	}
	if got.output["TestA/x"] != "no\n" {
		t.Errorf("output of TestA/x: %q", got.output["TestA/x"])
	}
}

func TestDiffering(t *testing.T) {
	plain := results{tests: map[string]string{"A": "pass", "A/x": "pass", "A/y": "pass", "B": "fail", "C": "skip", "D": "pass", "E": "cut"}}
	with := results{tests: map[string]string{"A": "fail", "A/x": "fail", "A/y": "pass", "B": "pass", "C": "skip", "E": "fail", "F": "pass"}}
	// A by its subtest; D and F exist on one side; B and E are no better in plain go.
	if got, want := differing(plain, with), []string{"A/x", "D", "F"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
