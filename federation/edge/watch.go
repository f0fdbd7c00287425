package edge

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"consilium/fault"
	"consilium/federation/folder"
	"consilium/intake"
)

// sight is how a file looked: when it looks the same twice, nobody is writing to it.
type sight struct {
	size    int64
	changed time.Time
}

// Watcher takes the files of a folder in. It never changes the folder.
type Watcher struct {
	desk   *Desk
	folder string
	seen   map[string]sight
	taken  map[string]sight
}

// NewWatcher watches a folder for a desk. Nothing is read yet.
func NewWatcher(d *Desk, folder string) *Watcher {
	return &Watcher{desk: d, folder: folder, seen: map[string]sight{}, taken: map[string]sight{}}
}

// Look goes through the folder once: a file that looks as it did the last time is accepted. fresh counts the cases
// that were not known, left the files that wait for another look. A file that cannot be accepted is told to Warn,
// once; only a folder that cannot be listed, a full desk and an ended context are errors.
func (w *Watcher) Look(ctx context.Context) (fresh, left int, err error) {
	if _, err := os.Stat(w.folder); err != nil {
		return 0, 0, fault.Wrap(err, fault.InputMissing, "the folder "+w.folder+" cannot be looked at", "check the path")
	}
	inputs, refusals := intake.List(ctx, []string{w.folder})
	for _, r := range refusals {
		if fault.Code(r.Code) != fault.InputEmpty { // an empty folder is a quiet day
			return 0, 0, fault.New(fault.Code(r.Code), r.What, r.Do)
		}
	}
	seen := map[string]sight{}
	for _, path := range inputs {
		if ctx.Err() != nil {
			return fresh, left, fault.Wrap(ctx.Err(), fault.Interrupted, "stopped while looking at the folder", "start it again")
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		now := sight{info.Size(), info.ModTime()}
		seen[path] = now
		if w.taken[path] == now {
			continue
		}
		if w.seen[path] != now {
			left++
			continue
		}
		isFresh, err := w.take(ctx, path)
		if code := fault.CodeOf(err); code == fault.StoreFull || code == fault.Interrupted {
			w.seen = seen
			return fresh, left + 1, err
		}
		if err != nil {
			w.desk.Warn(err)
		}
		if isFresh {
			fresh++
		}
		w.taken[path] = now
	}
	w.seen = seen
	return fresh, left, nil
}

// Warn tells of something that went wrong beside the work.
func (d *Desk) Warn(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.warn(err)
}

func (w *Watcher) take(ctx context.Context, path string) (bool, error) {
	names, err := companions(path)
	if err != nil {
		return false, err
	}
	c := Case{Name: filepath.Base(path)}
	room := int64(MaxCaseBytes)
	for _, name := range names {
		body, err := readAtMost(name, room)
		if err != nil {
			return false, err
		}
		room -= int64(len(body))
		c.Files = append(c.Files, File{Name: filepath.Base(name), Body: body})
	}
	_, fresh, err := w.desk.Submit(ctx, c)
	return fresh, err
}

// companions are the files of one input: a WFDB header with the files of its name.
func companions(path string) ([]string, error) {
	if !strings.EqualFold(filepath.Ext(path), ".hea") {
		return []string{path}, nil
	}
	base := strings.TrimSuffix(path, filepath.Ext(path))
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, folder.Failed(err, "the folder cannot be listed")
	}
	names := []string{path}
	for _, e := range entries {
		other := filepath.Join(filepath.Dir(path), e.Name())
		if !e.Type().IsRegular() {
			continue
		}
		if ext := strings.ToLower(filepath.Ext(other)); other != path && strings.TrimSuffix(other, filepath.Ext(other)) == base && slices.Contains([]string{".dat", ".mat"}, ext) {
			names = append(names, other)
		}
	}
	return names, nil
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, filepath.Base(path)+" cannot be opened", "check its permissions")
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, filepath.Base(path)+" cannot be read", "check the disk and the file")
	}
	if int64(len(body)) > most {
		return nil, fault.New(fault.InputTooLarge, filepath.Base(path)+" is beyond the limit of 64 MiB", "diagnose it with `consilium diagnose`")
	}
	return body, nil
}

// Watch looks every so often, until ctx ends.
func (w *Watcher) Watch(ctx context.Context, every time.Duration) error {
	for {
		if _, _, err := w.Look(ctx); err != nil && ctx.Err() == nil {
			w.desk.Warn(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.desk.o.Clock.At(w.desk.o.Clock.Now().Add(every)):
		}
	}
}
