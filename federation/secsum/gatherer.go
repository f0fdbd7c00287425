package secsum

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
)

// gatherer is the hub. It holds one vector, the sum so far, however many sites there are.
type gatherer struct {
	mu    sync.Mutex
	run   *run.Run
	fixed Fixed

	step     byte
	broken   error
	in       run.Set // who may answer this step
	answered run.Set

	keys                [][]byte // by site: body of the first step and its signature
	peers               []peer
	boxes               [][]byte // by site: what it sealed for the others, in their order
	sum                 []uint32
	confirmed           [][]byte // by site: signature under the survivors
	pieces              [][]byte // by site: what it gave to open the sum
	named, shared, came run.Set  // who is in after keys, after shares, after masked
	heard               run.Hash // what every site must have heard by now
}

// NewGatherer makes the hub's side of a run. Errors: USAGE.
func NewGatherer(c Config) (Gatherer, error) {
	r, err := c.frame()
	if err != nil {
		return nil, err
	}
	fixed, err := NewFixed(c.Bound, len(r.Sites))
	if err != nil {
		return nil, err
	}
	n := len(r.Sites)
	g := &gatherer{run: r, fixed: fixed, step: stepKeys, in: r.NewSet(), answered: r.NewSet(), keys: make([][]byte, n),
		peers: make([]peer, n), boxes: make([][]byte, n), confirmed: make([][]byte, n), pieces: make([][]byte, n)}
	for i := range g.in {
		g.in[i] = true
	}
	return g, nil
}

// Steps implements Gatherer.
func (g *gatherer) Steps() []string { return steps() }

// Waiting implements Gatherer.
func (g *gatherer) Waiting() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for i, site := range g.run.Sites {
		if g.broken == nil && g.step < stepOver && g.in[i] && !g.answered[i] {
			out = append(out, site)
		}
	}
	return out
}

// Add implements Gatherer.
func (g *gatherer) Add(site string, message []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.run.Index(site)
	switch {
	case g.broken != nil:
		return g.broken
	case i < 0:
		return fault.New(fault.UpdateRefused, site+" is not in the roster of this secure sum", "nothing; it was put aside")
	case g.step == stepOver || !g.in[i]:
		return fault.New(fault.UpdateStale, site+" is no longer in this secure sum", "nothing; it was put aside")
	case g.answered[i]:
		return fault.New(fault.UpdateStale, site+" has answered this step", "nothing; it was put aside")
	}
	body, err := g.run.Open(message, g.step, i, g.bodyBytes(i))
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

// bodyBytes is the length of a site's message of this step.
func (g *gatherer) bodyBytes(i int) int {
	switch g.step {
	case stepKeys:
		return keysBytes
	case stepShares:
		return 32 + (g.named.Count()-1)*pieceBytes
	case stepMasked:
		return 32 + 4*g.run.Length
	case stepConfirm:
		return 32
	default:
		return 32 + g.shared.Count()*(1+secretBytes)
	}
}

// take keeps what a sound message says. The message itself is the caller's again afterwards.
func (g *gatherer) take(i int, body, signature []byte) (err error) {
	if g.step == stepKeys {
		body = slices.Clone(body)
		g.keys[i] = slices.Concat(body, signature)
		g.peers[i], err = parsePeer(body, run.CheckKey)
		return err
	}
	if !bytes.Equal(body[:32], g.heard[:]) {
		return fault.New(fault.UpdateRefused, g.run.Sites[i]+" heard something else than the hub said", "look at the link between them")
	}
	switch body = body[32:]; g.step {
	case stepShares:
		g.boxes[i] = slices.Clone(body)
	case stepMasked:
		for k := range g.sum {
			g.sum[k] += binary.LittleEndian.Uint32(body[4*k:])
		}
	case stepConfirm:
		g.confirmed[i] = slices.Clone(signature)
	case stepUnmask:
		g.pieces[i] = slices.Clone(body)
	}
	return nil
}

// Close implements Gatherer.
func (g *gatherer) Close() (map[string][]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken != nil {
		return nil, g.broken
	}
	if g.step == stepOver {
		return nil, fault.New(fault.SumBroken, "the secure sum is over", "begin the next round")
	}
	if n := g.answered.Count(); n < g.run.Threshold {
		return nil, g.drop(fault.New(fault.SumBroken, fmt.Sprintf("only %d sites answered the step %q of the secure sum, %d are the fewest",
			n, steps()[g.step-1], g.run.Threshold), "wait for the lost sites; the next attempt begins with new keys"))
	}
	g.in, g.answered = g.answered, g.run.NewSet()
	step := g.step
	g.step++
	if step == stepUnmask {
		if err := g.open(); err != nil {
			return nil, g.drop(err)
		}
		return nil, nil
	}
	return g.reply(step), nil
}

// reply says to each site what the others said.
func (g *gatherer) reply(step byte) map[string][]byte {
	head := append(g.run.Head(step, run.Hub, 0), g.in.Bytes()...)
	switch step {
	case stepKeys:
		g.named = slices.Clone(g.in)
		var said [][]byte
		for _, i := range g.named.Members() {
			head = append(head, g.keys[i]...)
			said = append(said, g.keys[i][:keysBytes])
		}
		g.heard = heardKeys(g.run, g.named, said)
	case stepShares:
		g.shared = slices.Clone(g.in)
		g.heard = heardShares(g.heard, g.shared)
		g.sum = make([]uint32, g.run.Length)
	case stepMasked:
		g.came = slices.Clone(g.in)
		g.heard = heardMasked(g.heard, g.came)
	case stepConfirm:
		for _, i := range g.in.Members() {
			head = append(head, g.confirmed[i]...)
		}
	}
	out := map[string][]byte{}
	for _, i := range g.in.Members() {
		message := slices.Clone(head)
		if step == stepShares {
			for _, from := range g.shared.Members() {
				message = append(message, g.boxFor(from, i)...)
			}
		}
		out[g.run.Sites[i]] = message
	}
	return out
}

// boxFor finds what one site sealed for another.
func (g *gatherer) boxFor(from, to int) []byte {
	if from == to {
		return nil
	}
	place := g.named[:to].Count()
	if from < to {
		place-- // a site seals nothing for itself
	}
	return g.boxes[from][place*pieceBytes : (place+1)*pieceBytes]
}

// drop throws the run away.
func (g *gatherer) drop(err error) error {
	g.broken = err
	clear(g.sum)
	g.sum, g.boxes, g.pieces = nil, nil, nil
	return err
}

// Sum implements Gatherer.
func (g *gatherer) Sum() ([]float64, []string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken != nil {
		return nil, nil, g.broken
	}
	if g.step != stepOver {
		return nil, nil, fault.New(fault.SumBroken, "the secure sum is not yet open", "end every step first")
	}
	sum := make([]float64, len(g.sum))
	for k, w := range g.sum {
		sum[k] = g.fixed.Value(int32(w))
	}
	var sites []string
	for _, i := range g.came.Members() {
		sites = append(sites, g.run.Sites[i])
	}
	return sum, sites, nil
}
