package splat

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A row is a line of the index of real reports.
type row struct {
	id, file, typ, title, alt string
	corrupted                 bool
}

func readIndex(t *testing.T, dir string) []row {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "index.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := func(name string) int {
		i := slices.Index(all[0], name)
		if i < 0 {
			t.Fatalf("the index has no column %q", name)
		}
		return i
	}
	id, file, typ, title, alt, corrupted := col("id"), col("file"), col("type"), col("syz_title"), col("syz_alt"), col("syz_corrupted")
	var out []row
	for _, rec := range all[1:] {
		out = append(out, row{rec[id], rec[file], rec[typ], rec[title], rec[alt], rec[corrupted] == "Y"})
	}
	return out
}

// indexType is the word of the index for a kind.
func indexType(k Kind) string { return strings.ReplaceAll(string(k), "-", "_") }

func TestSplatsTypes(t *testing.T) {
	dir := dataDir(t, "LOCKDEP_SPLATS", "splats")
	total, wrong := 0, 0
	for _, x := range readIndex(t, dir) {
		rs := parse(t, readFile(t, filepath.Join(dir, x.file)))
		switch x.typ {
		case "none", "spinlock_debug", "preempt_debug":
			for _, r := range rs {
				t.Errorf("%s: line %d: %s in a text of type %s", x.id, r.Origin.Line, r.Kind, x.typ)
			}
			continue
		}
		total++
		if len(rs) == 0 || indexType(rs[0].Kind) != x.typ {
			wrong++
			var got []Kind
			for _, r := range rs {
				got = append(got, r.Kind)
			}
			t.Logf("%s: %v, want %s", x.id, got, x.typ)
		}
	}
	if wrong*50 > total {
		t.Errorf("%d of %d types wrong", wrong, total)
	}
	t.Logf("%d of %d types right", total-wrong, total)
}

func TestSplatsRoundTrip(t *testing.T) {
	dir := dataDir(t, "LOCKDEP_SPLATS", "splats")
	n := 0
	for _, x := range readIndex(t, dir) {
		t.Run(x.id, func(t *testing.T) {
			for _, r := range parse(t, readFile(t, filepath.Join(dir, x.file))) {
				n++
				checkRoundTrip(t, r)
			}
		})
	}
	t.Logf("%d reports", n)
}

type goldLock struct {
	Cls, State, Ctx, At string
	Inline              []string
}

type gold struct {
	ID, File, Type, Kernel string
	Index                  int `json:"report_index"`
	Task                   struct {
		Comm string
		PID  int
	}
	Acquiring, Holding, Other *goldLock
	Held                      []goldLock
	Chain                     []struct {
		Index                 int
		Cls, State, Ctx, Func string
		FuncOK                []string `json:"func_ok"`
	}
	SummaryChain   []string               `json:"summary_chain"`
	NewDependency  []string               `json:"new_dependency"`
	SafeLock       string                 `json:"safe_lock"`
	SafeFunc       string                 `json:"safe_func"`
	UnsafeLock     string                 `json:"unsafe_lock"`
	UnsafeFunc     string                 `json:"unsafe_func"`
	IRQ            string                 `json:"irq"`
	UsageFrom      string                 `json:"usage_from"`
	UsageTo        string                 `json:"usage_to"`
	RegisteredFunc string                 `json:"registered_func"`
	Context        string                 `json:"context"`
	Usages         map[string][][2]string `json:"usages"`
	Src            string                 `json:"src"`
	RCUCheck       string                 `json:"rcu_check"`
	ReleaseAt      string                 `json:"release_at"`
	Freed          []string               `json:"freed"`
	BacktraceFunc  string                 `json:"backtrace_func"`
	NestingHint    bool                   `json:"nesting_hint"`
	Truncated      bool                   `json:"truncated"`
	AcquiredFunc   string                 `json:"acquired_func"`
	OtherRelation  string                 `json:"other_relation"`
}

