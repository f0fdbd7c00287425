package privacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"consilium/fault"
	"consilium/federation"

	"github.com/gofrs/flock"
)

// Accounting is the conversion that the ledger reports in.
const Accounting = Tight

// Bounds of a ledger. A file that is full is put aside by a person: nothing is spent beside the books.
const (
	MaxLedgerBytes = 64 << 20
	maxLine        = 1024
)

// Entry is one spend: so many steps of a sampled Gaussian mechanism, in the name of a job.
type Entry struct {
	At    time.Time `json:"at"`  // which quarter it belongs to; Spend writes UTC
	Job   string    `json:"job"` // the job's ID
	Q     float64   `json:"q"`   // probability with which one contribution takes part in a step
	Sigma float64   `json:"sigma"`
	Steps int       `json:"steps"`
	Delta float64   `json:"delta"`
	Round int       `json:"round,omitempty"` // for the reader
}

func (e Entry) check() error {
	wrong := func(what string) error {
		return fault.New(fault.Usage, "a spend "+what, "name job, q, sigma, steps, delta and time")
	}
	switch {
	case !federation.Word(e.Job):
		return wrong("without a job")
	case e.At.Year() < 2000 || e.At.Year() > 9999:
		return wrong("without a time")
	case e.Steps < 1 || e.Steps > MostSteps || e.Round < 0:
		return wrong(fmt.Sprintf("of %d steps in round %d", e.Steps, e.Round))
	case checkDelta(e.Delta, Accounting) != nil:
		return checkDelta(e.Delta, Accounting)
	}
	return check(e.Q, e.Sigma)
}

// Ledger is a site's account of what its patients have given: one JSON line a spend, only ever added to. One process
// holds it at a time. It is safe for use by several goroutines.
type Ledger struct {
	mu      sync.Mutex
	file    *os.File
	lock    *flock.Flock
	size    int64
	entries []Entry
	broken  error // set when the file may hold half a line that could not be taken back
}

// OpenLedger opens a ledger, or begins one. What a crash left of the last line is cut off: that spend was never
// confirmed to anyone. Errors: CONFLICT (another process has it), STORE_CORRUPT, STORE_FAILED.
func OpenLedger(file string) (*Ledger, error) {
	failed := func(err error) error {
		return fault.Wrap(err, fault.StoreFailed, "the privacy ledger cannot be opened", "check that the folder exists and can be written")
	}
	if stat, err := os.Stat(file); err == nil && !stat.Mode().IsRegular() {
		return nil, failed(fmt.Errorf("%s is not a regular file", filepath.Base(file)))
	}
	lock := flock.New(file + ".lock")
	held, err := lock.TryLock()
	if err != nil {
		return nil, failed(err)
	}
	if !held {
		return nil, fault.New(fault.Conflict, "the privacy ledger is in use by another process", "stop the other site process: two would spend the same budget twice")
	}
	l := &Ledger{lock: lock}
	if l.file, err = os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		err = l.load()
	}
	if err == nil {
		err = syncFolder(filepath.Dir(file)) // or a new file's name could be lost with its first spend
	}
	if err != nil {
		_ = l.Close()
		var coded *fault.Error
		if errors.As(err, &coded) {
			return nil, err
		}
		return nil, failed(err)
	}
	return l, nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (l *Ledger) load() error {
	text, err := io.ReadAll(io.LimitReader(l.file, MaxLedgerBytes+1))
	if err != nil {
		return err
	}
	entries, good, err := parse(text)
	if err != nil {
		return err
	}
	l.entries, l.size = entries, int64(good)
	if good == len(text) {
		return nil
	}
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	return l.file.Sync()
}

// parse reads lines up to what is torn, and says how many bytes are good. A last line is torn when its end is missing,
// or when a crash has left zeros in it. Errors: STORE_CORRUPT.
func parse(text []byte) (entries []Entry, good int, err error) {
	corrupt := func(what string) ([]Entry, int, error) {
		return nil, 0, fault.New(fault.StoreCorrupt, "the privacy ledger "+what, "restore it from a backup, or put it aside and set the policy's epsilon for the rest of the quarter by hand")
	}
	if len(text) > MaxLedgerBytes {
		return corrupt("is beyond its limit of 64 MiB")
	}
	for number := 1; good < len(text); number++ {
		end := bytes.IndexByte(text[good:], '\n')
		if end < 0 {
			return entries, good, nil
		}
		line, last := text[good:good+end], good+end+1 == len(text)
		e, err := parseLine(line)
		switch {
		case err != nil && last && bytes.IndexByte(line, 0) >= 0:
			return entries, good, nil
		case err != nil:
			return corrupt(fmt.Sprintf("cannot be understood in line %d", number))
		}
		entries = append(entries, e)
		good += end + 1
	}
	return entries, good, nil
}

