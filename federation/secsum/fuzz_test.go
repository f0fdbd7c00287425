package secsum

import (
	"slices"
	"testing"

	"consilium/fault"
)

// FuzzAdd gives the hub anything at any step: a coded error, or the message that belongs there.
func FuzzAdd(f *testing.F) {
	r := newRig(3, 3, 4, 1)
	parties, g := r.start(f)
	mail := map[string][]byte{}
	for step := range 5 {
		for _, site := range r.config.Sites {
			answer, err := parties[site].Answer(mail[site])
			if err != nil {
				f.Fatal(err)
			}
			if err := g.Add(site, answer); err != nil {
				f.Fatal(err)
			}
			f.Add(byte(step), answer)
			f.Add(byte(step), answer[:len(answer)/2])
		}
		mail, _ = g.Close()
	}
	f.Fuzz(func(t *testing.T, step byte, message []byte) {
		_, g, _ := r.until(t, int(step%5))
		before := slices.Clone(message)
		if err := g.Add("site-001", message); err != nil {
			wantCode(t, err, fault.UpdateRefused, fault.UpdateStale)
		} else if step%5 > 0 {
			t.Fatal("a message of another run was taken") // each run has its own keys and transcript
		}
		if !slices.Equal(before, message) {
			t.Fatal("the message was changed")
		}
	})
}

// FuzzAnswer gives a site anything at any step.
func FuzzAnswer(f *testing.F) {
	r := newRig(3, 3, 4, 1)
	if _, _, err := r.play(f, tap{toSite: func(step int, _ string, m []byte) []byte {
		f.Add(byte(step+1), slices.Clone(m))
		f.Add(byte(step+1), slices.Clone(m[:len(m)-1]))
		return m
	}}); err != nil {
		f.Fatal(err)
	}
	f.Add(byte(0), []byte("hello"))
	f.Fuzz(func(t *testing.T, step byte, message []byte) {
		parties, _, _ := r.until(t, int(step%5))
		if _, err := parties["site-001"].Answer(message); err != nil {
			wantCode(t, err, fault.SumBroken, fault.UpdateStale)
		}
	})
}
