package whole

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"consilium/dataset"
	"consilium/federation"
	"consilium/federation/aggregate"
	"consilium/federation/hub"
	"consilium/federation/local"
	"consilium/federation/secsum"
)

// secrets are what must not be read at the hub: in 8 bytes, and in decimal text.
type secrets struct {
	raw  map[uint64]string
	text map[string]string
}

// vector takes in every two neighbours of a vector of 32-bit values: two of them do not come about by chance.
func (s *secrets) vector(what string, b []byte) {
	for ; len(b) >= 8; b = b[4:] {
		if bits(b) != 0 {
			s.raw[bits(b)] = what
		}
	}
}

func (s *secrets) floats(what string, v []float32) {
	s.vector(what, federation.AppendFloats(nil, v)[4:])
	for _, x := range v {
		s.number(what, float64(x))
		s.say(what, strconv.FormatFloat(float64(x), 'g', -1, 32))
	}
}

func (s *secrets) number(what string, x float64) {
	if b := math.Float64bits(x); b<<16 != 0 { // not a whole number or another that anybody might have
		s.raw[b] = what
		s.say(what, strconv.FormatFloat(x, 'g', -1, 64))
	}
}

func (s *secrets) say(what, text string) {
	if text = strings.TrimLeft(text, "-"); len(text) >= 7 {
		s.text[text] = what
	}
}

var (
	numbers = regexp.MustCompile(`[0-9]+\.[0-9]+(e[-+]?[0-9]+)?|[0-9](\.[0-9]+)?e-[0-9]+`)
	hexes   = regexp.MustCompile(`[0-9a-f]{16,}`)
	base64s = regexp.MustCompile(`[A-Za-z0-9+/]{12,}`)
)

// found tells which secrets stand in some bytes: as they are, as text, in hexadecimal, in base 64.
func (s *secrets) found(data []byte) map[string]int {
	out := map[string]int{}
	slide := func(b []byte) {
		for i := 0; i+8 <= len(b); i++ {
			if what, ok := s.raw[bits(b[i:])]; ok {
				out[what]++
			}
		}
	}
	slide(data)
	for _, x := range numbers.FindAll(data, -1) {
		if what, ok := s.text[string(x)]; ok {
			out[what+" as text"]++
		}
	}
	for _, x := range hexes.FindAll(data, -1) {
		for shift := range 2 {
			b, _ := hex.DecodeString(string(x[shift : len(x)-(len(x)-shift)%2]))
			slide(b)
		}
	}
	for _, x := range base64s.FindAll(data, -1) {
		for shift := range 4 {
			y := x[shift:]
			b, _ := base64.StdEncoding.DecodeString(string(y[:len(y)/4*4]))
			slide(b)
		}
	}
	return out
}

// secretsOf makes, from what each site was asked, what each site must have had: its training is known to the bit.
func secretsOf(t *testing.T, h *house, j federation.Job) *secrets {
	t.Helper()
	s := &secrets{raw: map[uint64]string{}, text: map[string]string{}}
	for _, name := range h.names {
		seed := fnv.New64a()
		seed.Write([]byte(name))
		l, err := local.New(j, h.sets[name], local.Options{Dir: t.TempDir(), Site: name, Seed: seed.Sum64()})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range h.ends[name].asked {
			u, err := l.Train(t.Context(), local.Task{Round: q.Round, Attempt: q.Attempt, Global: q.Global, Extra: q.Extra}, nil)
			if err != nil {
				t.Fatal(err)
			}
			score, err := l.Score(t.Context(), q.Global, dataset.Validation)
			if err != nil {
				t.Fatal(err)
			}
			u.Score = &score
			s.update(t, j, u, len(h.names))
			weights := make([]float32, len(u.Delta))
			for i, d := range u.Delta {
				weights[i] = q.Global[i] + d
			}
			s.floats("trained weights", weights)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		row := make([]float32, 4)
		for i := range h.sets[name].N {
			if _, err := h.sets[name].Read(dataset.Train, i, row); err != nil {
				t.Fatal(err)
			}
			s.floats("a patient's features", row)
		}
	}
	return s
}

func (s *secrets) update(t *testing.T, j federation.Job, u federation.Update, sites int) {
	s.floats("an update", u.Delta)
	s.number("a training loss", u.Trained)
	s.number("a score", u.Score.Loss)
	if u.Score.AUC != nil {
		s.number("an AUC", *u.Score.AUC)
	}
	plan := j.Plan
	plan.Scores = "sum"
	share, err := aggregate.Share(plan, u)
	if err != nil {
		t.Fatal(err)
	}
	s.vector("a share", federation.AppendFloats(nil, share)[4:])
	fixed, err := secsum.NewFixed(hub.SumBound(plan), sites)
	if err != nil {
		t.Fatal(err)
	}
	q, _, err := fixed.Quantise(share)
	if err != nil {
		t.Fatal(err)
	}
	for _, big := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var b []byte
		for _, v := range q {
			b = big.AppendUint32(b, uint32(v))
		}
		s.vector("a quantised share", b)
	}
}

