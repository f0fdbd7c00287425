package edge

import (
	"bytes"
	"testing"

	"consilium/fault"
)

func FuzzCase(f *testing.F) {
	for _, c := range []Case{testCase(1), {ID: "a", Files: []File{{"a.hea", []byte("a")}, {"a.dat", nil}}}} {
		b, err := c.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte("CEC1\xff\xff\xff\xff{}"))
	f.Add([]byte("CEC1\x02\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCase(b)
		if err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatal("accepted and cannot be written", err)
		}
		d, err := DecodeCase(again)
		if err != nil || d.ID != c.ID || len(d.Files) != len(c.Files) || !bytes.Equal(d.Files[0].Body, c.Files[0].Body) {
			t.Fatal("changed on the way", err)
		}
	})
}

func FuzzOpinion(f *testing.F) {
	f.Add([]byte(`{"case":"00000000000000000000000000000000","answer":{"findings":[{"task":"t","model":"m","version":"1","verdict":"finding","answer":"a","outcomes":[{"name":"a","probability":0.9},{"name":"b","probability":0.1,"low":0}]}]}}`))
	f.Add([]byte(`{"case":"00000000000000000000000000000000","code":"QUEUE_FAILED"}`))
	f.Add([]byte(`{"case":"00000000000000000000000000000000","by":"hub","wait_ms":1,"answer":{"refusals":["IO"]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := DecodeOpinion(b); err == nil {
			for _, x := range o.Answer.Findings {
				if p := x.Top(); !(p > 0 && p < 1.01) || x.Label() == "" {
					t.Fatalf("accepted %+v", x)
				}
			}
		} else if fault.CodeOf(err) != fault.UpdateRefused {
			t.Fatal(err)
		}
		if s, err := DecodeSummary(b); err == nil && len(s.Case) != 32 {
			t.Fatalf("accepted %+v", s)
		}
	})
}

func TestCasesThatAreRefused(t *testing.T) {
	many := testCase(1)
	for range MaxFiles {
		many.Files = append(many.Files, many.Files[0])
	}
	for name, x := range map[string]struct {
		c    Case
		code fault.Code
	}{
		"no file":           {Case{ID: "a"}, fault.InputEmpty},
		"an empty file":     {Case{ID: "a", Files: []File{{"a", nil}}}, fault.InputEmpty},
		"a path":            {Case{ID: "a", Files: []File{{"../a", []byte{1}}}}, fault.InputMalformed},
		"a hidden file":     {Case{ID: "a", Files: []File{{".a", []byte{1}}}}, fault.InputMalformed},
		"a control":         {Case{ID: "a", Files: []File{{"a\x1b", []byte{1}}}}, fault.InputMalformed},
		"an ID as a path":   {Case{ID: "a/b", Files: []File{{"a", []byte{1}}}}, fault.InputMalformed},
		"too many files":    {many, fault.InputMalformed},
		"too many bytes":    {Case{ID: "a", Files: []File{{"a", make([]byte, MaxCaseBytes+1)}}}, fault.InputTooLarge},
		"a name too long":   {Case{ID: "a", Files: []File{{string(bytes.Repeat([]byte("a"), 256)), []byte{1}}}}, fault.InputMalformed},
		"no name of a kind": {Case{ID: "a", Files: []File{{"", []byte{1}}}}, fault.InputMalformed},
	} {
		if _, err := x.c.Encode(); fault.CodeOf(err) != x.code {
			t.Errorf("%s: %v, want %s", name, err, x.code)
		}
	}
}

func TestKeysSortByAge(t *testing.T) {
	for _, x := range []struct {
		name string
		ok   bool
	}{
		{key{9, "case-1"}.String() + ".case", true}, {key{10, "case-1"}.String(), true},
		{"0000000000000009-../x.case", false}, {"000000000000000g-a", false}, {"0009-a", false}, {"0000000000000009-", false}, {"", false},
	} {
		if k, ok := parseKey(x.name); ok != x.ok || ok && k.id != "case-1" {
			t.Errorf("%q: %+v %v", x.name, k, ok)
		}
	}
	if !(key{9, "b"}.String() < key{10, "a"}.String()) {
		t.Error("9 comes after 10")
	}
}
