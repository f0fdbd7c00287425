package govern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"consilium/fault"
)

// Limits of one entry. What is longer is shortened, never refused: an audit
// log that loses an event because of its length would be worse.
const (
	MaxField       = 512      // bytes of one field, or of one value of Detail
	MaxDetails     = 32       // keys of Detail
	MaxEntryBytes  = 32 << 10 // of one leaf; tlog-tiles allows 65,535
	entryVersion   = 1        // of the canonical line
	withheld       = "[withheld]"
	clockWentBack  = "back"
	defaultOutcome = "ok"
)

// Event says who did what to whose data, with which model, and what came of it.
// Times are stored in UTC with a resolution of a microsecond.
type Event struct {
	Time    time.Time         `json:"time"`              // when it happened; zero = when it is logged
	Actor   string            `json:"actor,omitempty"`   // account ID, AE title, or "system"
	Role    string            `json:"role,omitempty"`    // role of the actor at that time
	Action  string            `json:"action"`            // "study.viewed", "report.signed" ...; never empty
	Patient string            `json:"patient,omitempty"` // patient ID, needed to answer "who saw my data"
	Study   string            `json:"study,omitempty"`   // Study Instance UID
	Object  string            `json:"object,omitempty"`  // SOP Instance UID, finding, account ... that the action is about
	Model   string            `json:"model,omitempty"`   // name@version#digest
	Outcome string            `json:"outcome,omitempty"` // "ok" unless said otherwise, or the code of the error
	Detail  map[string]string `json:"detail,omitempty"`
}

// Entry is one leaf of the log.
type Entry struct {
	Index uint64 `json:"index"`
	Event
	Logged time.Time `json:"logged"`          // the log's own clock when the entry was sequenced
	Clock  string    `json:"clock,omitempty"` // "back": Logged is earlier than in the entry before
}

// line is the canonical form of an entry: these fields, in this order, without
// white space, the keys of detail sorted.
type line struct {
	Version int `json:"v"`
	Event
	Logged time.Time `json:"logged"`
	Clock  string    `json:"clock,omitempty"`
}

// encode makes the canonical line of an event that is sequenced now (UTC, whole
// microseconds), after an entry sequenced at before.
func encode(e Event, now, before time.Time) ([]byte, error) {
	if e.Time.IsZero() {
		e.Time = now
	}
	l := line{Version: entryVersion, Event: tidy(e), Logged: now}
	if now.Before(before) {
		l.Clock = clockWentBack
	}
	leaf, err := l.marshal()
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMalformed, "the event cannot be written as JSON", "its time must lie between the years 0 and 9999")
	}
	if len(leaf) > MaxEntryBytes {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("an entry of %d bytes is beyond the limit of %d", len(leaf), MaxEntryBytes), "put less into its details")
	}
	return leaf, nil
}

func (l line) marshal() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decode reads a leaf and refuses every form but the canonical one.
func decode(index uint64, leaf []byte) (Entry, error) {
	var l line
	dec := json.NewDecoder(bytes.NewReader(leaf))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return Entry{}, fmt.Errorf("entry %d is no JSON line of ours: %w", index, err)
	}
	if l.Version != entryVersion {
		return Entry{}, fmt.Errorf("entry %d has version %d, not %d", index, l.Version, entryVersion)
	}
	again, err := l.marshal()
	if err != nil || !bytes.Equal(again, leaf) {
		return Entry{}, fmt.Errorf("entry %d is not in the canonical form", index)
	}
	return Entry{Index: index, Event: l.Event, Logged: l.Logged, Clock: l.Clock}, nil
}

// tidy brings an event into the limits and takes out what looks like a secret.
func tidy(e Event) Event {
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	for _, field := range []*string{&e.Actor, &e.Role, &e.Action, &e.Patient, &e.Study, &e.Object, &e.Model, &e.Outcome} {
		*field = shorten(*field)
	}
	if e.Outcome == "" {
		e.Outcome = defaultOutcome
	}
	e.Detail = tidyDetail(e.Detail)
	return e
}

func tidyDetail(detail map[string]string) map[string]string {
	if len(detail) == 0 {
		return nil
	}
	out := make(map[string]string, len(detail))
	for i, key := range slices.Sorted(maps.Keys(detail)) {
		if i == MaxDetails {
			out["…"] = fmt.Sprintf("%d more", len(detail)-MaxDetails)
			break
		}
		value := shorten(detail[key])
		if secret(key) {
			value = withheld
		}
		out[shorten(key)] = value
	}
	return out
}

// shorten gives valid UTF-8 of at most MaxField bytes.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= MaxField {
		return s
	}
	cut := MaxField - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// secret says whether a detail of this name must not reach the log.
func secret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"password", "passwd", "passphrase", "secret", "token", "cookie", "authorization", "credential", "private"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