// files reads a folder and all below it, by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // the store removes files while it works
		}
		if text, err := os.ReadFile(path); err == nil {
			name, _ := filepath.Rel(dir, path)
			out[name] = text
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The hub of a job with secure sums has seen and keeps no site's update, share, weights, loss or score, nor a value of
// a patient. The same search over a job with plain sums finds updates in what the hub heard, so it can find; and even
// then the store on the hub's disk shows nothing.
func TestNothingOfASiteIsReadableAtTheHub(t *testing.T) {
	for _, sum := range []string{federation.SumMasks, federation.SumPlain} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 5)
			j := job(sum, 3, 5)
			var once sync.Once
			var under map[string][]byte // the store while mail is in it
			wanted := map[string]string{federation.SumMasks: federation.MailSum, federation.SumPlain: federation.MailUpdate}[sum]
			h.end.on = func(d federation.Delivery) {
				if d.Kind == wanted {
					once.Do(func() { under = files(t, filepath.Join(h.dir, "store")) })
				}
			}
			h.startAll(j)
			h.ok()
			for _, n := range h.names {
				h.stop[n]()
			}
			h.stop["hub"]()
			h.stop["link"]()
			s := secretsOf(t, h, j)
			heard := map[string]int{}
			bytes := 0
			for _, body := range h.end.heard {
				bytes += len(body)
				for what, n := range s.found(body) {
					heard[what] += n
				}
			}
			t.Logf("%d secrets in 8 bytes, %d in text; %d mails of %d bytes; found %v", len(s.raw), len(s.text), len(h.end.heard), bytes, heard)
			if sum == federation.SumPlain {
				// In the first round the weights are zero, and what is trained is the update.
				if heard["an update"]+heard["trained weights"] < 5*3*9 || heard["a training loss as text"] < 5*3 || heard["a score as text"] < 5*3 {
					t.Errorf("the search does not find what plain sums tell: %v", heard)
				}
			} else if len(heard) != 0 {
				t.Errorf("the hub heard %v", heard)
			}
			stored, size := 0, 0
			for name, text := range under {
				size += len(text)
				if strings.HasSuffix(name, ".blk") && len(text) > 0 {
					stored++
				}
				if got := s.found(text); len(got) != 0 {
					t.Errorf("the store's %s shows %v", name, got)
				}
				for _, word := range []string{j.Hash(), j.Hash()[:16], j.Title, j.Purpose} {
					if strings.Contains(string(text), word) {
						t.Errorf("the store's %s shows %q", name, word)
					}
				}
			}
			if stored == 0 {
				t.Error("the store held no mail when it was looked at")
			}
			after := files(t, h.dir)
			for name, text := range after {
				got := s.found(text)
				if sum == federation.SumPlain && name == "jobs/ward-1/report.json" {
					if len(got) == 0 {
						t.Error("the report of a plain sum tells no site's figures: the search does not find them")
					}
					continue
				}
				if len(got) != 0 {
					t.Errorf("the hub's %s shows %v", name, got)
				}
			}
			t.Logf("%d files under way (%d bytes, %d blocks of mail), %d afterwards", len(under), size, stored, len(after))
		})
	}
}
