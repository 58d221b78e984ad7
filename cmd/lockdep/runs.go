package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/golockdep/lockdep/engine"
)

// A directory .lockdep holds the last run. Of the runs before it, the findings are kept
// in a directory below, so that an ID in an older log can be explained.
const (
	earlierDir  = "earlier"
	earlierRuns = 20
	earlierTime = "20060102T150405.000000000" // of the name of a file
)

// newRun empties dir for a run that comes now, and keeps the findings of the one before.
func newRun(dir string, patterns ...string) {
	last := filepath.Join(dir, findingsFile)
	if info, err := os.Stat(last); err == nil && info.Size() > 0 {
		if os.MkdirAll(filepath.Join(dir, earlierDir), 0o755) == nil {
			os.Rename(last, filepath.Join(dir, earlierDir, info.ModTime().UTC().Format(earlierTime)+".jsonl"))
		}
	}
	if old := earlierFiles(dir); len(old) > earlierRuns {
		for _, f := range old[earlierRuns:] {
			os.Remove(f)
		}
	}
	for _, names := range append(patterns, findingsFile, lastRunFile) {
		old, _ := filepath.Glob(filepath.Join(dir, names))
		for _, f := range old {
			os.Remove(f)
		}
	}
}

// unwatched keeps what lockdep writes in dir out of version control.
func unwatched(dir string) {
	name := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(name); err != nil {
		_ = os.WriteFile(name, []byte("*\n"), 0o644)
	}
}

// earlierFiles are the findings of earlier runs, the newest first.
func earlierFiles(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, earlierDir, "*.jsonl"))
	slices.Sort(files)
	slices.Reverse(files)
	return files
}

// earlier looks for a finding in the runs before the last one; when is the zero time
// where the name of the file does not say it.
func earlier(dir, id string) (found []engine.Finding, when time.Time) {
	for _, file := range earlierFiles(dir) {
		findings, err := findingsIn(file)
		if err != nil {
			continue
		}
		for i := range findings {
			if findings[i].ID == id {
				name := filepath.Base(file)
				when, _ = time.Parse(earlierTime, name[:len(name)-len(".jsonl")])
				return findings[i : i+1], when.Local()
			}
		}
	}
	return nil, time.Time{}
}
