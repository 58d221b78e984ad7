package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/golockdep/lockdep/ktrace"
	"github.com/golockdep/lockdep/ktrace/replay"
	"github.com/golockdep/lockdep/report/splat"
)

// statKinds are what -stats prints, each in the layout of the file below /proc
// of that name.
var statKinds = []string{"lockdep", "lockdep_chains", "lockdep_stats", "lock_stat"}

// A traceForm says what is read and how it is printed.
type traceForm struct {
	json, waits  bool
	level, graph string
	stats        []string
	jobs         int
}

func traceCommand() *cobra.Command {
	var form traceForm
	c := &cobra.Command{
		Use:   "trace [flags] FILE...",
		Short: "Judge recorded kernels by the rules of the kernel's lock validator",
		Long: "Replay the lock, irq, softirq, scheduler, workqueue and timer events of a kernel by\nthe rules of its lock validator, and print the findings as the kernel does. The\n" +
			"files together are one graph. \"-\" is standard input.\n\n" +
			"A finding is likely if it follows from the events, and possible if it rests on\nwhat they do not say. With -waits, dependencies on completions are followed, too.\n\n" +
			"The exit status is 66 where a finding is likely, 1 where nothing at all could be\nread, and 2 for a usage error.",
		Example: "  lockdep trace trace.dat\n  trace-cmd report -l trace.dat | lockdep trace -level possible -\n  lockdep trace -stats lockdep_stats -graph boot.ldg boot*.dat",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range form.stats {
				if !slices.Contains(statKinds, s) {
					return fmt.Errorf("-stats %s, want some of %s", s, strings.Join(statKinds, ","))
				}
			}
			switch {
			case len(args) == 0:
				return errors.New(`no file is named; use "-" for standard input`)
			case form.level != "possible" && form.level != "likely":
				return fmt.Errorf("-level %s, want possible or likely", form.level)
			case form.jobs < 1:
				return fmt.Errorf("-j %d, want at least 1", form.jobs)
			case form.json && len(form.stats) > 0:
				return errors.New("only one of -json and -stats can be given")
			}
			return runTrace(cmd.OutOrStdout(), cmd.ErrOrStderr(), form, args)
		},
	}
	f := c.Flags()
	f.BoolVar(&form.json, "json", false, "print the findings as JSON lines")
	f.BoolVar(&form.waits, "waits", false, "follow waits for completions, and report cycles over them")
	f.StringVar(&form.level, "level", "likely", "print findings from this `LEVEL` on: possible or likely")
	f.StringVar(&form.graph, "graph", "", "write the graph to `FILE`, for lockdep graph")
	f.StringSliceVar(&form.stats, "stats", nil, "print what the kernel has below /proc, in place of the findings: some of\n"+strings.Join(statKinds, ","))
	f.IntVarP(&form.jobs, "jobs", "j", runtime.GOMAXPROCS(0), "use `N` cores; the result does not depend on it")
	return c
}

func runTrace(out, errOut io.Writer, form traceForm, args []string) error {
	opt := replay.Options{Waits: form.waits, LockStat: slices.Contains(form.stats, "lock_stat")}
	res, err := readTraces(errOut, opt, form.jobs, args)
	if err != nil {
		return err
	}
	if form.graph != "" {
		if err := res.Graph().WriteFile(form.graph); err != nil {
			return err
		}
	}
	w := bufio.NewWriter(out)
	why, err := form.print(w, errOut, res)
	if e := w.Flush(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return why.status()
}

// print prints what was asked for; a finding that is likely is the blame.
func (form traceForm) print(w, errOut io.Writer, res *replay.Result) (why blame, err error) {
	var shown []*replay.Finding
	hidden := 0
	for _, f := range res.Findings {
		if f.Level == replay.Likely || form.level == "possible" || f.Waits && len(f.Why) == 1 {
			shown = append(shown, f)
		} else {
			hidden++
		}
	}
	for _, s := range res.Doubts() {
		fmt.Fprintln(errOut, "lockdep:", s)
	}
	if hidden > 0 {
		fmt.Fprintf(errOut, "lockdep: %d more possible by what the events do not say; -level possible prints them\n", hidden)
	}
	if len(form.stats) > 0 {
		write := map[string]func(io.Writer) error{
			"lockdep": res.WriteLockdep, "lockdep_chains": res.WriteChains, "lockdep_stats": res.WriteStats, "lock_stat": res.WriteLockStat,
		}
		for i, s := range form.stats {
			if len(form.stats) > 1 {
				if i > 0 {
					fmt.Fprintln(w)
				}
				fmt.Fprintf(w, "==> /proc/%s <==\n", s)
			}
			if err := write[s](w); err != nil {
				return why, err
			}
		}
		// In place of the findings: those that fail the run are still said.
		w, shown = errOut, slices.DeleteFunc(shown, func(f *replay.Finding) bool { return f.Level != replay.Likely })
	}
	for i, f := range shown {
		say := func(w io.Writer) error { return form.finding(w, f, i > 0) }
		if f.Level == replay.Likely {
			err = why.on(w, say)
		} else {
			err = say(w)
		}
		if err != nil {
			return why, err
		}
	}
	return why, nil
}

func (form traceForm) finding(w io.Writer, f *replay.Finding, more bool) error {
	if form.json {
		return writeTraceJSON(w, f)
	}
	if more {
		fmt.Fprintln(w)
	}
	if err := f.Report.Kernel(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "level: %s", f.Level)
	for _, why := range f.Why {
		fmt.Fprintf(w, "\n  %s", why)
	}
	_, err := fmt.Fprintln(w)
	return err
}

func writeTraceJSON(w io.Writer, f *replay.Finding) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Level   string       `json:"level"`
		Why     []string     `json:"why"`
		Waits   bool         `json:"waits"`
		Summary string       `json:"summary"`
		Key     string       `json:"key"`
		Cycle   []splat.Pair `json:"cycle"`
		*splat.Report
	}{f.Level.String(), append([]string{}, f.Why...), f.Waits, f.Report.Summary(), f.Report.Key(), append([]splat.Pair{}, f.Report.Pairs()...), f.Report})
}

