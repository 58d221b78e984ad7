package goroot

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Copies that nobody uses go, as in the cache of the go command. When a copy was
// used last is the time of its marker.
const (
	maxAge    = 30 * 24 * time.Hour // not used for so long: goes
	maxTotal  = 2 << 30             // bytes of all copies; beyond them, those go that were used the longest ago
	minIdle   = 24 * time.Hour      // but none that was used since
	noteUse   = time.Hour           // how exact the time of the last use is
	trimEvery = 24 * time.Hour
	trimName  = "trim.txt" // its time is that of the last trim
)

// used notes that the copy was used, and trims the others once a day. It is no error
// if the cache cannot be written.
func (b *builder) used(now time.Time) {
	marker := filepath.Join(b.final, markerName)
	if info, err := os.Stat(marker); err == nil && now.Sub(info.ModTime()) > noteUse {
		os.Chtimes(marker, now, now)
	}
	parent, name := filepath.Split(b.final)
	last := filepath.Join(parent, trimName)
	if info, err := os.Stat(last); err == nil && now.Sub(info.ModTime()) < trimEvery {
		return
	}
	if os.WriteFile(last, []byte(now.Format(time.RFC3339)+"\n"), 0o644) != nil {
		return
	}
	trim(filepath.Clean(parent), name, now)
}

// An idle copy may be removed.
type idle struct {
	name string
	used time.Time
	size int64
}

// trim removes the copies below parent, other than keep, that are too old or too much.
func trim(parent, keep string, now time.Time) (removed []string) {
	var all []idle
	total := int64(0)
	for _, name := range copies(parent) {
		dir := filepath.Join(parent, name)
		c := idle{name: name}
		_, c.size = TreeSize(dir)
		if info, err := os.Stat(filepath.Join(dir, markerName)); err == nil {
			c.used = info.ModTime()
		} else if info, err := os.Stat(dir); err == nil {
			c.used = info.ModTime() // half a copy
		}
		if total += c.size; name != keep {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(x, y idle) int { return x.used.Compare(y.used) })
	for _, c := range all {
		age := now.Sub(c.used)
		if age <= maxAge && (total <= maxTotal || age <= minIdle) {
			continue
		}
		lock, err := tryFlock(filepath.Join(parent, c.name+lockSuffix))
		if err != nil {
			continue // somebody builds it, or it cannot be said
		}
		if removeCopy(parent, c.name) == nil && lock.remove() == nil {
			removed = append(removed, c.name)
			total -= c.size
		}
		lock.unlock()
	}
	return removed
}

// copies returns the names of the copies below parent that are there at least in part.
func copies(parent string) []string {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "go") {
			names = append(names, copyName(e.Name()))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TreeSize counts the files below dir and their bytes. Most files of a copy are links into the
// original, and take no room where the file system has links.
func TreeSize(dir string) (files int, size int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			files++
			size += info.Size()
		}
		return nil
	})
	return files, size
}
