// Link stands in for the linker of an instrumented GOROOT. It sets the string
// internal/lockdep.names of the program to the part of the table of lock names
// (the file $LOCKDEPNAMES) that concerns the program's packages, and leaves the
// rest to the real linker, link-real in the same directory.
//
// The go command links again when the version that the linker prints changes,
// so the hash of the table is part of it.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxArg is the size of the table from which it is passed in a response file;
// Linux allows 128 KB for one argument.
const maxArg = 100 << 10

func main() {
	real, err := realLinker()
	if err != nil {
		fatal(err)
	}
	args := os.Args[1:]
	var table []byte
	if name := os.Getenv("LOCKDEPNAMES"); name != "" {
		table, _ = os.ReadFile(name) // no table, no names
	}
	if len(args) == 1 && args[0] == "-V=full" {
		version(real, table)
		return
	}
	if table == nil {
		run(real, args, "")
		return
	}
	all := expand(args)
	importcfg := flagValue(all, "importcfg")
	names := filter(table, packages(importcfg))
	arg := "-X=internal/lockdep.names=" + string(names)
	if len(arg) <= maxArg {
		run(real, append([]string{arg}, args...), "")
		return
	}
	file, err := responseFile(filepath.Dir(importcfg), arg)
	if err != nil {
		fatal(err)
	}
	run(real, append([]string{"@" + file}, args...), file)
}

func fatal(err error) {
	fmt.Fprintf(os.Stderr, "link: %v\n", err)
	os.Exit(2)
}

func realLinker() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0] // the go command gives the whole path
	}
	dir, base := filepath.Split(exe)
	base, ext := strings.TrimSuffix(base, ".exe"), filepath.Ext(base)
	return dir + base + "-real" + ext, nil
}

// version prints the version line of the real linker with the hash of the
// table added. For a release the go command uses the whole line as the identity
// of the tool, for a development version what follows the last slash
// (cmd/go/internal/work/buildid.go, toolID, Go 1.24 to 1.26).
func version(real string, table []byte) {
	cmd := exec.Command(real, "-V=full")
	cmd.Args[0] = os.Args[0]
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		fatal(err)
	}
	hash := "none"
	if table != nil {
		hash = fmt.Sprintf("%x", sha256.Sum256(table))[:12]
	}
	line := strings.TrimSpace(string(out))
	sep := " "
	if strings.Contains(line, "buildID=") {
		sep = "-"
	}
	fmt.Printf("%s%slockdep-names-%s\n", line, sep, hash)
}

// run becomes the real linker. Where a process cannot do that, or if temp has
// to be removed afterwards, it runs the linker as a child.
func run(real string, args []string, temp string) {
	argv := append([]string{os.Args[0]}, args...)
	if temp == "" {
		syscall.Exec(real, argv, os.Environ()) // returns only if it cannot be done; the child says why
	}
	cmd := &exec.Cmd{Path: real, Args: argv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err := cmd.Run()
	if temp != "" {
		os.Remove(temp)
	}
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fatal(err)
	}
}

// responseFile writes arg to a file as the linker reads it after @: one
// argument a line, with newline and backslash escaped (cmd/internal/objabi
// DecodeArg; carriage returns are dropped there, and the table has none).
func responseFile(dir, arg string) (string, error) {
	f, err := os.CreateTemp(dir, "lockdep-names-")
	if err != nil {
		f, err = os.CreateTemp("", "lockdep-names-")
	}
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(strings.NewReplacer("\\", `\\`, "\n", `\n`).Replace(arg) + "\n")
	if err1 := f.Close(); err == nil {
		err = err1
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// expand replaces the response files among the arguments by their content.
func expand(args []string) []string {
	var out []string
	for _, arg := range args {
		file, ok := strings.CutPrefix(arg, "@")
		if !ok {
			out = append(out, arg)
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\r\n")
			out = append(out, strings.NewReplacer(`\\`, "\\", `\n`, "\n").Replace(line))
		}
	}
	return out
}

// flagValue returns the value of a flag that takes one, or "".
func flagValue(args []string, name string) string {
	for i, arg := range args {
		arg = strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
		if v, ok := strings.CutPrefix(arg, name+"="); ok && strings.HasPrefix(args[i], "-") {
			return v
		}
		if arg == name && strings.HasPrefix(args[i], "-") && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// packages returns the import paths that an importcfg file names, or nil if
// there is none, which stands for all packages.
func packages(importcfg string) map[string]bool {
	text, err := os.ReadFile(importcfg)
	if err != nil {
		return nil
	}
	paths := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "packagefile "); ok {
			path, _, _ := strings.Cut(rest, "=")
			path, _, _ = strings.Cut(path, " [") // variant for a test
			paths[path] = true
		}
	}
	return paths
}

// filter returns the header of the table and the groups of the packages. A
// group is a line "p PATH", PATH escaped as in symbol names, or "p main PATH",
// and the lines up to the next group.
func filter(table []byte, paths map[string]bool) []byte {
	if paths == nil {
		return table
	}
	var out bytes.Buffer
	keep := true
	for line := range bytes.Lines(table) {
		if path, ok := bytes.CutPrefix(line, []byte("p ")); ok {
			p := strings.TrimSpace(string(path))
			main, isMain := strings.CutPrefix(p, "main ")
			keep = p == "main" || paths[p] || paths[unescape(p)] || isMain && (paths[main] || paths[unescape(main)])
		}
		if keep {
			out.Write(line)
		}
	}
	return out.Bytes()
}

// unescape undoes the escaping of import paths in symbol names
// (cmd/internal/objabi.PathToPrefix): %xx for a byte.
func unescape(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