// readTraces replays the files one after the other. What cannot be read is
// said on errOut; it is an error only where no event at all could be read.
func readTraces(errOut io.Writer, opt replay.Options, jobs int, args []string) (*replay.Result, error) {
	r := replay.New(opt)
	for _, name := range args {
		if err := readTrace(errOut, r, jobs, name); err != nil {
			fmt.Fprintln(errOut, "lockdep:", named(err, name))
		}
	}
	if r.Counts().Events == 0 {
		return nil, status(1)
	}
	return r.Judge(), nil
}

func readTrace(errOut io.Writer, r *replay.Replay, jobs int, name string) error {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return err
		}
		defer f.Close()
	}
	in, err := ktrace.NewReader(f)
	if err != nil {
		return err
	}
	in.Jobs(jobs)
	before, damages := r.Counts().Events, 0
	m := &meter{out: errOut, in: f, name: name}
	r.Read(name, in, m.add, func(err error) bool {
		if damages++; damages <= maxDamages {
			m.clear()
			fmt.Fprintln(errOut, "lockdep: passed over:", named(err, name))
		}
		return true
	})
	m.clear()
	if damages > maxDamages {
		fmt.Fprintf(errOut, "lockdep: %s: passed over %d more places\n", name, damages-maxDamages)
	}
	if r.Counts().Events == before {
		fmt.Fprintf(errOut, "lockdep: %s: no event could be read\n", name)
	}
	return in.Close()
}

// named gives errors about a trace the name of the file.
func named(err error, name string) error {
	var e *ktrace.Error
	if errors.As(err, &e) && e.Name == "" {
		e.Name = name
	}
	return err
}

// maxDamages is how many damaged places of a file are named.
const maxDamages = 10

// meter shows on a terminal how far and how fast a trace is read: by bytes
// where it is read from begin to end, else by events.
type meter struct {
	out  io.Writer
	in   *os.File
	name string
	bar  *progressbar.ProgressBar
	size int64 // 0: it goes by events
	off  bool
}

func (m *meter) add(n int) {
	if m.off {
		return
	}
	if m.bar == nil {
		f, ok := m.out.(*os.File)
		if m.off = !ok || !term.IsTerminal(int(f.Fd())); m.off {
			return
		}
		options := []progressbar.Option{
			progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(m.name), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(),
		}
		// What is read at any place leaves the position where it was.
		if st, err := m.in.Stat(); err == nil && st.Mode().IsRegular() && m.at() > 64<<10 {
			m.size = st.Size()
			options = append(options, progressbar.OptionShowBytes(true))
		} else {
			options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"))
		}
		total := m.size
		if total == 0 {
			total = -1 // unknown
		}
		m.bar = progressbar.NewOptions64(total, options...)
	}
	// A terminal that is gone is no reason to stop.
	if m.size > 0 {
		_ = m.bar.Set64(min(m.at(), m.size))
	} else {
		_ = m.bar.Add(n)
	}
}

func (m *meter) at() int64 {
	at, err := m.in.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return at
}

func (m *meter) clear() {
	if m.bar != nil {
		_ = m.bar.Clear()
	}
}
