package names

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"sync"
)

// Source is the text of this package, from which each instrumented copy of Go builds a
// program that makes the table: export data and language change with the Go release, and
// only its own standard library reads them for sure.
//
//go:embed *.go
var Source embed.FS

// A Request is what the program is asked.
type Request struct {
	Options
	Log bool // tell what was left out
}

// An Answer is what it says.
type Answer struct {
	Table []byte
	Stats Stats
	Said  []string // of Options.Log
	Err   string
}

// Serve answers a request.
func Serve(ctx context.Context, q Request) (a Answer) {
	q.Options.Log = nil
	if q.Log {
		var mu sync.Mutex
		q.Options.Log = func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			a.Said = append(a.Said, fmt.Sprintf(format, args...))
		}
	}
	var err error
	if a.Table, a.Stats, err = Table(ctx, q.Options); err != nil {
		a.Err = err.Error()
	}
	return a
}

// Ask is [Table] by the program tool, which was built with the Go release in question.
func Ask(ctx context.Context, tool string, o Options) ([]byte, Stats, error) {
	q := Request{Options: o, Log: o.Log != nil}
	q.Options.Log = nil
	text, err := json.Marshal(q)
	if err != nil {
		return nil, Stats{}, fmt.Errorf("asking for names: %w", err)
	}
	cmd := exec.CommandContext(ctx, tool)
	cmd.Stdin = bytes.NewReader(text)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, Stats{}, fmt.Errorf("reading names: %w: %s; run lockdep goroot clean, and say so to the authors if it comes again", err, firstLine(errs.Bytes()))
	}
	var a Answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return nil, Stats{}, fmt.Errorf("reading names: %w", err)
	}
	for _, s := range a.Said {
		o.logf("%s", s)
	}
	if a.Err != "" {
		return nil, a.Stats, errors.New(a.Err)
	}
	return a.Table, a.Stats, nil
}

func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return string(line)
}
