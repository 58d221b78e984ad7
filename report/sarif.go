package report

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/golockdep/lockdep/engine"
)

const (
	homepage = "https://github.com/golockdep/lockdep"
	// fingerprint is the key of a finding's ID in partialFingerprints. Its
	// version goes up when IDs are made in another way.
	fingerprint = "lockdepFinding/v1"
)

// WriteSARIF writes findings as a SARIF 2.1.0 log with one run. version is
// lockdep's. root is the directory of the checkout: files below it are given
// relative to it, with the base ID %SRCROOT% that code scanning services know;
// an empty root leaves all paths as they are.
//
// Each kind is a rule, whether found or not. The levels proved, likely and
// possible are SARIF's error, warning and note. A result stands where the cycle
// closed, or, where that is outside root, at the innermost call inside it.
// relatedLocations name what each side holds and wants, writers included; the
// code flow has one thread flow a side.
func WriteSARIF(w io.Writer, findings []Finding, version, root string) error {
	log := sarif.NewReport()
	run := sarif.NewRunWithInformationURI("lockdep", homepage)
	run.Tool.Driver.WithVersion(version)
	for _, d := range docs {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule(&d))
	}
	for i := range findings {
		run.AddResult(sarifResult(run, &findings[i], root))
	}
	log.AddRun(run)
	var buf bytes.Buffer
	if err := log.PrettyWrite(&buf); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	buf.WriteByte('\n')
	_, err := w.Write(buf.Bytes())
	return err
}

func sarifRule(d *Doc) *sarif.ReportingDescriptor {
	text := func(s string) *sarif.MultiformatMessageString {
		return sarif.NewMultiformatMessageString().WithText(s)
	}
	help := d.Text + "\n\nRepair: " + d.Repair
	return sarif.NewRule(d.Kind.String()).
		WithName(sarifName(d.Kind)).
		WithShortDescription(text(d.Short)).
		WithFullDescription(text(d.Text)).
		WithHelp(text(help).WithMarkdown(help + "\n\n```go\n" + d.Example + "```\n")).
		WithHelpURI(homepage).
		WithDefaultConfiguration(sarif.NewReportingConfiguration()).
		WithProperties(sarif.NewPropertyBag().WithTags([]string{"concurrency", "deadlock"}))
}

// sarifName is a kind's word in the form that SARIF asks of names: RecursiveRead.
func sarifName(k Kind) string {
	var b strings.Builder
	for part := range strings.SplitSeq(k.String(), "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func sarifLevel(l Level) string {
	switch l {
	case engine.Proved:
		return sarif.LevelError
	case engine.Likely:
		return sarif.LevelWarning
	case engine.Possible:
		return sarif.LevelNote
	}
	return sarif.LevelNone
}

func sarifResult(run *sarif.Run, f *Finding, root string) *sarif.Result {
	r := sarif.NewRuleResult(f.Kind.String()).
		WithLevel(sarifLevel(f.Level)).
		WithMessage(sarif.NewTextMessage(sarifMessage(f))).
		WithProperties(sarif.NewPropertyBag().
			Add("level", f.Level.String()).Add("why", whyText(f)).
			Add("classes", Classes(f)).Add("tests", Tests(f))).
		WithLocations([]*sarif.Location{sarifLocation(primary(f, root), root)})
	if i := run.GetRuleIndex(f.Kind.String()); i >= 0 {
		r.WithRuleIndex(i)
	}
	if f.Count > 0 {
		r.WithOccurrenceCount(int(f.Count))
	}
	if f.ID != "" {
		r.WithPartialFingerprints(map[string]string{fingerprint: f.ID})
	}
	names := actors(f)
	related := func(name, does string, l *engine.Lock) {
		if l.At.File == "" {
			return
		}
		text := fmt.Sprintf("%s %s %s", name, does, engine.ShortClass(l.Class))
		r.AddRelatedLocation(sarifLocation(l.At, root).WithID(len(r.RelatedLocations) + 1).
			WithMessage(sarif.NewTextMessage(text)))
	}
	flow := sarif.NewCodeFlow()
	for i := range f.Sides {
		s := &f.Sides[i]
		related(names[i], "holds", &s.Holds)
		related(names[i], "wants", &s.Wants)
		flow.AddThreadFlow(sarifThread(s, names[i], root))
		if s.Writer != nil {
			name := funcName(actor(s.Writer)) + ", a writer,"
			related(name, "wants", &s.Writer.Wants)
			flow.AddThreadFlow(sarifThread(s.Writer, name, root))
		}
	}
	if len(flow.ThreadFlows) > 0 {
		r.AddCodeFlow(flow)
	}
	return r
}

func sarifMessage(f *Finding) string {
	var b strings.Builder
	b.WriteString(f.Kind.Title())
	if len(f.Sides) > 0 {
		b.WriteString(": " + strings.Join(story(f), " "))
	}
	fmt.Fprintf(&b, " Level %s: %s.", f.Level, whyText(f))
	return b.String()
}

// sarifThread is one side from the outside in, with the acquisition of what it
// holds before the call that leads on to what it wants.
func sarifThread(s *engine.Side, name, root string) *sarif.ThreadFlow {
	t := sarif.NewThreadFlow().WithMessage(sarif.NewTextMessage(fmt.Sprintf("%s, goroutine %d", name, s.Goroutine)))
	if s.Test != "" {
		t.WithMessage(sarif.NewTextMessage(fmt.Sprintf("%s, goroutine %d, in %s", name, s.Goroutine, s.Test)))
	}
	add := func(f engine.Frame, text string, kinds ...string) {
		l := sarif.NewThreadFlowLocation().WithLocation(sarifLocation(f, root).WithMessage(sarif.NewTextMessage(text)))
		if len(kinds) > 0 {
			l.WithKinds(kinds).WithImportance("essential")
		}
		t.AddLocation(l)
	}
	holding := len(s.Stack) - 1
	for i, f := range s.Stack {
		if f.Func == s.Holds.At.Func {
			holding = i
			break
		}
	}
	takes := func() {
		if s.Holds.Class != "" {
			add(s.Holds.At, "takes "+engine.ShortClass(s.Holds.Class), "acquire", "lock")
		}
	}
	if len(s.Stack) == 0 {
		takes()
	}
	for i := len(s.Stack) - 1; i >= 0; i-- {
		if i == holding {
			takes()
		}
		if f := s.Stack[i]; i > 0 && !isRuntime(f) {
			add(f, engine.ShortFunc(f.Func))
		}
	}
	add(s.Wants.At, "wants "+engine.ShortClass(s.Wants.Class), "acquire", "lock")
	return t
}

// primary is where a result is shown.
func primary(f *Finding, root string) engine.Frame {
	if len(f.Sides) == 0 {
		return engine.Frame{}
	}
	s := &f.Sides[0]
	if _, ok := below(s.Wants.At.File, root); !ok {
		for _, f := range s.Stack {
			if _, ok := below(f.File, root); ok {
				return f
			}
		}
	}
	return s.Wants.At
}

// below returns file relative to root, with slashes; false: it is not below.
func below(file, root string) (string, bool) {
	if root == "" || !filepath.IsAbs(file) {
		return "", false
	}
	rel, err := filepath.Rel(root, file)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}
