package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every word that a program reads in GOLOCKDEP is in the help.
func TestEnvironmentTopic(t *testing.T) {
	host, err := os.ReadFile("../../internal/goroot/_std/internal/lockdep/host.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(host), "\nfunc options() {")
	if !ok {
		t.Fatal("no function options")
	}
	body, _, _ = strings.Cut(body, "\n}\n")
	text := environmentTopic().Long
	words := regexp.MustCompile(`\n\t\tcase "(\w+)":`).FindAllStringSubmatch(body, -1)
	if len(words) < 10 {
		t.Errorf("%d words, want ten and more", len(words))
	}
	for _, w := range words {
		if !regexp.MustCompile(`(?m)^  ` + w[1] + `=`).MatchString(text) {
			t.Errorf("the help does not say what %s= is", w[1])
		}
	}
	for line := range strings.Lines(text) {
		if len(line) > 90 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
}

// A wrong name is an error, at every depth, and a near one is suggested.
func TestUnknownCommand(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "lockdep")
	if out, err := exec.Command("go", "build", "-o", tool, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		args string
		code int
		want string // on standard error if code is not 0
	}{
		{"graph verdit", 2, `unknown command "verdit" for "lockdep graph"; did you mean verdict?`},
		{"graph xyzzyxyzzy", 2, `unknown command "xyzzyxyzzy" for "lockdep graph"`},
		{"graph", 0, "lockdep graph merge"},
		{"goroot claen", 2, "unknown command"},
		{"tset ./...", 2, "test"},
		{"help graph verdit", 2, "did you mean verdict?"},
		{"help xyzzyxyzzy", 2, `unknown command "xyzzyxyzzy" for "lockdep"`},
		{"help graph verdict", 0, "Judge the union"},
		{"help environment", 0, "log_path=FILE"},
		{"help", 0, "completion"},
		{"--version", 0, "lockdep " + version},
		{"-version", 0, "lockdep " + version},
		{"version", 0, "lockdep " + version},
	} {
		var out, errs bytes.Buffer
		cmd := exec.Command(tool, strings.Fields(c.args)...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		from := &out
		if c.code != 0 {
			from = &errs
		}
		if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(from.String(), c.want) {
			t.Errorf("lockdep %s: status %d, want %d and %q:\n%s%s", c.args, got, c.code, c.want, &out, &errs)
		}
	}
}
