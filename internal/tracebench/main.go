// Tracebench measures lockdep trace and lockdep splat beside the tools that read
// the same files, in one run: trace-cmd report, perf script, and plain reading.
//
//	go build -o bin/lockdep ./cmd/lockdep
//	go run ./internal/tracebench -lockdep=bin/lockdep -oracle=../shared/oracle
//
// It prints a table of the fastest of -count runs each, with the most memory of
// any; what is not installed is left out. docs/performance.md has its output.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
)

func main() {
	lockdep := flag.String("lockdep", "bin/lockdep", "the `program` to measure")
	oracle := flag.String("oracle", "../shared/oracle", "`folder` of the recordings")
	count := flag.Int("count", 5, "`runs` of each command")
	dir := flag.String("prepare", "", "make the inputs in `folder`, and nothing else: what a run calls itself with")
	flag.Parse()
	err := error(nil)
	if *dir != "" {
		err = prepare(*dir, *oracle)
	} else {
		err = run(os.Stdout, *lockdep, *oracle, *count)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tracebench:", err)
		os.Exit(1)
	}
}

// A group is an input and the commands that read it; the first is what the others are compared with.
type group struct {
	name  string
	input string
	cmds  [][]string
}

func run(w io.Writer, lockdep, oracle string, count int) error {
	dir, err := os.MkdirTemp("", "tracebench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	dat := filepath.Join(oracle, "runs/lx_bootwork2/trace.dat")
	// In a process of its own: a child begins with the memory that its parent had at most, which its own figure includes.
	cmd := exec.Command(os.Args[0], "-prepare", dir, "-oracle", oracle)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	text, perf, noise := inputs(dir)
	groups := []group{
		{"trace.dat", dat, [][]string{
			{"trace-cmd", "report", "-i", dat}, {lockdep, "trace", "-j", "1", dat}, {lockdep, "trace", "-j", "2", dat}, {"cat", dat},
		}},
		{"ftrace text", text, [][]string{{"cat", text}, {lockdep, "trace", "-j", "1", text}}},
		{"perf.data", perf, [][]string{
			{"perf", "script", "-i", perf}, {"perf", "lock", "report", "-i", perf}, {lockdep, "trace", "-j", "1", perf},
		}},
		{"console log without a report", noise, [][]string{{"cat", noise}, {lockdep, "splat", noise}}},
	}
	fmt.Fprintf(w, "%s, %s/%s, %d CPUs, the fastest of %d\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), count)
	fmt.Fprintln(w, "| input | command | seconds | MB/s | times the first | memory, MB |\n|---|---|--:|--:|--:|--:|")
	for _, g := range groups {
		st, err := os.Stat(g.input)
		if err != nil {
			return err
		}
		first := 0.0
		for _, argv := range g.cmds {
			exe, err := exec.LookPath(argv[0])
			if err != nil {
				fmt.Fprintf(w, "| %s | %s | not installed | | | |\n", g.name, argv[0])
				continue
			}
			seconds, rss, err := measure(exe, argv[1:], count)
			if err != nil {
				fmt.Fprintf(w, "| %s | %s | %v | | | |\n", g.name, title(argv), err)
				continue
			}
			ratio := ""
			if first == 0 {
				first = seconds
			} else {
				ratio = fmt.Sprintf("%.3g", first/seconds)
			}
			fmt.Fprintf(w, "| %s | `%s` | %.2f | %.0f | %s | %d |\n", g.name, title(argv), seconds, float64(st.Size())/1e6/seconds, ratio, rss>>10)
		}
	}
	return nil
}

// title is the command without its file.
func title(argv []string) string {
	return strings.TrimSuffix(strings.Join(append([]string{filepath.Base(argv[0])}, argv[1:len(argv)-1]...), " "), " -i")
}

// measure runs a command and returns the shortest time in seconds and the most memory in KB. A finding is no failure.
func measure(exe string, args []string, count int) (seconds float64, rss int64, err error) {
	for i := range count {
		cmd := exec.Command(exe, args...)
		var said bytes.Buffer
		cmd.Stderr = &said
		start := time.Now()
		err := cmd.Run()
		took := time.Since(start).Seconds()
		if err != nil && cmd.ProcessState.ExitCode() != 66 {
			return 0, 0, fmt.Errorf("%w: %.60s", err, said.String())
		}
		if i == 0 || took < seconds {
			seconds = took
		}
		if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			rss = max(rss, u.Maxrss)
		}
	}
	return seconds, rss, nil
}

func inputs(dir string) (text, perf, noise string) {
	return filepath.Join(dir, "trace.txt"), filepath.Join(dir, "a.data"), filepath.Join(dir, "console.txt")
}

func prepare(dir, oracle string) error {
	text, perf, noise := inputs(dir)
	if err := unpack(text, filepath.Join(oracle, "runs/s_work4/trace.txt.zst")); err != nil {
		return err
	}
	if err := unpack(perf, filepath.Join(oracle, "perf/a.data.zst")); err != nil {
		return err
	}
	return console(noise, 400<<20)
}

func unpack(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, z); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return out.Close()
}

// console writes a log of a kernel's messages with no report among them.
func console(name string, size int) error {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	for i, n := 0, 0; n < size; i++ {
		k, err := fmt.Fprintf(w, "[%5d.%06d] %s\n", i/1000, i%1000*997, []string{
			"usb 1-1: new high-speed USB device number 2 using xhci_hcd",
			"EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.",
			"systemd[1]: Started Journal Service.",
			"audit: type=1400 audit(1700000000.000:42): apparmor=\"STATUS\" operation=\"profile_load\" profile=\"unconfined\" name=\"lsb_release\"",
			"Call Trace: not one of a lock, but it has the words",
		}[i%5])
		if err != nil {
			return err
		}
		n += k
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Close()
}
