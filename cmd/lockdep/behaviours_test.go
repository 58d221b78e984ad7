//go:build linux || darwin

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	goversion "go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The programs under testdata/behaviours are the specification of a live run: each
// directory is one unmodified Go program with an expect.txt beside it. A program is
// run plain and under lockdep; its own result must be the same, and the verdict over
// its graph must be the expected one. A directory without main.go holds packages
// with tests and goes through lockdep test.
//
// expect.txt has one "key: value" a line:
//
//	report         no | yes | yes-live (said by the process itself, before it
//	               hangs)
//	level          proved | likely | possible | -
//	kind           circular | recursive | recursive-read | same-class | exit-held | stuck |
//	               wait
//	classes        classes that the finding names, separated by commas; "main."
//	               stands for the program's import path
//	classes-exist  classes that the graph has, findings or none
//	count          number of findings; without it at least one
//	times          the finding was seen at least so often
//	must-contain   text of the printed report, any number of lines
//	max-rss-mb     upper bound of the process's memory
//	exit           the program's own exit status
//	since          the oldest Go release with the report, as go1.26: before it,
//	               silence is wanted
type behaviour struct {
	report, level, kind   string
	classes, classesExist []string
	mustContain           []string
	count, times          int
	maxRSS                int64 // bytes; 0 is no bound
	exit                  int
	since                 string
}

const (
	behaviourDir     = "../../testdata/behaviours"
	behaviourRows    = 44 // rows of the table the programs come from; more may follow
	behaviourTimeout = 20 * time.Second

	// exitFindings replaces a program's status 0 when a finding failed the run.
	exitFindings = 66
)

// All tests of this package run with another Go release where LOCKDEP_TEST_GO names
// one, as in "LOCKDEP_TEST_GO=go1.24.13": it builds and runs everything but the
// command itself.
func TestMain(m *testing.M) {
	if release := os.Getenv("LOCKDEP_TEST_GO"); release != "" {
		os.Setenv("GOTOOLCHAIN", release)
	}
	os.Exit(m.Run())
}

// buildTool builds the command, with the release that builds these tests.
func buildTool(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "lockdep")
	cmd := exec.Command("go", "build", "-o", tool, ".")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	// What the first use of a Go release says is not in the way then.
	if out, err := exec.Command(tool, "goroot").CombinedOutput(); err != nil {
		t.Fatalf("lockdep goroot: %v\n%s", err, out)
	}
	return tool
}

// release returns the Go release that builds the programs, as "go1.26.8".
func release(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatalf("asking go for its release: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func TestBehaviours(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the instrumented GOROOT and some ninety programs twice")
	}
	names, with := behaviourNames(t), release(t)

	tool := buildTool(t)
	plain, checked := t.TempDir(), t.TempDir()
	behaviourBuild(t, behaviourDir, "go", "build", "-o", plain+"/", "./...")
	behaviourBuild(t, behaviourDir, tool, "build", "-o", checked+"/", "./...")

	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := readBehaviour(t, name)
			if goversion.Compare(with, want.since) < 0 {
				want = behaviour{report: "no", level: "-", exit: want.exit, maxRSS: want.maxRSS, classesExist: want.classesExist}
			}
			if _, err := os.Stat(filepath.Join(behaviourDir, name, "main.go")); errors.Is(err, os.ErrNotExist) {
				testBehaviourPackages(t, want, tool, name)
				return
			}
			testBehaviourProgram(t, want, tool, filepath.Join(plain, name), filepath.Join(checked, name))
		})
	}
}

