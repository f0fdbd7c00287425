package dimse

import (
	"bytes"
	"io"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type readCloser = io.ReadCloser

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

func itoa(i int) string { return strconv.Itoa(i) }

func anyCommand(t *rapid.T) command {
	uid := rapid.StringMatching(`[12](\.[1-9][0-9]{0,5}){1,8}`)
	ae := rapid.StringMatching(`[A-Z][A-Z0-9_]{0,15}`)
	c := command{
		field:   rapid.SampledFrom([]uint16{fieldStore, fieldGet, fieldFind, fieldMove, fieldEcho, fieldEventReport, fieldAction}).Draw(t, "field"),
		id:      rapid.Uint16().Draw(t, "id"),
		class:   uid.Draw(t, "class"),
		hasData: rapid.Bool().Draw(t, "data"),
	}
	if rapid.Bool().Draw(t, "response") {
		c.field |= responseBit
		c.status = rapid.Uint16().Draw(t, "status")
		c.comment = rapid.StringMatching(`[A-Za-z]{0,64}`).Draw(t, "comment")
		c.hasCounts = rapid.Bool().Draw(t, "counts")
		if n := rapid.IntRange(0, 65535); c.hasCounts {
			c.counts = SubOperations{n.Draw(t, "remaining"), n.Draw(t, "completed"), n.Draw(t, "failed"), n.Draw(t, "warning")}
		}
	} else if c.field == fieldStore && rapid.Bool().Draw(t, "moved") {
		c.originator, c.originatorID = ae.Draw(t, "originator"), rapid.Uint16().Draw(t, "message")
	}
	if c.field == fieldMove {
		c.destination = ae.Draw(t, "destination")
	}
	if kind := c.field &^ responseBit; kind == fieldAction || kind == fieldEventReport {
		c.kind = rapid.Uint16().Draw(t, "kind")
	}
	if rapid.Bool().Draw(t, "instance") {
		c.instance = uid.Draw(t, "sop")
	}
	return c
}

func TestCommandsSurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCommand(t)
		b := c.encode()
		back, err := decodeCommand(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c, back, cmp.AllowUnexported(command{})); d != "" {
			t.Fatal(d)
		}
		if len(b)%2 != 0 || int(b[8])|int(b[9])<<8 != len(b)-12 {
			t.Fatalf("group length in % x", b)
		}
	})
}

func TestBadCommands(t *testing.T) {
	good := (&command{field: fieldEcho, id: 1, class: verification}).encode()
	element := func(tag byte, value ...byte) []byte {
		return append([]byte{0, 0, 0, tag, byte(len(value)), 0, 0, 0}, value...)
	}
	for name, b := range map[string][]byte{
		"nothing":        {},
		"cut":            good[:len(good)-3],
		"another group":  append([]byte{8}, good[1:]...),
		"length lies":    {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x30, 0},
		"field of three": append([]byte{0, 0, 0, 1, 3, 0, 0, 0, 0x30, 0, 0}, good...),
		"long UID":       append([]byte{0, 0, 2, 0, 65, 0, 0, 0}, append(make([]byte, 65), good...)...),
		"no field":       element(2, '1', 0),
	} {
		if c, err := decodeCommand(b); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
	if _, err := decodeCommand(good); err != nil {
		t.Error(err)
	}
}

func TestUIDs(t *testing.T) {
	for s, want := range map[string]bool{"1.2.840": true, "1": true, "": false, ".1": false, "1.": false, "1..2": false, "1.a": false, "../etc": false, "1.2 ": false,
		string(bytes.Repeat([]byte{'1'}, 64)): true, string(bytes.Repeat([]byte{'1'}, 65)): false} {
		if validUID(s) != want {
			t.Errorf("validUID(%q) = %v", s, !want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add((&command{field: fieldEcho, id: 1, class: verification}).encode())
	f.Add((&command{field: fieldStore, id: 7, class: ctImage, instance: "1.2.3", hasData: true, originator: "AE", originatorID: 3}).encode())
	f.Add((&command{field: fieldMove | responseBit, id: 7, class: ctImage, status: statusPending, hasCounts: true, counts: SubOperations{1, 2, 3, 4}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCommand(b)
		if err != nil {
			return
		}
		if len(c.class) > maxText || len(c.instance) > maxText || len(c.comment) > maxText {
			t.Errorf("longer than allowed: %+v", c)
		}
		again, err := decodeCommand(c.encode())
		if err != nil {
			t.Fatal(err)
		}
		if again.field != c.field || again.id != c.id || again.hasData != c.hasData {
			t.Errorf("%+v came back as %+v", c, again)
		}
	})
}
