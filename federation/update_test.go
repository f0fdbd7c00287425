package federation

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"consilium/fault"

	"pgregory.net/rapid"
)

func refused(t testing.TB, err error) {
	t.Helper()
	if fault.CodeOf(err) != fault.UpdateRefused {
		t.Fatalf("want UPDATE_REFUSED, got %v", err)
	}
}

func bitsOf(v []float32) []uint32 {
	out := make([]uint32, len(v))
	for i, x := range v {
		out[i] = math.Float32bits(x)
	}
	return out
}

func anyUpdate(rt *rapid.T) Update {
	u := Update{
		Job: rapid.String().Draw(rt, "job"), Site: rapid.StringMatching("[a-z-]{1,9}").Draw(rt, "site"), Round: rapid.IntRange(0, 99).Draw(rt, "round"),
		Base: "0123", Samples: rapid.Int().Draw(rt, "samples"), Steps: 3, Loss: rapid.Float64Range(-9, 9).Draw(rt, "loss"), Stale: 2,
	}
	if rapid.Bool().Draw(rt, "scored") {
		u.Score = &Score{Split: "validation", N: 3, Loss: 0.5, Confusion: [][]int{{1, 2}, {0, 0}}}
	}
	for i := range rapid.IntRange(0, 70).Draw(rt, "delta") {
		u.Delta = append(u.Delta, math.Float32frombits(rapid.Uint32().Draw(rt, "x")|uint32(i)))
	}
	for range rapid.IntRange(0, 20).Draw(rt, "extra") {
		u.Extra = append(u.Extra, rapid.Float32().Draw(rt, "y"))
	}
	return u
}

// What is written is read again, every bit of it; NaN too, which Check refuses and not Decode.
func TestUpdateRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		u := anyUpdate(rt)
		text, err := u.Encode()
		if err != nil {
			rt.Fatal(err)
		}
		got, err := DecodeUpdate(text)
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(bitsOf(got.Delta), bitsOf(u.Delta)) || !reflect.DeepEqual(bitsOf(got.Extra), bitsOf(u.Extra)) {
			rt.Fatal("the numbers differ")
		}
		got.Delta, got.Extra, u.Delta, u.Extra = nil, nil, nil, nil
		if u.Job = strings.ToValidUTF8(u.Job, "\ufffd"); !reflect.DeepEqual(got, u) {
			rt.Fatalf("%+v\n%+v", got, u)
		}
		for _, cut := range []int{0, 3, len(text) / 2, len(text) - 1} {
			_, err := DecodeUpdate(text[:cut])
			refused(t, err)
		}
		_, err = DecodeUpdate(append(bytes.Clone(text), 0))
		refused(t, err)
	})
}

// inBlocks is a body that comes in blocks that are cut at these places, each in memory that is used again.
func inBlocks(b []byte, cuts []int) Body {
	return Body{Size: int64(len(b)), Blocks: func(_ context.Context, take func([]byte) error) error {
		from, buffer := 0, make([]byte, len(b))
		for _, to := range append(slices.Sorted(slices.Values(cuts)), len(b)) {
			n := copy(buffer, b[from:to])
			if err := take(buffer[:n]); err != nil {
				return err
			}
			from = to
		}
		return nil
	}}
}

// Wherever the blocks are cut, and whether or not the bytes are an update, the outcome is that of the whole.
func TestUpdateInBlocks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text, err := anyUpdate(rt).Encode()
		if err != nil {
			rt.Fatal(err)
		}
		if rapid.Bool().Draw(rt, "broken") {
			text[rapid.IntRange(0, len(text)-1).Draw(rt, "where")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "how"))
		}
		want, whole := DecodeUpdate(text)
		var got Update
		var delta, extra []float32
		numbers := -1
		err = ReadUpdate(t.Context(), inBlocks(text, rapid.SliceOfN(rapid.IntRange(0, len(text)), 0, 9).Draw(rt, "cuts")), Visit{
			Head: func(u Update, n int) error { got, numbers = u, n; return nil },
			Delta: func(at int, b []byte) error {
				if at != len(delta) || numbers < 0 {
					rt.Fatalf("number %d after %d", at, len(delta))
				}
				delta = append(delta, floats(b)...)
				return nil
			},
			Extra: func(at int, b []byte) error {
				if at != len(extra) {
					rt.Fatalf("extra number %d after %d", at, len(extra))
				}
				extra = append(extra, floats(b)...)
				return nil
			},
		})
		if fault.CodeOf(err) != fault.CodeOf(whole) {
			rt.Fatalf("in blocks %v, whole %v", err, whole)
		}
		if err != nil {
			return
		}
		if numbers != len(want.Delta) || !slices.Equal(bitsOf(delta), bitsOf(want.Delta)) || !slices.Equal(bitsOf(extra), bitsOf(want.Extra)) {
			rt.Fatal("the numbers differ")
		}
		want.Delta, want.Extra = nil, nil
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("%+v\n%+v", got, want)
		}
	})
}

