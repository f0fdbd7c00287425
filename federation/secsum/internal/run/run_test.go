package run

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"consilium/fault"
)

func terms(sites int) (Terms, []ed25519.PrivateKey) {
	t := Terms{Job: "job", Round: 1, Attempt: 1, Threshold: sites/2 + 2, Length: 10, Bound: 1, Keys: map[string]ed25519.PublicKey{}}
	var keys []ed25519.PrivateKey
	for i := range sites {
		site := fmt.Sprintf("site-%02d", i)
		seed := sha256.Sum256([]byte(site))
		keys = append(keys, ed25519.NewKeyFromSeed(seed[:]))
		t.Sites = append(t.Sites, site)
		t.Keys[site] = keys[i].Public().(ed25519.PublicKey)
	}
	return t, keys
}

func frame(t testing.TB) (*Run, []ed25519.PrivateKey) {
	t.Helper()
	words, keys := terms(5)
	r, err := New("test", words)
	if err != nil {
		t.Fatal(err)
	}
	return r, keys
}

// TestID: everything that was agreed on is in the hash, the order of the roster is not.
func TestID(t *testing.T) {
	words, _ := terms(5)
	base, err := New("test", words)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(base.ID[:8]); got != "acb2558dc14f6b7c" {
		t.Errorf("the hash of the terms begins with %s: is this still version 1 of the messages?", got)
	}
	slices.Reverse(words.Sites)
	if same, err := New("test", words); err != nil || same.ID != base.ID {
		t.Error("the order of the sites matters", err)
	}
	for name, change := range map[string]func(*Terms){
		"job":       func(t *Terms) { t.Job = "joc" },
		"round":     func(t *Terms) { t.Round++ },
		"attempt":   func(t *Terms) { t.Attempt++ },
		"threshold": func(t *Terms) { t.Threshold++ },
		"length":    func(t *Terms) { t.Length++ },
		"bound":     func(t *Terms) { t.Bound *= 2 },
		"roster":    func(t *Terms) { t.Sites = append(t.Sites, "site-05"); t.Keys["site-05"] = make([]byte, 32) },
		"key":       func(t *Terms) { t.Keys["site-01"] = make([]byte, 32) },
	} {
		words, _ := terms(5)
		change(&words)
		if other, err := New("test", words); err != nil || other.ID == base.ID {
			t.Error(name, "is not in the hash", err)
		}
	}
	words, _ = terms(5)
	if other, err := New("another", words); err != nil || other.ID == base.ID {
		t.Error("the kind is not in the hash", err)
	}
}

func TestSet(t *testing.T) {
	r, _ := frame(t)
	s := Set{true, false, true, true, false}
	got, rest, err := r.CutSet(append(s.Bytes(), 9))
	if err != nil || !slices.Equal(got, s) || !bytes.Equal(rest, []byte{9}) || got.Count() != 3 || !slices.Equal(got.Members(), []int{0, 2, 3}) {
		t.Fatal(got, rest, err)
	}
	if !s.Within(Set{true, true, true, true, false}) || s.Within(Set{true, true, true, false, true}) {
		t.Error("Within is wrong")
	}
	for _, bad := range [][]byte{nil, {0x20}, {0xff}} { // no byte, and bits of sites that are not there
		if _, _, err := r.CutSet(bad); fault.CodeOf(err) != fault.UpdateRefused {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

func TestBox(t *testing.T) {
	r, _ := frame(t)
	a, _ := NewKey()
	b, _ := NewKey()
	heard := Chain("x", r.ID)
	locked, err := r.Lock(a, b.PublicKey(), 0, 1, heard, []byte("piece"))
	if err != nil || len(locked) != 5+BoxBytes {
		t.Fatal(err)
	}
	plain, err := r.Unlock(b, a.PublicKey(), 0, 1, heard, locked)
	if err != nil || string(plain) != "piece" {
		t.Fatal(err)
	}
	fails := func(name string, err error) {
		if fault.CodeOf(err) != fault.SumBroken {
			t.Error(name, err)
		}
	}
	_, err = r.Unlock(b, a.PublicKey(), 1, 0, heard, locked)
	fails("the other direction", err)
	_, err = r.Unlock(b, a.PublicKey(), 0, 1, Chain("y", r.ID), locked)
	fails("another transcript", err)
	_, err = r.Unlock(a, a.PublicKey(), 0, 1, heard, locked)
	fails("another key", err)
	_, err = r.Unlock(b, a.PublicKey(), 0, 1, heard, locked[:3])
	fails("a short box", err)
	words, _ := terms(5)
	words.Attempt++
	next, _ := New("test", words)
	_, err = next.Unlock(b, a.PublicKey(), 0, 1, heard, locked)
	fails("another run", err)
}

func FuzzOpen(f *testing.F) {
	r, keys := frame(f)
	m := Seal(append(r.Head(2, 3, 4), 1, 2, 3, 4), keys[3])
	f.Add(m)
	f.Add(m[:50])
	f.Add(append(r.Head(2, Hub, 4), 1, 2, 3, 4))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := r.Open(b, 2, 3, 4)
		if err != nil && fault.CodeOf(err) != fault.UpdateRefused && fault.CodeOf(err) != fault.UpdateStale {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(b, m) { // Ed25519 is strict: one signature for one message
			t.Fatalf("forged: %x", body)
		}
		if body, err := r.Open(b, 2, Hub, -1); err == nil {
			if _, _, err := r.CutSet(body); err != nil && fault.CodeOf(err) != fault.UpdateRefused {
				t.Fatal(err)
			}
		}
	})
}

// FuzzCheckKey: what is taken for a key can be agreed with.
func FuzzCheckKey(f *testing.F) {
	own, _ := NewKey()
	f.Add(own.PublicKey().Bytes())
	f.Add(make([]byte, 32))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := CheckKey(b)
		if err != nil {
			if fault.CodeOf(err) != fault.UpdateRefused {
				t.Fatal(err)
			}
			return
		}
		if _, err := own.ECDH(key); err != nil {
			t.Fatal("a key of low order was taken")
		}
	})
}
