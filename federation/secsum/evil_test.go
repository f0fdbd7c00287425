package secsum

import (
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
)

const headBytes = 38 // magic, step, sender, run

// resign changes a message's body as a site can that lies, and signs it anew.
func (r *rig) resign(site string, message []byte, change func(body []byte)) []byte {
	m := slices.Clone(message[:len(message)-run.SignatureBytes])
	change(m[headBytes:])
	return run.Seal(m, r.keys[site])
}

// TestSpoiled spoils messages in both directions at every step: there is never a panic and never a wrong sum.
func TestSpoiled(t *testing.T) {
	other := newRig(5, 3, 9, 2)
	other.config.Attempt = 2
	foreign := map[string][]byte{} // of the next attempt, by step, site and direction
	label := func(way string, step int, site string) string { return fmt.Sprint(way, step, site) }
	keep := func(way string) func(int, string, []byte) []byte {
		return func(step int, site string, m []byte) []byte {
			foreign[label(way, step, site)] = slices.Clone(m)
			return m
		}
	}
	if _, _, err := other.play(t, tap{keep("hub"), keep("site")}); err != nil {
		t.Fatal(err)
	}
	sums := 0
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(5, 3, 9, 2)
		chosen := map[string]string{}
		for range rapid.IntRange(1, 4).Draw(rt, "spoiled") {
			way := rapid.SampledFrom([]string{"hub", "site"}).Draw(rt, "way")
			step := rapid.IntRange(0, 4).Draw(rt, "step")
			site := rapid.SampledFrom(r.config.Sites).Draw(rt, "site")
			chosen[label(way, step, site)] = rapid.SampledFrom([]string{"bit", "cut", "longer", "noise", "foreign", "neighbour", "empty"}).Draw(rt, "how")
		}
		last := map[string][]byte{}
		spoil := func(way string) func(int, string, []byte) []byte {
			return func(step int, site string, m []byte) []byte {
				how, hit := chosen[label(way, step, site)]
				before := last[fmt.Sprint(way, step)]
				last[fmt.Sprint(way, step)] = slices.Clone(m)
				if !hit {
					return m
				}
				m = slices.Clone(m)
				switch how {
				case "bit":
					bit := rapid.IntRange(0, 8*len(m)-1).Draw(rt, "bit")
					m[bit/8] ^= 1 << (bit % 8)
				case "cut":
					m = m[:rapid.IntRange(1, len(m)-1).Draw(rt, "length")]
				case "longer":
					m = append(m, rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "more")...)
				case "noise":
					m = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(rt, "noise")
				case "foreign":
					m = foreign[label(way, step, site)]
				case "neighbour":
					if before != nil {
						m = before
					}
				case "empty":
					m = []byte{}
				}
				return m
			}
		}
		sum, sites, err := r.play(t, tap{spoil("hub"), spoil("site")})
		if err != nil {
			wantCode(t, err, fault.SumBroken)
			return
		}
		sums++
		r.exact(t, sum, sites)
	})
	if sums == 0 {
		t.Error("nothing was ever summed: the test shows little")
	}
}

// TestWrongShares has sites lie about pieces, with good signatures. A liar is passed over where a piece can be spared.
func TestWrongShares(t *testing.T) {
	for name, c := range map[string]struct {
		threshold, liars int
		broken           bool
	}{
		"one liar, pieces to spare": {4, 1, false},
		"one liar, none to spare":   {6, 1, true},
		"too many liars":            {4, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(6, c.threshold, 5, 1)
			sum, sites, err := r.play(t, tap{toHub: func(step int, site string, m []byte) []byte {
				if step != 4 || !slices.Contains(r.config.Sites[1:1+c.liars], site) {
					return m
				}
				return r.resign(site, m, func(body []byte) {
					for i := 32; i < len(body); i += 1 + secretBytes {
						body[i+1] ^= 0x40
					}
				})
			}})
			if c.broken {
				wantCode(t, err, fault.SumBroken)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r.exact(t, sum, sites)
		})
	}
}

