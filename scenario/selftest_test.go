package scenario

import (
	"os"
	"strings"
	"testing"
)

// TestSelftestTable compares with the console of a Linux 6.12 with PROVE_LOCKING and PROVE_RAW_LOCK_NESTING.
func TestSelftestTable(t *testing.T) {
	want, err := os.ReadFile("testdata/selftest.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	bad, err := Selftest(&b)
	if err != nil || bad != 0 {
		t.Errorf("%d unexpected, %v", bad, err)
	}
	got, console := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(console)) {
		if i >= len(got) || i >= len(console) || got[i] != console[i] {
			t.Fatalf("line %d: %q, want %q", i+1, got[min(i, len(got)-1)], console[min(i, len(console)-1)])
		}
	}
}

// TestSelftestFails sees that a wrong verdict and an unknown operation show.
func TestSelftestFails(t *testing.T) {
	var b strings.Builder
	bad, err := runSelftests(&b, []selftest{{row: "A-A deadlock", fn: "x", reports: true, ops: []string{"L A"}}})
	if err != nil || bad != 1 || !strings.Contains(b.String(), "deadlock:FAILED|\n") || !strings.Contains(b.String(), "BUG:   1 unexpected failures (out of   1)") {
		t.Errorf("%d, %v: %s", bad, err, b.String())
	}
	if _, err := runSelftests(&b, []selftest{{row: "A-A deadlock", fn: "x", ops: []string{"Q A"}}}); err == nil {
		t.Error("an unknown operation is no error")
	}
}

// TestSelftestList sees that the list is the engine's own.
func TestSelftestList(t *testing.T) {
	engine, err := os.ReadFile("../engine/kernel/testdata/selftests/raw.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(engine) != selftestText {
		t.Error("selftests.txt differs from engine/kernel/testdata/selftests/raw.txt: copy it here")
	}
}
