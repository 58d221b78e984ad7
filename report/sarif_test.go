package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/golockdep/lockdep/engine"
)

func writeSARIF(t *testing.T, findings []Finding, root string) ([]byte, *sarif.Report) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSARIF(&b, findings, "v0.1", root); err != nil {
		t.Fatal(err)
	}
	r, err := sarif.FromBytes(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Errorf("not valid by the SARIF 2.1.0 schema: %v", err)
	}
	return b.Bytes(), r
}

func TestSARIF(t *testing.T) {
	findings := sortedFixtures()
	text, r := writeSARIF(t, findings, "/src/shop")
	checkGolden(t, "all.sarif", text)
	run := r.Runs[0]
	if n := len(run.Tool.Driver.Rules); n != len(Docs()) {
		t.Errorf("%d rules, %d kinds", n, len(Docs()))
	}
	if len(run.Results) != len(findings) {
		t.Fatalf("%d results of %d findings", len(run.Results), len(findings))
	}
	levels := map[engine.Level]string{engine.Proved: "error", engine.Likely: "warning", engine.Possible: "note"}
	for i, x := range run.Results {
		f := &findings[i]
		if x.Level != levels[f.Level] {
			t.Errorf("%s: level %s is %s", f.ID, f.Level, x.Level)
		}
		if *x.RuleID != f.Kind.String() || *run.Tool.Driver.Rules[x.RuleIndex].ID != *x.RuleID {
			t.Errorf("%s: rule %s, index %d", f.ID, *x.RuleID, x.RuleIndex)
		}
		if x.PartialFingerprints[fingerprint] != f.ID {
			t.Errorf("%s: fingerprints %v", f.ID, x.PartialFingerprints)
		}
		flows, related := 0, 0
		for j := range f.Sides {
			flows, related = flows+1, related+2
			if f.Sides[j].Writer != nil {
				flows, related = flows+1, related+1
			}
		}
		if len(x.CodeFlows) != 1 || len(x.CodeFlows[0].ThreadFlows) != flows || len(x.RelatedLocations) != related {
			t.Errorf("%s: %d code flows, %d related locations; want 1 with %d thread flows, %d", f.ID, len(x.CodeFlows), len(x.RelatedLocations), flows, related)
		}
		at := x.Locations[0].PhysicalLocation
		if want := f.Sides[0].Wants.At; *at.Region.StartLine != want.Line || !strings.HasSuffix(want.File, strings.ReplaceAll(*at.ArtifactLocation.URI, "%20", " ")) {
			t.Errorf("%s: stands at %s:%d, want %v", f.ID, *at.ArtifactLocation.URI, *at.Region.StartLine, want)
		}
	}
}

func TestSARIFEmpty(t *testing.T) {
	text, _ := writeSARIF(t, nil, "")
	var log struct{ Runs []struct{ Results []any } }
	if err := json.Unmarshal(text, &log); err != nil || len(log.Runs) != 1 || log.Runs[0].Results == nil {
		t.Errorf("no findings give no run with an empty list of results: %v", err)
	}
	// A finding with holes is still valid SARIF.
	writeSARIF(t, []Finding{{Kind: KindCircular}, {Kind: KindRecursive, Sides: []engine.Side{{}}}}, "/src")
}

func TestSARIFPaths(t *testing.T) {
	for _, c := range []struct{ file, root, uri, baseID string }{
		{"/src/shop/a b/c.go", "/src/shop", "a%20b/c.go", "%SRCROOT%"},
		{"/src/shop/c.go", "/src/shop/", "c.go", "%SRCROOT%"},
		{"/src/shopping/c.go", "/src/shop", "file:///src/shopping/c.go", ""},
		{"/src/c#.go", "/src/shop", "file:///src/c%23.go", ""},
		{"/src/c.go", "", "file:///src/c.go", ""},
		{"example.org/shop/c.go", "/src/shop", "example.org/shop/c.go", ""}, // -trimpath
	} {
		a := artifact(c.file, c.root)
		id := ""
		if a.URIBaseID != nil {
			id = *a.URIBaseID
		}
		if *a.URI != c.uri || id != c.baseID {
			t.Errorf("%s in %s: %s, base %q; want %s, base %q", c.file, c.root, *a.URI, id, c.uri, c.baseID)
		}
	}
	// A lock taken by a package outside the checkout shows at the call inside.
	f := fixtures()["circular"]
	f.Sides[0].Wants.At.File = "/mod/dep.go"
	f.Sides[0].Stack[0] = f.Sides[0].Wants.At
	if got := primary(&f, "/src/shop"); got != f.Sides[0].Stack[1] {
		t.Errorf("stands at %v", got)
	}
}