// behaviourNames lists the directories and checks that each row has exactly one.
func behaviourNames(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(behaviourDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	byRow := map[int]string{}
	form := regexp.MustCompile(`^(\d\d\d?)-[a-z0-9-]+$`)
	for _, e := range entries {
		m := form.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		row, _ := strconv.Atoi(m[1])
		if other, ok := byRow[row]; ok {
			t.Errorf("%s and %s have the same number", other, e.Name())
		}
		byRow[row] = e.Name()
		names = append(names, e.Name())
	}
	for row := 1; row <= behaviourRows; row++ {
		if byRow[row] == "" {
			t.Errorf("row %d has no program", row)
		}
	}
	return names
}

func readBehaviour(t *testing.T, name string) behaviour {
	t.Helper()
	path := filepath.Join(behaviourDir, name, "expect.txt")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseBehaviour(string(data), "behaviours/"+name)
	if err != nil {
		t.Fatalf("%s:%v", path, err)
	}
	return want
}

// parseBehaviour reads an expect.txt; importPath is what "main." stands for. Errors
// begin with the line number.
func parseBehaviour(text, importPath string) (behaviour, error) {
	want := behaviour{count: -1}
	var err error
	number := func(s string) int {
		n, e := strconv.Atoi(s)
		err = errors.Join(err, e)
		return n
	}
	oneOf := func(s string, allowed ...string) string {
		if !slices.Contains(allowed, s) {
			err = fmt.Errorf("%q is none of %s", s, strings.Join(allowed, ", "))
		}
		return s
	}
	classes := func(s string) (list []string) {
		for c := range strings.SplitSeq(s, ",") {
			c = strings.TrimSpace(c)
			if rest, ok := strings.CutPrefix(c, "main."); ok {
				c = importPath + "." + rest
			}
			list = append(list, c)
		}
		return list
	}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "report":
			want.report = oneOf(value, "no", "yes", "yes-live")
		case "level":
			want.level = oneOf(value, "proved", "likely", "possible", "-")
		case "kind":
			want.kind = oneOf(value, "circular", "recursive", "recursive-read", "same-class", "exit-held", "stuck", "wait")
		case "classes":
			want.classes = classes(value)
		case "classes-exist":
			want.classesExist = classes(value)
		case "count":
			want.count = number(value)
		case "times":
			want.times = number(value)
		case "must-contain":
			want.mustContain = append(want.mustContain, value)
		case "max-rss-mb":
			want.maxRSS = int64(number(value)) << 20
		case "exit":
			want.exit = number(value)
		case "since":
			want.since = value
			if !goversion.IsValid(value) {
				err = fmt.Errorf("%q is no Go release", value)
			}
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return want, fmt.Errorf("%d: %w", i+1, err)
		}
	}
	if want.report == "" || want.level == "" {
		return want, errors.New("1: report and level are needed")
	}
	return want, nil
}

// testBehaviourProgram runs one program plain and checked, and judges its graph.
func testBehaviourProgram(t *testing.T, want behaviour, tool, plain, checked string) {
	own := runBehaviour(t, "", nil, plain)
	if own.exit != want.exit {
		t.Fatalf("the plain program ended with status %d, want %d\n%s", own.exit, want.exit, own.stderr)
	}

	graph, logs := t.TempDir(), t.TempDir()
	got := runBehaviour(t, "", []string{
		"LOCKDEPDIR=" + graph,
		"GOLOCKDEP=log_path=" + filepath.Join(logs, "log"),
	}, checked)
	if got.stdout != own.stdout {
		t.Errorf("standard output changed\nplain:\n%s\nunder lockdep:\n%s", own.stdout, got.stdout)
	}
	if !want.allowsExit(got.exit) {
		t.Errorf("exit status %d under lockdep, %d without\n%s", got.exit, own.exit, got.stderr)
	}
	if want.maxRSS > 0 && got.maxRSS > want.maxRSS {
		t.Errorf("the process grew to %d MB, want at most %d (%d without lockdep)",
			got.maxRSS>>20, want.maxRSS>>20, own.maxRSS>>20)
	}

	file := filepath.Join(t.TempDir(), "findings.jsonl")
	verdict := runBehaviour(t, "", nil, tool, "graph", "verdict", "-findings="+file, graph)
	if verdict.exit != 0 && verdict.exit != exitFindings {
		t.Fatalf("graph verdict ended with status %d\n%s%s", verdict.exit, verdict.stdout, verdict.stderr)
	}
	if said := verdict.stdout + verdict.stderr; strings.Contains(said, "was full") {
		t.Errorf("a table was full:\n%s", said)
	}
	checkBehaviour(t, want, readFindings(t, file), verdict.stdout)
	checkBehaviourLog(t, want, logs)
	checkBehaviourClasses(t, want, graph)
}

// testBehaviourPackages runs the tests of the packages below one directory plain and
// under lockdep test.
func testBehaviourPackages(t *testing.T, want behaviour, tool, name string) {
	pattern := "./" + name + "/..."
	own := runBehaviour(t, behaviourDir, nil, "go", "test", "-count=1", pattern)
	if own.exit != want.exit {
		t.Fatalf("go test ended with status %d, want %d\n%s%s", own.exit, want.exit, own.stdout, own.stderr)
	}
	graph := t.TempDir()
	file := filepath.Join(t.TempDir(), "findings.jsonl")
	got := runBehaviour(t, behaviourDir, nil, tool, "test", "-findings="+file, "-graph="+graph, "-count=1", pattern)
	if !want.allowsExit(got.exit) {
		t.Errorf("exit status %d under lockdep, %d without\n%s%s", got.exit, own.exit, got.stdout, got.stderr)
	}
	checkBehaviour(t, want, readFindings(t, file), got.stdout+got.stderr)
	checkBehaviourClasses(t, want, graph)
}

