package goroot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"os/exec"
	"path/filepath"
	"strings"
)

// The Go releases that this package is tested with, as language versions. A newer one is
// used if all anchors match and the copy passes its self-test.
const oldestGo = "go1.24"

var newestGo = "go1.27" // tests change it

// Releases says which Go releases are tested, as "1.24 to 1.27".
func Releases() string {
	return strings.TrimPrefix(oldestGo, "go") + " to " + strings.TrimPrefix(newestGo, "go")
}

// A toolchain is the original GOROOT and what the go command says about it.
type toolchain struct {
	root       string // absolute path
	version    string // GOVERSION without experiments: go1.26.1
	untested   bool   // newer than newestGo
	hostOS     string
	hostArch   string
	buildCache string // GOCACHE
	modCache   string // GOMODCACHE
	goEnv      string // GOENV, the file
	goFlags    string // GOFLAGS
}

func (tc *toolchain) exe() string {
	if tc.hostOS == "windows" {
		return ".exe"
	}
	return ""
}

// toolDir is the directory of the compiler and the linker, relative to a GOROOT.
func (tc *toolchain) toolDir() string {
	return filepath.Join("pkg", "tool", tc.hostOS+"_"+tc.hostArch)
}

// findToolchain asks the go command which toolchain is used in opts.Dir.
// GOTOOLCHAIN is left alone, so the go command may switch to, or download,
// another release first.
func findToolchain(ctx context.Context, opts Options) (*toolchain, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOROOT", "GOVERSION", "GOHOSTOS", "GOHOSTARCH", "GOCACHE", "GOMODCACHE", "GOENV", "GOFLAGS")
	cmd.Dir = opts.Dir
	cmd.Env = opts.Env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("asking go for its GOROOT: %w; install Go or add its bin directory to PATH", err)
		}
		if text := strings.TrimSpace(stderr.String()); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return nil, fmt.Errorf("asking go for its GOROOT: %w", err)
	}
	var env struct{ GOROOT, GOVERSION, GOHOSTOS, GOHOSTARCH, GOCACHE, GOMODCACHE, GOENV, GOFLAGS string }
	if err := json.Unmarshal(stdout.Bytes(), &env); err != nil {
		return nil, fmt.Errorf("reading the output of go env: %w", err)
	}
	if env.GOROOT == "" {
		return nil, errors.New("asking go for its GOROOT: it is empty; set GOROOT to the directory of the Go installation")
	}
	// "go1.26.1 X:jsonv2" names experiments after the release.
	release, _, _ := strings.Cut(env.GOVERSION, " ")
	if err := checkVersion(release); err != nil {
		return nil, err
	}
	root := env.GOROOT
	if m, ok := readMarker(root); ok {
		// We run inside a copy (a test of a tool that uses us): go back to its original.
		root = m.Original
	}
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, fmt.Errorf("finding GOROOT: %w", err)
	}
	return &toolchain{
		root:       root,
		version:    release,
		untested:   version.Compare(version.Lang(release), newestGo) > 0,
		hostOS:     env.GOHOSTOS,
		hostArch:   env.GOHOSTARCH,
		buildCache: env.GOCACHE,
		modCache:   env.GOMODCACHE,
		goEnv:      env.GOENV,
		goFlags:    env.GOFLAGS,
	}, nil
}

func checkVersion(release string) error {
	if !version.IsValid(release) || version.Compare(version.Lang(release), oldestGo) < 0 {
		return &VersionError{GoVersion: release}
	}
	return nil
}
