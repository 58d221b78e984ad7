package report

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/golockdep/lockdep/engine"
)

// sarifLocation is a frame with its function as the logical location. A frame
// without a file, or with a line that SARIF does not know (0), has that alone.
func sarifLocation(f engine.Frame, root string) *sarif.Location {
	l := sarif.NewLocation()
	if f.File != "" {
		p := sarif.NewPhysicalLocation().WithArtifactLocation(artifact(f.File, root))
		if f.Line > 0 {
			p.WithRegion(sarif.NewRegion().WithStartLine(f.Line))
		}
		l.WithPhysicalLocation(p)
	}
	if f.Func != "" {
		l.AddLogicalLocation(sarif.NewLogicalLocation().WithFullyQualifiedName(f.Func).WithKind("function"))
	}
	return l
}

func artifact(file, root string) *sarif.ArtifactLocation {
	a := sarif.NewArtifactLocation()
	if rel, ok := below(file, root); ok {
		return a.WithURI(pathURI(rel)).WithURIBaseID("%SRCROOT%")
	}
	slashed := filepath.ToSlash(file)
	if filepath.IsAbs(file) {
		if !strings.HasPrefix(slashed, "/") {
			slashed = "/" + slashed // a drive letter
		}
		return a.WithURI("file://" + pathURI(slashed))
	}
	return a.WithURI(pathURI(slashed))
}

// pathURI is a path as a URI reference (RFC 3986).
func pathURI(p string) string { return (&url.URL{Path: p}).String() }