// An error of whoever is told ends the reading, and is the reader's.
func TestVisitMayEndTheReading(t *testing.T) {
	text, err := Update{Delta: make([]float32, 9), Extra: []float32{1}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	fine := func(int, []byte) error { return nil }
	for name, v := range map[string]Visit{
		"head":  {func(Update, int) error { return no }, fine, fine},
		"delta": {func(Update, int) error { return nil }, func(int, []byte) error { return no }, fine},
		"extra": {func(Update, int) error { return nil }, fine, func(int, []byte) error { return no }},
	} {
		if err := ReadUpdate(t.Context(), inBlocks(text, []int{30}), v); err != no {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	text := bytes.Repeat([]byte("abcdefgh"), 1000)
	left := inBlocks(text, []int{1, 1, 4000})
	d, err := Delivery{Left: &left}.Load(t.Context())
	if err != nil || d.Left != nil || !bytes.Equal(d.Body, text) || d.Source().Size != 8000 {
		t.Fatal(len(d.Body), err)
	}
	lying := Body{Size: MaxUpdateBytes, Blocks: func(context.Context, func([]byte) error) error { return io.ErrUnexpectedEOF }}
	if d, err = (Delivery{Left: &lying}).Load(t.Context()); err != io.ErrUnexpectedEOF || d.Left == nil {
		t.Fatal(d, err)
	}
}

// The bytes on the wire, by hand: other versions have to read them.
func TestUpdateGolden(t *testing.T) {
	floats := AppendFloats([]byte{9}, []float32{1, -0.5})
	if want := []byte{9, 2, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf}; !bytes.Equal(floats, want) {
		t.Fatalf("%x", floats)
	}
	v, rest, err := CutFloats(append(floats[1:], 7))
	if err != nil || !reflect.DeepEqual(v, []float32{1, -0.5}) || !bytes.Equal(rest, []byte{7}) {
		t.Fatal(v, rest, err)
	}
	v, rest, err = CutFloats([]byte{0, 0, 0, 0})
	if v != nil || len(rest) != 0 || err != nil {
		t.Fatal(v, rest, err)
	}
	for _, bad := range [][]byte{nil, {1, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0, 5, 5, 5}, {255, 255, 255, 255, 0, 0, 0, 0}} {
		_, _, err := CutFloats(bad)
		refused(t, err)
	}
}

func TestUpdateLimits(t *testing.T) {
	head := func(n uint32, text string) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte("CFU1"), n), text...)
	}
	for name, b := range map[string][]byte{
		"empty":        nil,
		"magic":        []byte("CFU2aaaaaaaaaaaaaaaa"),
		"only magic":   []byte("CFU1"),
		"no header":    head(10, ""),
		"long header":  head(1<<20+1, strings.Repeat(" ", 1<<20+9)),
		"not JSON":     head(3, "abc\x00\x00\x00\x00\x00\x00\x00\x00"),
		"not object":   head(2, "[]\x00\x00\x00\x00\x00\x00\x00\x00"),
		"many numbers": head(2, "{}\xff\xff\xff\xff"),
		"no extra":     head(2, "{}\x00\x00\x00\x00"),
		"more":         head(2, "{}\x00\x00\x00\x00\x00\x00\x00\x00!"),
	} {
		if _, err := DecodeUpdate(b); fault.CodeOf(err) != fault.UpdateRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Beyond the limit nothing is looked at. The pages are never touched.
	_, err := DecodeUpdate(make([]byte, MaxUpdateBytes+1))
	refused(t, err)
	if _, err := (Update{Loss: math.NaN()}).Encode(); fault.CodeOf(err) != fault.InputNotFinite {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	good := Update{Job: "j", Site: "a", Samples: 1, Delta: []float32{1, 2}, Extra: []float32{3}}
	if err := good.Check("j", "a", 2); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Update){
		"job":     func(u *Update) { u.Job = "k" },
		"site":    func(u *Update) { u.Site = "b" },
		"shape":   func(u *Update) { u.Delta = u.Delta[:1] },
		"nothing": func(u *Update) { u.Samples = 0 },
		"loss":    func(u *Update) { u.Loss = math.Inf(1) },
		"trained": func(u *Update) { u.Trained = math.NaN() },
		"nan":     func(u *Update) { u.Delta = []float32{1, float32(math.NaN())} },
		"inf":     func(u *Update) { u.Extra = []float32{float32(math.Inf(-1))} },
	} {
		u := good
		change(&u)
		if err := u.Check("j", "a", 2); fault.CodeOf(err) != fault.UpdateRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecodeUpdate: foreign bytes are refused, or are an update that is written as it was read.
func FuzzDecodeUpdate(f *testing.F) {
	for _, u := range []Update{{}, {Job: "j", Site: "a", Samples: 3, Delta: []float32{1, 2, 3}, Extra: []float32{4}},
		{Score: &Score{N: 1, Confusion: [][]int{{1, 0}, {0, 0}}}, Delta: make([]float32, 40)}} {
		text, err := u.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(text[:len(text)-3])
	}
	f.Add([]byte("CFU1\xff\xff\xff\xff"))
	f.Add([]byte("CFU1\x02\x00\x00\x00{}\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := DecodeUpdate(b)
		if err != nil {
			refused(t, err)
			return
		}
		text, err := u.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeUpdate(text)
		if err != nil || !reflect.DeepEqual(bitsOf(again.Delta), bitsOf(u.Delta)) || !reflect.DeepEqual(bitsOf(again.Extra), bitsOf(u.Extra)) {
			t.Fatal(err)
		}
		again.Delta, again.Extra, u.Delta, u.Extra = nil, nil, nil, nil
		if !reflect.DeepEqual(again, u) {
			t.Fatalf("%+v\n%+v", again, u)
		}
		if err := u.Check("j", "a", 3); err != nil {
			refused(t, err)
		}
	})
}

func BenchmarkDecodeUpdate(b *testing.B) {
	text, err := Update{Delta: make([]float32, 1<<20)}.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := DecodeUpdate(text); err != nil {
			b.Fatal(err)
		}
	}
}
