package ckks

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/tuneinsight/lattigo/v6/ring"

	"consilium/fault"
	"consilium/federation/secsum"
	"consilium/federation/secsum/internal/run"
)

// gatherer is the hub. It holds one ciphertext per block, whatever the number of sites.
type gatherer struct {
	mu sync.Mutex
	*frame

	step     byte
	broken   error
	in       run.Set // who may answer this step
	answered run.Set

	keys                         [][]byte // by site: public key and signature
	boxes                        [][]byte // by site: what it sealed for the others, in their order
	confirmed                    [][]byte // by site: signature under the sets
	blocks                       []ring.Poly
	named, shared, came, decrypt run.Set
	heard                        run.Hash
	sum                          []float64
}

// NewGatherer makes the hub's side of a run. Errors: USAGE.
func NewGatherer(c secsum.Config) (secsum.Gatherer, error) {
	f, err := newFrame(c)
	if err != nil {
		return nil, err
	}
	n := len(f.Sites)
	g := &gatherer{frame: f, step: stepKeys, in: f.NewSet(), answered: f.NewSet(),
		keys: make([][]byte, n), boxes: make([][]byte, n), confirmed: make([][]byte, n)}
	for i := range g.in {
		g.in[i] = true
	}
	return g, nil
}

// Steps implements secsum.Gatherer.
func (g *gatherer) Steps() []string { return steps() }

// Waiting implements secsum.Gatherer.
func (g *gatherer) Waiting() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for i, site := range g.Sites {
		if g.broken == nil && g.step < stepOver && g.in[i] && !g.answered[i] {
			out = append(out, site)
		}
	}
	return out
}

// Add implements secsum.Gatherer.
func (g *gatherer) Add(site string, message []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.Index(site)
	switch {
	case g.broken != nil:
		return g.broken
	case i < 0:
		return fault.New(fault.UpdateRefused, site+" is not in the roster of this secure sum", "nothing; it was put aside")
	case g.step == stepOver || !g.in[i]:
		return fault.New(fault.UpdateStale, site+" is no longer in this secure sum, or is not asked", "nothing; it was put aside")
	case g.answered[i]:
		return fault.New(fault.UpdateStale, site+" has answered this step", "nothing; it was put aside")
	}
	length := keyBytes
	switch g.step {
	case stepShares:
		length = 32 + (g.named.Count()-1)*(g.polyBytes()+run.BoxBytes)
	case stepEncrypted, stepDecrypt:
		length = 32 + g.frame.blocks*g.polyBytes()
	case stepConfirm:
		length = 32
	}
	body, err := g.Open(message, g.step, i, length)
	if err == nil {
		err = g.take(i, body, message[len(message)-run.SignatureBytes:])
	}
	if err == nil {
		g.answered[i] = true
		return nil
	}
	if fault.CodeOf(err) != fault.UpdateStale {
		g.in[i] = false
	}
	return err
}

func (g *gatherer) take(i int, body, signature []byte) error {
	if g.step == stepKeys {
		g.keys[i] = slices.Concat(body, signature)
		_, err := run.CheckKey(body)
		return err
	}
	if !bytes.Equal(body[:32], g.heard[:]) {
		return fault.New(fault.UpdateRefused, g.Sites[i]+" heard something else than the hub said", "look at the link between them")
	}
	switch body = body[32:]; g.step {
	case stepShares:
		g.boxes[i] = slices.Clone(body)
	case stepConfirm:
		g.confirmed[i] = slices.Clone(signature)
	default:
		return g.add(body)
	}
	return nil
}

// add takes a site's ciphertexts, or its part of the decryption: either is added to the sum. All is read before
// anything is added.
func (g *gatherer) add(body []byte) error {
	polys := make([]ring.Poly, len(g.blocks))
	for k := range polys {
		var err error
		if polys[k], err = g.unpack(body[k*g.polyBytes() : (k+1)*g.polyBytes()]); err != nil {
			return err
		}
	}
	for k, p := range polys {
		g.ring.Add(g.blocks[k], p, g.blocks[k])
	}
	return nil
}

