package splat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

const homepage = "https://github.com/golockdep/lockdep"

// WriteJSONL writes reports as JSON lines: the model, and beside it what a
// reader would have to work out from it (summary, title, release, key, cycle,
// cut). The error is w's.
func WriteJSONL(w io.Writer, reports []*Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, r := range reports {
		err := enc.Encode(struct {
			*Report
			Summary string   `json:"summary"`
			Syz     string   `json:"title"`
			Release string   `json:"release"`
			Key     string   `json:"key"`
			Cycle   []Pair   `json:"cycle"`
			Cut     []string `json:"cut"`
		}{r, r.Summary(), r.SyzkallerTitle(), r.Release(), r.Key(), append([]Pair{}, r.Pairs()...), append([]string{}, r.Cut()...)})
		if err != nil {
			return fmt.Errorf("writing report: %w", err)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteDOT writes the cycles of reports in the DOT language of Graphviz: a node
// a class, an arrow a dependency. The one that made the report is red, and that
// of an interrupt dashed. The error is w's.
func WriteDOT(w io.Writer, reports []*Report) error {
	var b bytes.Buffer
	b.WriteString("digraph splat {\n\trankdir=LR;\n\tnode [shape=box];\n")
	seen := map[string]bool{}
	for _, r := range reports {
		for _, p := range r.Pairs() {
			attrs := "label=" + quoteDOT(p.Func)
			if p.IRQ {
				attrs += ", style=dashed"
			}
			if p.Closes {
				attrs += ", color=red"
			}
			l := fmt.Sprintf("\t%s -> %s [%s];\n", quoteDOT(p.Held), quoteDOT(p.Wanted), attrs)
			if !seen[l] {
				seen[l] = true
				b.WriteString(l)
			}
		}
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// WriteSARIF writes reports as a SARIF 2.1.0 log with one run: a rule a kind, a
// result a report, at the banner's line of its log. The error is w's.
func WriteSARIF(w io.Writer, reports []*Report, version string) error {
	log := sarif.NewReport()
	run := sarif.NewRunWithInformationURI("lockdep", homepage)
	run.Tool.Driver.WithVersion(version)
	text := func(s string) *sarif.MultiformatMessageString { return sarif.NewMultiformatMessageString().WithText(s) }
	for _, k := range Kinds() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarif.NewRule("kernel-"+string(k)).
			WithShortDescription(text(k.Short())).
			WithHelp(text("Repair: "+k.Repair())).
			WithHelpURI(homepage))
	}
	for _, r := range reports {
		id := "kernel-" + string(r.Kind)
		res := sarif.NewRuleResult(id).WithLevel(sarif.LevelWarning).
			WithMessage(sarif.NewTextMessage(strings.Join(append([]string{r.Summary() + "."}, r.story()...), " "))).
			WithPartialFingerprints(map[string]string{"splatKey/v1": r.Key()})
		if i := run.GetRuleIndex(id); i >= 0 {
			res.WithRuleIndex(i)
		}
		if r.Origin.File != "" {
			res.WithLocations([]*sarif.Location{sarif.NewLocation().WithPhysicalLocation(sarif.NewPhysicalLocation().
				WithArtifactLocation(sarif.NewSimpleArtifactLocation(r.Origin.File)).
				WithRegion(sarif.NewSimpleRegion(r.Origin.Line, r.Origin.Line)))})
		}
		run.AddResult(res)
	}
	log.AddRun(run)
	var b bytes.Buffer
	if err := log.PrettyWrite(&b); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{
		Circular, Recursive, IRQOrder, Inconsistent, IRQInversion, UnlockImbalance, HeldFreed, HeldExit, HeldUserspace, NestLock,
		WaitContext, Contention, RCU, ChainCollision, NonstaticKey, Limit, Assert,
	}
}
