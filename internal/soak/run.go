package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A result is what one run came to.
type result struct {
	exit           string // as of [os.ProcessState.String]
	stdout, stderr []byte
	hung           bool
	took           time.Duration
	rss            int64 // bytes, at the most
	meter          *figures
	dir            string // of its files; graph files are in graph
	command        string
	asked          int // pages
	badPages       []string
}

// figures are what a program measures of itself; see testdata/programs/meter.
type figures struct {
	Late       time.Duration
	Pause      time.Duration
	Goroutines int
}

// limit is when a run is said to hang, by the time of its baseline.
func limit(base time.Duration) time.Duration { return time.Minute + 20*base }

// run runs a program once. Only with a build of lockdep's, c counts beyond
// GOMAXPROCS and GOGC.
func (s *soaker) run(ctx context.Context, p program, c config, b build, seed uint64, longest time.Duration) (*result, error) {
	dir, err := os.MkdirTemp(s.work, "run-"+p.name+"-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for a run: %w", err)
	}
	r := &result{dir: dir}
	args := p.args
	if p.seeded {
		args = append([]string{fmt.Sprintf("-seed=%d", seed)}, args...)
	}
	cmd := exec.Command(s.exe[p.target][b], args...)
	cmd.Dir = dir
	if d := s.dirs[p.target]; d != "" {
		cmd.Dir = d
	}
	own := []string{fmt.Sprintf("GOMAXPROCS=%d", c.procs), "SOAK_METER=" + filepath.Join(dir, "meter.json")}
	if c.gogc != "" {
		own = append(own, "GOGC="+c.gogc)
	}
	if b.lockdep() {
		words := strings.TrimSpace("log_path=" + filepath.Join(dir, "log") + " " + c.words)
		if c.pages {
			words += " http=127.0.0.1:0"
		}
		if err := os.Mkdir(filepath.Join(dir, "graph"), 0o755); err != nil {
			return nil, err
		}
		own = append(own, "LOCKDEPDIR="+filepath.Join(dir, "graph"), "GOLOCKDEP="+words)
		if len(p.known) > 0 {
			own = append(own, "LOCKDEPIGNORE="+strings.Join(p.known, "\n"))
		}
	}
	cmd.Env = append(environ(), own...)
	for _, s := range slices.Concat(own, []string{cmd.Path}, args) {
		r.command += quoted(s) + " "
	}
	var stdout, stderr output
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("running %s: %w", p.name, err)
	}
	ended := make(chan bool)
	var helpers sync.WaitGroup
	if c.pages && b.lockdep() {
		helpers.Go(func() { r.ask(&stderr, ended) })
	}
	helpers.Go(func() { r.rss = watchRSS(cmd.Process.Pid, ended) })
	var hung, interrupted bool
	helpers.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			interrupted = true
		case <-time.After(longest):
			hung = true
			_ = cmd.Process.Signal(syscall.SIGQUIT)
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
			}
		}
		_ = cmd.Process.Kill()
	})
	_ = cmd.Wait() // its state says how
	close(ended)
	helpers.Wait()
	if interrupted {
		return nil, ctx.Err()
	}
	r.hung, r.took = hung, time.Since(start)
	r.exit, r.stdout, r.stderr = cmd.ProcessState.String(), stdout.bytes(), stderr.bytes()
	if text, err := os.ReadFile(filepath.Join(dir, "meter.json")); err == nil {
		r.meter = new(figures)
		if err := json.Unmarshal(text, r.meter); err != nil {
			return nil, fmt.Errorf("%s/meter.json: %w", dir, err)
		}
	}
	return r, r.keep()
}

// quoted is a word as a shell wants it.
func quoted(s string) string {
	if strings.ContainsAny(s, " \n'|^()*#>") {
		name, value, ok := strings.Cut(s, "=")
		quote := "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		if ok {
			return name + "=" + quote
		}
	}
	return s
}

// keep writes what the run printed beside its graph files.
func (r *result) keep() error {
	for name, text := range map[string][]byte{"stdout": r.stdout, "stderr": r.stderr, "command": []byte(r.command + "\n")} {
		if err := os.WriteFile(filepath.Join(r.dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// environ is the environment without what the runs set themselves.
func environ() []string {
	var out []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case "GOMAXPROCS", "GOGC", "GOLOCKDEP", "GORACE", "GODEBUG", "GOMEMLIMIT":
			continue
		}
		if !strings.HasPrefix(name, "LOCKDEP") {
			out = append(out, e)
		}
	}
	return out
}

// An output is what a process printed, readable while it prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.b.Bytes())
}

var serving = regexp.MustCompile(`(?m)^lockdep: serving (http://\S+)\n`)

var pageNames = []string{"", "findings", "held", "waits", "waits.dot", "classes", "dependencies", "chains", "stats", "lock_stat"}

// ask asks for one page after the other until the process ends.
func (r *result) ask(stderr *output, ended chan bool) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	for i := 0; ; i++ {
		select {
		case <-ended:
			return
		case <-time.After(10 * time.Millisecond):
		}
		m := serving.FindSubmatch(stderr.bytes())
		if m == nil {
			continue
		}
		name := pageNames[i%len(pageNames)]
		if i%2 == 1 && name != "" && !strings.Contains(name, ".") {
			name += ".json"
		}
		a, err := c.Get(string(m[1]) + name)
		if err != nil {
			continue // it may have ended
		}
		text, err := io.ReadAll(a.Body)
		a.Body.Close()
		if err != nil {
			continue
		}
		r.asked++
		if a.StatusCode != http.StatusOK || strings.HasSuffix(name, ".json") && !json.Valid(text) {
			r.badPages = append(r.badPages, fmt.Sprintf("page %s: status %s, %d bytes", name, a.Status, len(text)))
		}
	}
}