// allowsExit reports whether a run under lockdep may end with status got: the
// program's own, or 66 in place of 0 where a finding fails the run.
func (b behaviour) allowsExit(got int) bool {
	fails := b.report != "no" && b.level != "possible"
	return got == b.exit || fails && b.exit == 0 && got == exitFindings
}

// behaviourFinding has those fields of a line of a findings file that are looked at.
type behaviourFinding struct {
	Kind    string   `json:"kind"`
	Level   string   `json:"level"`
	Classes []string `json:"classes"`
	Why     string   `json:"why"`
	Count   int      `json:"count"`
}

// names reports whether the finding's classes include all of classes. What follows a
// space in a class name is a flag.
func (f behaviourFinding) names(classes []string) bool {
	var have []string
	for _, c := range f.Classes {
		c, _, _ = strings.Cut(c, " ")
		have = append(have, c)
	}
	for _, c := range classes {
		if !slices.Contains(have, c) {
			return false
		}
	}
	return true
}

func readFindings(t *testing.T, path string) (list []behaviourFinding) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("the findings file is always written: %v", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var one behaviourFinding
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatalf("findings line %d: %v\n%s", len(list)+1, err, lines.Text())
		}
		list = append(list, one)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func checkBehaviour(t *testing.T, want behaviour, found []behaviourFinding, text string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("findings: %+v\n%s", found, text)
		}
	}()
	if want.report == "no" {
		if len(found) != 0 {
			t.Errorf("%d findings, want silence", len(found))
		}
		return
	}
	if want.count >= 0 && len(found) != want.count {
		t.Errorf("%d findings, want %d", len(found), want.count)
	}
	fits := func(f behaviourFinding) bool {
		return f.Level == want.level && (want.kind == "" || f.Kind == want.kind) && f.names(want.classes)
	}
	i := slices.IndexFunc(found, fits)
	if i < 0 {
		t.Errorf("no finding of kind %q, level %s, classes %s", want.kind, want.level, want.classes)
		return
	}
	if want.level != "proved" && found[i].Why == "" {
		t.Errorf("the finding does not say why its level is not higher")
	}
	if found[i].Count < want.times {
		t.Errorf("seen %d times, want at least %d", found[i].Count, want.times)
	}
	for _, s := range want.mustContain {
		if !strings.Contains(text, s) {
			t.Errorf("the report does not contain %q", s)
		}
	}
}

// checkBehaviourLog looks at what the process itself said: nothing where silence is
// wanted, and the finding where the process hangs after it.
func checkBehaviourLog(t *testing.T, want behaviour, logs string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(logs, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var said []byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, data...)
	}
	switch {
	case want.report == "no" && len(bytes.TrimSpace(said)) > 0:
		t.Errorf("the process reported, want silence:\n%s", said)
	case want.report == "yes-live" && !bytes.Contains(said, []byte("WARNING")):
		t.Errorf("the process did not report before it hung; its log:\n%s", said)
	}
}

// checkBehaviourClasses looks for class names in the graph files, which hold them as
// they are. A run that left no graph was not watched: its silence means nothing.
func checkBehaviourClasses(t *testing.T, want behaviour, graph string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(graph, "*.ldg"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Error("the run left no graph")
	}
	var all []byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	for _, c := range want.classesExist {
		if !bytes.Contains(all, []byte(c)) {
			t.Errorf("the graph has no class %s", c)
		}
	}
}

func behaviourBuild(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

type behaviourRun struct {
	stdout, stderr string
	exit           int
	maxRSS         int64 // bytes
}

// runBehaviour runs a command to its end. A command that outlives the time limit
// fails the test: no program here may hang without Go itself noticing. A go command
// gets longer, since it may have to build.
func runBehaviour(t *testing.T, dir string, env []string, name string, args ...string) behaviourRun {
	t.Helper()
	limit := behaviourTimeout
	if dir != "" {
		limit = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOLOCKDEP=", "LOCKDEPDIR="), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	what := strings.Join(append([]string{filepath.Base(name)}, args...), " ")
	if ctx.Err() != nil {
		t.Fatalf("%s: still running after %v\n%s%s", what, limit, stdout.String(), stderr.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", what, err)
	}
	run := behaviourRun{stdout: stdout.String(), stderr: stderr.String(), exit: cmd.ProcessState.ExitCode()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		run.maxRSS = int64(usage.Maxrss)
		if runtime.GOOS == "linux" {
			run.maxRSS <<= 10 // Linux counts kilobytes, Darwin bytes
		}
	}
	return run
}