// Close implements secsum.Gatherer.
func (g *gatherer) Close() (map[string][]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken != nil {
		return nil, g.broken
	}
	if g.step == stepOver {
		return nil, fault.New(fault.SumBroken, "the secure sum is over", "begin the next round")
	}
	if n := g.answered.Count(); n < g.Threshold {
		return nil, g.drop(fault.New(fault.SumBroken, fmt.Sprintf("only %d sites answered the step %q of the secure sum, %d are the fewest",
			n, steps()[g.step-1], g.Threshold), "wait for the lost sites; the next attempt begins with new keys"))
	}
	if g.decrypt != nil && !g.decrypt.Within(g.answered) {
		return nil, g.drop(fault.New(fault.SumBroken, "a site of those that were to decrypt was lost", "begin the round anew; the masks bear such a loss"))
	}
	g.in, g.answered = g.answered, g.NewSet()
	step := g.step
	g.step++
	if step != stepDecrypt {
		return g.reply(step), nil
	}
	g.sum = make([]float64, 0, g.Length)
	for _, block := range g.blocks {
		values, err := g.open(block, g.came.Count(), min(slots, g.Length-len(g.sum)))
		if err != nil {
			return nil, g.drop(err)
		}
		g.sum = append(g.sum, values...)
	}
	return nil, nil
}

// reply says to each site that goes on what the others said.
func (g *gatherer) reply(step byte) map[string][]byte {
	head := append(g.Head(step, run.Hub, 0), g.in.Bytes()...)
	switch step {
	case stepKeys:
		g.named = slices.Clone(g.in)
		var said [][]byte
		for _, i := range g.named.Members() {
			head = append(head, g.keys[i]...)
			said = append(said, g.keys[i][:keyBytes])
		}
		g.heard = heardKeys(g.Run, g.named, said)
	case stepShares:
		g.shared = slices.Clone(g.in)
		g.heard = heardShares(g.heard, g.shared)
		g.blocks = make([]ring.Poly, g.frame.blocks)
		for k := range g.blocks {
			g.blocks[k] = g.ring.NewPoly()
		}
	case stepEncrypted:
		g.came, g.decrypt = slices.Clone(g.in), g.NewSet()
		for _, i := range g.came.Members()[:g.Threshold] {
			g.decrypt[i] = true
		}
		g.heard = heardEncrypted(g.heard, g.came, g.decrypt)
		head = append(head, g.decrypt.Bytes()...)
	case stepConfirm:
		for _, i := range g.in.Members() {
			head = append(head, g.confirmed[i]...)
		}
		g.in = slices.Clone(g.decrypt)
	}
	out := map[string][]byte{}
	for _, i := range g.in.Members() {
		message := slices.Clone(head)
		if step == stepShares {
			for _, from := range g.shared.Members() {
				message = append(message, g.boxFor(from, i)...)
			}
		}
		out[g.Sites[i]] = message
	}
	if step == stepShares {
		g.boxes = nil // long, and of no more use
	}
	return out
}

// boxFor finds what one site sealed for another.
func (g *gatherer) boxFor(from, to int) []byte {
	if from == to {
		return nil
	}
	place, each := g.named[:to].Count(), g.polyBytes()+run.BoxBytes
	if from < to {
		place-- // a site seals nothing for itself
	}
	return g.boxes[from][place*each : (place+1)*each]
}

// drop throws the run away.
func (g *gatherer) drop(err error) error {
	g.broken = err
	g.blocks, g.boxes, g.sum = nil, nil, nil
	return err
}

// Sum implements secsum.Gatherer.
func (g *gatherer) Sum() ([]float64, []string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken != nil {
		return nil, nil, g.broken
	}
	if g.step != stepOver {
		return nil, nil, fault.New(fault.SumBroken, "the secure sum is not yet open", "end every step first")
	}
	var sites []string
	for _, i := range g.came.Members() {
		sites = append(sites, g.Sites[i])
	}
	return slices.Clone(g.sum), sites, nil
}
