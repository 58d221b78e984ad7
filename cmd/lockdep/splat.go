package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/golockdep/lockdep/report/splat"
)

// A splatForm says how reports are printed.
type splatForm struct {
	explain, kernel, json, dot, sarif, dedup, title bool
}

func splatCommand() *cobra.Command {
	var form splatForm
	c := &cobra.Command{
		Use:   "splat [flags] FILE...",
		Short: "Find, read and explain the kernel's lockdep reports in logs",
		Long: "Find every report of the kernel's lock validator in console logs, mails, syslogs\nand journals of kernels 2.6 to today, and print a line for each. \"-\" is standard\n" +
			"input; below a directory every file is read; gzip and zstd are unpacked.\n\nThe exit status is 1 where nothing at all could be read, and 2 for a usage error.",
		Example: "  dmesg | lockdep splat -explain -\n  lockdep splat -dedup logs/\n  lockdep splat -kernel mail.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			n := 0
			for _, b := range []bool{form.explain, form.kernel, form.json, form.dot, form.sarif, form.title} {
				if b {
					n++
				}
			}
			switch {
			case len(args) == 0:
				return errors.New(`no file is named; use "-" for standard input`)
			case n > 1:
				return errors.New("only one of -explain, -kernel, -json, -dot, -sarif and -title can be given")
			}
			return runSplat(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), form, args)
		},
	}
	f := c.Flags()
	f.BoolVar(&form.explain, "explain", false, "say in plain words who waits for whom, with a picture")
	f.BoolVar(&form.kernel, "kernel", false, "print the reports as a kernel does, without prefixes")
	f.BoolVar(&form.json, "json", false, "print the reports as JSON lines")
	f.BoolVar(&form.dot, "dot", false, "print the cycles in the DOT language")
	f.BoolVar(&form.sarif, "sarif", false, "print the reports as SARIF 2.1")
	f.BoolVar(&form.dedup, "dedup", false, "one report for each bug: those with the same cycle are one")
	f.BoolVar(&form.title, "title", false, "print the title that syzkaller's parser gives")
	return c
}

func runSplat(in io.Reader, out, errOut io.Writer, form splatForm, args []string) error {
	w := bufio.NewWriter(out)
	var all []*splat.Report
	n := 0
	// What needs all reports at once waits; the others are printed as they come.
	whole := form.json || form.dot || form.sarif || form.dedup
	read := splatFiles(in, errOut, args, func(r *splat.Report) error {
		if whole {
			all = append(all, r)
			return nil
		}
		n++
		return form.print(w, r, n, 1)
	})
	if errors.Is(read, errNothingRead) {
		return status(1)
	}
	if read != nil {
		return read
	}
	if whole {
		if err := form.printAll(w, all); err != nil {
			return err
		}
	}
	return w.Flush()
}

// print prints one report, the n-th, for count of them.
func (form splatForm) print(w io.Writer, r *splat.Report, n, count int) error {
	if n > 1 && (form.explain || form.kernel) {
		fmt.Fprintln(w)
	}
	times := ""
	if count > 1 {
		times = fmt.Sprintf("%d times, first ", count)
	}
	switch {
	case form.kernel:
		return r.Kernel(w)
	case form.title:
		_, err := fmt.Fprintln(w, r.SyzkallerTitle())
		return err
	}
	if _, err := fmt.Fprintf(w, "%s%s:%d: %s\n", times, r.Origin.File, r.Origin.Line, r.Summary()); err != nil {
		return err
	}
	if form.explain {
		return r.Explain(w)
	}
	return nil
}

func (form splatForm) printAll(w io.Writer, all []*splat.Report) error {
	groups := splat.Dedup(all)
	if form.dedup {
		all = nil
		for _, g := range groups {
			all = append(all, g.Reports[0])
		}
	}
	switch {
	case form.json:
		return splat.WriteJSONL(w, all)
	case form.dot:
		return splat.WriteDOT(w, all)
	case form.sarif:
		return splat.WriteSARIF(w, all, version)
	}
	for i, g := range groups {
		if err := form.print(w, g.Reports[0], i+1, len(g.Reports)); err != nil {
			return err
		}
	}
	return nil
}

var errNothingRead = errors.New("nothing could be read")

// splatFiles calls yield with every report of the named files. What cannot be
// read is said on errOut and passed over; that is an error only where nothing
// at all could be read.
func splatFiles(in io.Reader, errOut io.Writer, args []string, yield func(*splat.Report) error) error {
	readAny := false
	fail := func(err error) { fmt.Fprintln(errOut, "lockdep:", err) }
	one := func(name string, r io.Reader) error {
		plain, done, err := unpacked(r)
		if err != nil {
			fail(fmt.Errorf("reading %s: %w", name, err))
			return nil
		}
		defer done()
		for rep, err := range splat.Reports(plain) {
			if err != nil {
				fail(fmt.Errorf("reading %s: used as far as it goes: %w", name, err))
				break
			}
			rep.Origin.File = name
			if err := yield(rep); err != nil {
				return err
			}
			readAny = true
		}
		readAny = true
		return nil
	}
	file := func(name string) error {
		f, err := os.Open(name)
		if err != nil {
			fail(err)
			return nil
		}
		defer f.Close()
		return one(name, f)
	}
	for _, a := range args {
		if a == "-" {
			if err := one("stdin", in); err != nil {
				return err
			}
			continue
		}
		st, err := os.Stat(a)
		switch {
		case err != nil:
			fail(err)
			continue
		case !st.IsDir():
			if err := file(a); err != nil {
				return err
			}
			continue
		}
		err = filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				fail(err)
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			return file(path)
		})
		if err != nil {
			return err
		}
	}
	if !readAny {
		return errNothingRead
	}
	return nil
}

// unpacked is r without gzip or zstd around it, told by its first bytes.
func unpacked(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}
