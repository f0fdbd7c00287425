package govern

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// What is read from the folder of a log may have been written by anybody.
func FuzzFiles(f *testing.F) {
	leaf, err := encode(Event{Action: "a", Patient: "P", Detail: map[string]string{"k": "v"}}, time.Unix(1, 0).UTC(), time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	signer, verifier, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), "test")
	if err != nil {
		f.Fatal(err)
	}
	s, err := note.NewSigner(signer)
	if err != nil {
		f.Fatal(err)
	}
	v, err := note.NewVerifier(verifier)
	if err != nil {
		f.Fatal(err)
	}
	c, err := sign(s, 3, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(leaf)
	f.Add(join([][]byte{leaf, leaf}))
	f.Add([]byte(c.Text))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := decode(7, raw); err == nil {
			again, err := line{entryVersion, e.Event, e.Logged, e.Clock}.marshal()
			if err != nil || !bytes.Equal(again, raw) {
				t.Fatalf("%q is read, and written as %q", raw, again)
			}
		}
		if leaves, err := bundle(raw, 2); err == nil && !bytes.Equal(join(leaves), raw) {
			t.Fatalf("%q has other leaves", raw)
		}
		if c, err := ParseCheckpoint(string(raw), v); err == nil && c.Text != string(raw) {
			t.Fatal("a checkpoint is not its text")
		}
		records(raw, 3)
		_, _ = prefix(raw, 5, width, true)
		expected(string(raw), 70_000)
	})
}