// TestWrongDealer has a site deal pieces of something else than it published: of its seed, or of its mask key when it
// is lost afterwards.
func TestWrongDealer(t *testing.T) {
	for _, lost := range []bool{false, true} {
		r := newRig(5, 3, 5, 1)
		parties, g := r.start(t)
		mail := map[string][]byte{}
		var err error
		for step := range 5 {
			for i, site := range r.config.Sites {
				p := parties[site].(*party)
				if i == 2 && step == 1 {
					p.seed[0] ^= 1
					if p.mask, err = run.NewKey(); err != nil {
						t.Fatal(err)
					}
				}
				if i == 2 && step >= 2 && lost {
					continue
				}
				answer, err := p.Answer(mail[site])
				if err != nil {
					t.Fatal(err)
				}
				if err := g.Add(site, answer); err != nil {
					t.Fatal(err)
				}
			}
			mail, err = g.Close()
		}
		wantCode(t, err, fault.SumBroken)
		if !strings.Contains(err.Error(), "the shares of site-002 do not give back") { // and not by its range alone
			t.Errorf("the dealer is not named: %v", err)
		}
	}
}

// TestUnreadableShares: what a site seals wrongly for some is made up for by the others.
func TestUnreadableShares(t *testing.T) {
	r := newRig(6, 4, 5, 1)
	sum, sites, err := r.play(t, tap{toHub: func(step int, site string, m []byte) []byte {
		if step != 1 || site != "site-002" {
			return m
		}
		return r.resign(site, m, func(body []byte) {
			body[32] ^= 1
			body[32+pieceBytes] ^= 1
		})
	}})
	if err != nil || len(sites) != 6 {
		t.Fatal(sites, err)
	}
	r.exact(t, sum, sites)
}

// TestWrongMask: a site whose vector was not masked as agreed is noticed, since the sum is then beyond its range.
func TestWrongMask(t *testing.T) {
	r := newRig(5, 3, 500, 1)
	_, _, err := r.play(t, tap{toHub: func(step int, site string, m []byte) []byte {
		if step != 2 || site != "site-002" {
			return m
		}
		return r.resign(site, m, func(body []byte) {
			for i := 32; i < len(body); i++ {
				body[i] = byte(i * i)
			}
		})
	}})
	wantCode(t, err, fault.SumBroken)
}

// TestOutOfPlace adds messages that are sound, but not here and now.
func TestOutOfPlace(t *testing.T) {
	r := newRig(4, 3, 5, 1)
	parties, g := r.start(t)
	next := *r
	next.config.Attempt++
	later, _ := next.start(t)
	keys := map[string][]byte{}
	for _, site := range r.config.Sites {
		keys[site], _ = parties[site].Answer(nil)
	}
	elsewhere, _ := later["site-000"].Answer(nil)
	wantCode(t, g.Add("site-000", elsewhere), fault.UpdateStale)
	if !slices.Contains(g.Waiting(), "site-000") {
		t.Fatal("a message of another attempt put the site out")
	}
	wantCode(t, g.Add("stranger", keys["site-000"]), fault.UpdateRefused)
	if err := g.Add("site-000", keys["site-000"]); err != nil {
		t.Fatal(err)
	}
	wantCode(t, g.Add("site-000", keys["site-000"]), fault.UpdateStale)
	wantCode(t, g.Add("site-001", keys["site-002"]), fault.UpdateRefused) // speaks for another
	wantCode(t, g.Add("site-001", keys["site-001"]), fault.UpdateStale)   // and is out for it
	for _, site := range r.config.Sites[2:] {
		if err := g.Add(site, keys[site]); err != nil {
			t.Fatal(err)
		}
	}
	mail, err := g.Close()
	if err != nil || len(mail) != 3 || mail["site-001"] != nil {
		t.Fatal(len(mail), err)
	}
	wantCode(t, g.Add("site-000", keys["site-000"]), fault.UpdateStale) // of the step before
	if !slices.Contains(g.Waiting(), "site-000") {
		t.Fatal("a late message put the site out")
	}
	// The party's side: a message of another run or a second delivery is put aside, the right one is answered.
	p := parties["site-000"]
	if _, err = p.Answer(mail["site-000"]); err != nil {
		t.Fatal(err)
	}
	_, err = p.Answer(mail["site-000"])
	wantCode(t, err, fault.UpdateStale)
	_, err = p.Answer([]byte("something"))
	wantCode(t, err, fault.SumBroken)
	_, err = p.Answer(mail["site-000"])
	wantCode(t, err, fault.SumBroken)
}

