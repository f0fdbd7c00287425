package run_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
	"consilium/federation/secsum/internal/runtest"
)

// open is a kind of sum that hides nothing: what is left is who may say what, and when.
var open = run.Kind{Name: "open", Steps: [5]string{"keys", "shares", "plain", "confirm", "open"},
	Keys: run.KeyBytes, Piece: 1 + run.BoxBytes, Vector: 8, Opening: 1, FewOpen: true}

type site struct {
	*run.Party
	value     float64
	forgotten bool
}

func (s *site) Publish() []byte        { return nil }
func (s *site) Meet(int, []byte) error { return nil }
func (s *site) Deal() (func(int) []byte, error) {
	return func(to int) []byte { return []byte{byte(to)} }, nil
}
func (s *site) Take(_ int, _ []byte, err error) error { return err }
func (s *site) Hide(message []byte) ([]byte, error) {
	return binary.LittleEndian.AppendUint64(message, math.Float64bits(s.value)), nil
}
func (s *site) Reveal(message []byte) ([]byte, error) { return append(message, 1), nil }
func (s *site) Forget()                               { s.forgotten = true }

type hub struct {
	*run.Gatherer
	sum   float64
	parts int
}

func (h *hub) Meet(int, []byte) error { return nil }
func (h *hub) Gather(_ int, vector []byte) error {
	h.sum += math.Float64frombits(binary.LittleEndian.Uint64(vector))
	return nil
}
func (h *hub) Part(int, []byte) error { h.parts++; return nil }
func (h *hub) Unveil() error          { return nil }
func (h *hub) Values() []float64      { return []float64{h.sum} }
func (h *hub) Drop()                  {}

// start makes five sites with the values 1, 10, 100 and so on. Three open the sum.
func start(t *testing.T) ([]string, map[string]*site, *hub) {
	t.Helper()
	terms, keys := runtest.Terms(5, 3, 1)
	h, sites := &hub{}, map[string]*site{}
	var err error
	if h.Gatherer, err = run.NewGatherer(open, terms, h); err != nil {
		t.Fatal(err)
	}
	for i, name := range terms.Sites {
		s := &site{value: math.Pow10(i)}
		if s.Party, err = run.NewParty(open, terms, name, keys[name], 1, s); err != nil {
			t.Fatal(err)
		}
		sites[name] = s
	}
	return terms.Sites, sites, h
}

// TestSteps plays a sum to its end, and asks for it at every step before.
func TestSteps(t *testing.T) {
	roster, sites, h := start(t)
	sum, in, err := runtest.Play(t, roster, sites, h, func(step int, site string, m []byte) []byte {
		_, _, err := h.Sum()
		runtest.WantCode(t, err, fault.SumBroken)
		if site == roster[0] && step >= 2 || site == roster[4] && step >= 3 {
			return nil
		}
		return m
	}, nil)
	if err != nil || !slices.Equal(sum, []float64{11110}) || !slices.Equal(in, roster[1:]) || h.parts != 3 {
		t.Fatal(sum, in, h.parts, err)
	}
	for i, name := range roster {
		opened := i >= 1 && i <= 3
		if s := sites[name]; s.Opened() != opened || s.forgotten != opened {
			t.Errorf("%s: opened %v, forgotten %v", name, s.Opened(), s.forgotten)
		}
	}
}

// TestOpeners has the hub name wrong sites to open the sum: nobody signs that, or opens it.
func TestOpeners(t *testing.T) {
	const at = 38 // where the body begins: whose values came, then who opens
	for name, wrong := range map[string]func(m []byte) []byte{
		"two sites":         func(m []byte) []byte { m[at+1] = 0b00011; return m },
		"four sites":        func(m []byte) []byte { m[at+1] = 0b01111; return m },
		"one that was lost": func(m []byte) []byte { m[at], m[at+1] = 0b01111, 0b10011; return m },
		"none":              func(m []byte) []byte { return m[:at+1] },
		"something else":    func(m []byte) []byte { return append(m, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			roster, sites, h := start(t)
			_, _, err := runtest.Play(t, roster, sites, h, nil, func(step int, _ string, m []byte) []byte {
				if step == 2 {
					return wrong(slices.Clone(m))
				}
				return m
			})
			runtest.WantCode(t, err, fault.SumBroken)
			for _, s := range sites {
				if s.Opened() || s.Survivors() != nil || !s.forgotten {
					t.Fatal("a site signed")
				}
			}
		})
	}
	// A site that was not named is asked all the same.
	roster, sites, h := start(t)
	var asked []byte
	if _, _, err := runtest.Play(t, roster, sites, h, nil, func(step int, _ string, m []byte) []byte {
		if step == 3 {
			asked = m
		}
		return m
	}); err != nil {
		t.Fatal(err)
	}
	last := sites[roster[4]]
	_, err := last.Answer(asked)
	if runtest.WantCode(t, err, fault.SumBroken); last.Opened() {
		t.Fatal("a site that was not named opened the sum")
	}
}