func TestSplatsGold(t *testing.T) {
	dir := dataDir(t, "LOCKDEP_SPLATS", "splats")
	text, err := os.ReadFile(filepath.Join(dir, "gold.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []gold
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		t.Run(g.ID, func(t *testing.T) {
			rs := parse(t, readFile(t, filepath.Join(dir, g.File)))
			if len(rs) <= g.Index {
				t.Fatalf("%d reports, want number %d", len(rs), g.Index)
			}
			checkGold(t, &g, rs[g.Index])
		})
	}
}

func checkGold(t *testing.T, g *gold, r *Report) {
	eq := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	lock := func(what string, l *Lock, w *goldLock) {
		t.Helper()
		if w == nil {
			return
		}
		if l == nil {
			t.Errorf("%s: none, want %s", what, w.Cls)
			return
		}
		eq(what+" class", l.Class, w.Cls)
		eq(what+" state", l.Usage, w.State)
		eq(what+" ctx", l.Wait, w.Ctx)
		if w.At != "" {
			eq(what+" at", l.At.Place(), w.At)
		}
		var inline []string
		for _, f := range l.Inline {
			inline = append(inline, f.Func)
		}
		if w.Inline != nil {
			eq(what+" inline", strings.Join(inline, " "), strings.Join(w.Inline, " "))
		}
	}
	fn := func(what, got, want string, or ...string) {
		t.Helper()
		if !slices.Contains(append(or, want), got) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	eq("type", indexType(r.Kind), g.Type)
	eq("kernel", r.Release(), g.Kernel)
	eq("comm", r.Task.Comm, g.Task.Comm)
	if r.Task.PID != g.Task.PID {
		t.Errorf("pid %d, want %d", r.Task.PID, g.Task.PID)
	}
	lock("acquiring", r.Acquire, g.Acquiring)
	lock("holding", r.Holding, g.Holding)
	lock("other", r.Other, g.Other)
	var held []Lock
	if r.Held != nil {
		held = r.Held.Locks
	}
	if len(held) != len(g.Held) {
		t.Errorf("%d locks held, want %d", len(held), len(g.Held))
	} else {
		for i := range held {
			lock("held", &held[i], &g.Held[i])
		}
	}
	if len(r.Chain) != len(g.Chain) {
		t.Errorf("%d links, want %d", len(r.Chain), len(g.Chain))
	} else {
		for i, w := range g.Chain {
			l := &r.Chain[i]
			if l.Index != w.Index {
				t.Errorf("link %d: #%d, want #%d", i, l.Index, w.Index)
			}
			lock("link", &l.Lock, &goldLock{Cls: w.Cls, State: w.State, Ctx: w.Ctx})
			fn("link function", Outer(l.Stack), w.Func, w.FuncOK...)
		}
	}
	eq("chain exists", strings.Join(r.Exists, "|"), strings.Join(g.SummaryChain, "|"))
	var dep []string
	for _, l := range r.NewDependency {
		dep = append(dep, l.Class)
	}
	eq("new dependency", strings.Join(dep, "|"), strings.Join(g.NewDependency, "|"))
	if g.SafeLock != "" {
		eq("safe", r.Safe.Lock.Class, g.SafeLock)
		fn("safe function", Outer(r.Safe.Stack), g.SafeFunc)
		eq("unsafe", r.Unsafe.Lock.Class, g.UnsafeLock)
		fn("unsafe function", Outer(r.Unsafe.Stack), g.UnsafeFunc)
	}
	if g.IRQ != "" {
		eq("irq", r.State, g.IRQ)
	}
	eq("from", r.From, g.UsageFrom)
	eq("to", r.To, g.UsageTo)
	if g.Type == "inconsistent" {
		eq("registered", Outer(r.Registered), g.RegisteredFunc)
	}
	if c, ok := strings.CutPrefix(g.Context, "context-{"); ok {
		eq("wait context", r.Wait, strings.TrimSuffix(c, "}"))
	} else {
		eq("context", r.Context, g.Context)
	}
	for class, states := range g.Usages {
		var got [][2]string
		for _, d := range r.Deps {
			for _, e := range d.Deps {
				if e.Lock.Class == class {
					for _, u := range e.Usages {
						got = append(got, [2]string{u.State, Outer(u.Stack)})
					}
				}
			}
		}
		if !slices.Equal(got, states) {
			t.Errorf("usages of %s: %q, want %q", class, got, states)
		}
	}
	if g.AcquiredFunc != "" {
		var got []string
		for _, d := range r.Deps {
			for _, e := range d.Deps {
				got = append(got, Outer(e.Acquired))
			}
		}
		if !slices.Contains(got, g.AcquiredFunc) {
			t.Errorf("acquired in %q, want %q", got, g.AcquiredFunc)
		}
	}
	if g.OtherRelation != "" {
		eq("backward", map[bool]string{true: "was", false: "took"}[r.Backward], firstWord(g.OtherRelation))
	}
	eq("source", r.Source, g.Src)
	if g.RCUCheck != "" && !strings.Contains(r.Message, g.RCUCheck) {
		t.Errorf("message %q, want %s", r.Message, g.RCUCheck)
	}
	eq("release at", r.ReleaseAt.Place(), g.ReleaseAt)
	if len(g.Freed) == 2 {
		eq("freed", r.FreedFrom+"-"+r.FreedTo, g.Freed[0]+"-"+g.Freed[1])
	}
	if g.BacktraceFunc != "" {
		fn("backtrace function", Outer(r.Stack()), g.BacktraceFunc)
	}
	if r.NestingHint != g.NestingHint {
		t.Errorf("nesting hint %v, want %v", r.NestingHint, g.NestingHint)
	}
	if g.Truncated && len(r.Cut()) == 0 {
		t.Error("the text is cut, and nothing says so")
	}
}

func TestSplatsSyzkallerTitles(t *testing.T) {
	dir := dataDir(t, "LOCKDEP_SPLATS", "splats")
	total, wrong := 0, 0
	for _, x := range readIndex(t, dir) {
		switch x.typ {
		case "none", "spinlock_debug", "preempt_debug":
			continue
		}
		if x.corrupted || !strings.Contains(x.title, " ") {
			continue // others have the file to blame in this column
		}
		total++
		rs := parse(t, readFile(t, filepath.Join(dir, x.file)))
		if len(rs) == 0 || rs[0].SyzkallerTitle() != x.title {
			wrong++
			if len(rs) > 0 {
				t.Logf("%s: %q, want %q", x.id, rs[0].SyzkallerTitle(), x.title)
			}
		}
	}
	if wrong*20 > total {
		t.Errorf("%d of %d titles wrong", wrong, total)
	}
	t.Logf("%d of %d titles right", total-wrong, total)
}