// TestLowOrderKey: a key with which every agreement fails would end the run at all other sites.
func TestLowOrderKey(t *testing.T) {
	for _, at := range []int{0, 32} {
		r := newRig(4, 3, 5, 1)
		_, sites, err := r.play(t, tap{toHub: func(step int, site string, m []byte) []byte {
			if step != 0 || site != "site-001" {
				return m
			}
			return r.resign(site, m, func(body []byte) { clear(body[at : at+32]) })
		}})
		if err != nil || slices.Contains(sites, "site-001") {
			t.Fatal(sites, err)
		}
	}
}

// until runs a sum up to a step and gives the parties and what the hub would say next.
func (r *rig) until(t *testing.T, steps int) (map[string]Party, Gatherer, map[string][]byte) {
	t.Helper()
	parties, g := r.start(t)
	mail := map[string][]byte{}
	for range steps {
		for _, site := range r.config.Sites {
			answer, err := parties[site].Answer(mail[site])
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Add(site, answer); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if mail, err = g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return parties, g, mail
}

// TestHubSwapsKeys puts the hub between two sites.
func TestHubSwapsKeys(t *testing.T) {
	r := newRig(4, 3, 5, 1)
	parties, g, mail := r.until(t, 1)
	frame := g.(*gatherer).Run
	mine, err := run.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	_, hubKey, _ := ed25519.GenerateKey(nil)
	for name, change := range map[string]func(list []byte){
		"site-000: another mask key": func(list []byte) { copy(list[160+32:], mine.PublicKey().Bytes()) },
		"site-001: signed by the hub": func(list []byte) {
			copy(list[160+32:], mine.PublicKey().Bytes())
			m := run.Seal(append(frame.Head(run.StepKeys, 1, keysBytes), list[160:160+keysBytes]...), hubKey)
			copy(list[160+keysBytes:320], m[len(m)-run.SignatureBytes:])
		},
		"site-002: two sites swapped": func(list []byte) {
			first := slices.Clone(list[:160])
			copy(list, list[160:320])
			copy(list[160:], first)
		},
		"site-003: a run before a crash": func(list []byte) { // the site's own signature, under keys it no longer has
			old, _ := r.party(t, "site-003").Answer(nil)
			copy(list[480:], old[headBytes:])
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := slices.Clone(mail[name[:8]])
			change(m[headBytes+frame.SetBytes():])
			_, err := parties[name[:8]].Answer(m)
			wantCode(t, err, fault.SumBroken)
		})
	}
}

// TestHubLies has the hub name other survivors to one half of the sites than to the other.
func TestHubLies(t *testing.T) {
	r := newRig(6, 4, 5, 1)
	parties, g, mail := r.until(t, 3)
	frame := g.(*gatherer).Run
	signed := map[bool]map[int][]byte{false: {}, true: {}}
	for i, site := range r.config.Sites {
		m := slices.Clone(mail[site])
		if i%2 == 1 {
			m[headBytes] &^= 1 // site 0 was lost, you are told
		}
		answer, err := parties[site].Answer(m)
		if err != nil {
			t.Fatal(err)
		}
		signed[i%2 == 1][i] = answer[len(answer)-run.SignatureBytes:]
		if i%2 == 1 {
			wantCode(t, g.Add(site, answer), fault.UpdateRefused)
		}
	}
	offer := func(in run.Set, signatures map[int][]byte) []byte {
		m := append(frame.Head(run.StepConfirm, run.Hub, 0), in.Bytes()...)
		for _, i := range in.Members() {
			m = append(m, signatures[i]...)
		}
		return m
	}
	all := maps.Clone(signed[false])
	maps.Copy(all, signed[true])
	for i, site := range r.config.Sites {
		m := offer(run.Set{true, true, true, true, true, true}, all)
		if i >= 2 { // three honest signatures are not four
			in := frame.NewSet()
			for k := range signed[i%2 == 1] {
				in[k] = true
			}
			m = offer(in, signed[i%2 == 1])
		}
		_, err := parties[site].Answer(m)
		wantCode(t, err, fault.SumBroken)
		if Opened(parties[site]) {
			t.Fatal("a site gave its pieces")
		}
	}
}

// TestSecondUnmask: after its answer, and after a refusal, a site says nothing more, whatever it is asked.
func TestSecondUnmask(t *testing.T) {
	r := newRig(6, 4, 5, 1)
	parties, g, mail := r.until(t, 3)
	p := parties["site-003"]
	if _, err := p.Answer(mail["site-003"]); err != nil {
		t.Fatal(err)
	}
	other := slices.Clone(mail["site-003"])
	other[headBytes] &^= 1
	_, err := p.Answer(other) // confirm another set as well: the step is over
	wantCode(t, err, fault.UpdateStale)
	for _, site := range r.config.Sites {
		if site != "site-003" {
			answer, err := parties[site].Answer(mail[site])
			if err != nil || g.Add(site, answer) != nil {
				t.Fatal(err)
			}
		}
	}
	mail, err = g.Close()
	if err != nil {
		t.Fatal(err)
	}
	q := parties["site-004"]
	if _, err := q.Answer(mail["site-004"]); err != nil {
		t.Fatal(err)
	}
	_, err = q.Answer(mail["site-004"])
	wantCode(t, err, fault.SumBroken)
	_, err = q.Answer(nil)
	wantCode(t, err, fault.SumBroken)
}

// TestHubNamesTooFew: a site goes on with nobody below the threshold, and not with one who was out.
func TestHubNamesTooFew(t *testing.T) {
	for steps := 1; steps <= 4; steps++ {
		for _, bits := range []byte{0b000111, 0b111110, 0b11000001, 0} {
			r := newRig(6, 4, 5, 1)
			parties, _, mail := r.until(t, steps)
			m := slices.Clone(mail["site-000"])
			m[headBytes] = bits
			_, err := parties["site-000"].Answer(m)
			wantCode(t, err, fault.SumBroken)
		}
	}
	r := newRig(6, 4, 5, 1)
	lost := tap{toHub: func(step int, site string, m []byte) []byte {
		if site == "site-005" {
			return nil
		}
		return m
	}, toSite: func(step int, site string, m []byte) []byte {
		if step >= 1 && site == "site-001" {
			m = slices.Clone(m)
			m[headBytes] |= 1 << 5 // who never came
		}
		return m
	}}
	_, sites, err := r.play(t, lost)
	if err != nil || slices.Contains(sites, "site-001") {
		t.Fatal(sites, err)
	}
}

// TestFlipped flips one bit of the body of a site's message at each step: the signature tells, and the site is out.
func TestFlipped(t *testing.T) {
	for step := range 5 {
		r := newRig(4, 3, 5, 1)
		parties, g, mail := r.until(t, step)
		m, err := parties["site-001"].Answer(mail["site-001"])
		if err != nil {
			t.Fatal(err)
		}
		m[len(m)-run.SignatureBytes-1] ^= 1
		wantCode(t, g.Add("site-001", m), fault.UpdateRefused)
		if slices.Contains(g.Waiting(), "site-001") {
			t.Errorf("step %d: the site is still in", step)
		}
	}
}

// TestOutsiders: a site that is out is no survivor, and its signature under the survivors does not count.
func TestOutsiders(t *testing.T) {
	r := newRig(5, 4, 5, 1)
	parties, g := r.start(t)
	frame := g.(*gatherer).Run
	mail := map[string][]byte{}
	for step := range 4 {
		for i, site := range r.config.Sites {
			if i == 0 && step >= 1 { // lost before it shared, but it works for the hub
				continue
			}
			m := slices.Clone(mail[site])
			if i == 1 && step == 3 {
				m[headBytes] |= 1
				_, err := parties[site].Answer(m)
				wantCode(t, err, fault.SumBroken)
				continue
			}
			answer, err := parties[site].Answer(m)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Add(site, answer); err != nil {
				t.Fatal(err)
			}
		}
		mail, _ = g.Close() // at "confirm" one is missing
	}
	p := parties["site-002"].(*party)
	m := append(frame.Head(run.StepConfirm, run.Hub, 0), run.Set{true, false, true, true, true}.Bytes()...)
	for _, i := range []int{0, 2, 3, 4} {
		said := run.Seal(append(frame.Head(run.StepConfirm, i, 32), p.Heard[:]...), r.keys[r.config.Sites[i]])
		m = append(m, said[len(said)-run.SignatureBytes:]...)
	}
	_, err := p.Answer(m)
	wantCode(t, err, fault.SumBroken)
	if Opened(p) {
		t.Fatal("a threshold was counted with a site that is out")
	}
}