func parseLine(line []byte) (Entry, error) {
	var e Entry
	if len(line) > maxLine {
		return e, errors.New("too long")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return e, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return e, errors.New("more than one value in a line")
	}
	e.At = e.At.UTC()
	return e, e.check()
}

// Spend writes a spend down, and returns when it is on the disk. Nothing that it pays for may leave before, or at all
// when there is an error. Errors: USAGE, STORE_FULL, STORE_FAILED.
func (l *Ledger) Spend(e Entry) error {
	e.At = e.At.UTC().Round(0)
	if err := e.check(); err != nil {
		return err
	}
	line, err := json.Marshal(e)
	if err != nil || len(line) > maxLine {
		return fault.Wrap(err, fault.Internal, "a spend cannot be written", "report it")
	}
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	if l.size+int64(len(line)) > MaxLedgerBytes {
		return fault.New(fault.StoreFull, "the privacy ledger is full", "put the file aside when the quarter is over")
	}
	_, err = l.file.WriteAt(line, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		code, do := fault.StoreFailed, "check the disk that holds the ledger; nothing was released"
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			code, do = fault.StoreFull, "make room on the disk that holds the ledger; nothing was released"
		}
		out := fault.Wrap(err, code, "the privacy ledger cannot be written", do)
		if l.file.Truncate(l.size) != nil || l.file.Sync() != nil {
			l.broken = out
		}
		return out
	}
	l.size += int64(len(line))
	l.entries = append(l.entries, e)
	return nil
}

// Spent is the epsilon of the calendar quarter (UTC) that now lies in: the sum over its jobs. Errors: USAGE.
func (l *Ledger) Spent(now time.Time) (epsilon float64, err error) {
	from, to := Quarter(now)
	jobs := map[string][]Entry{}
	for _, e := range l.Entries() {
		if !e.At.Before(from) && e.At.Before(to) {
			jobs[e.Job] = append(jobs[e.Job], e)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(jobs)) { // in order: the sum must not depend on the map's
		of, err := compose(jobs[id])
		if err != nil {
			return 0, err
		}
		epsilon += of
	}
	return epsilon, nil
}

// Job is the epsilon that one job has spent, in all quarters. Errors: USAGE.
func (l *Ledger) Job(id string) (epsilon float64, err error) {
	var of []Entry
	for _, e := range l.Entries() {
		if e.Job == id {
			of = append(of, e)
		}
	}
	return compose(of)
}

// compose adds the divergences of spends that share a delta; those with different deltas are told apart and added up
// as epsilons, which is right for the sum of the deltas.
func compose(entries []Entry) (float64, error) {
	accounts := map[float64]*Account{}
	for _, e := range entries {
		if accounts[e.Delta] == nil {
			accounts[e.Delta] = &Account{}
		}
		if err := accounts[e.Delta].Add(e.Q, e.Sigma, e.Steps); err != nil {
			return 0, err
		}
	}
	total := 0.0
	for _, delta := range slices.Sorted(maps.Keys(accounts)) {
		epsilon, err := accounts[delta].Epsilon(delta, Accounting)
		if err != nil {
			return 0, err
		}
		total += epsilon
	}
	return total, nil
}

// Entries lists every spend, the oldest first.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Close gives the ledger back.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = fault.New(fault.StoreFailed, "the privacy ledger is closed", "open it again")
	}
	var err error
	if l.file != nil {
		err = l.file.Close()
		l.file = nil
	}
	return errors.Join(err, l.lock.Unlock())
}

// Quarter is the calendar quarter (UTC) that a time lies in: from, and the beginning of the next.
func Quarter(t time.Time) (from, to time.Time) {
	t = t.UTC()
	first := (t.Month()-1)/3*3 + 1
	from = time.Date(t.Year(), first, 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 3, 0)
}
