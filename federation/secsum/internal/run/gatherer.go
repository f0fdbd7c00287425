package run

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"consilium/fault"
)

// HubSteps is what a kind of sum does at the hub. Gatherer calls it with its lock held.
type HubSteps interface {
	// Meet checks what a site published after its key for sealed boxes. It may keep it.
	Meet(site int, published []byte) error
	// Gather adds a site's hidden values to the sum. An error puts the site out, so nothing may then be added.
	Gather(site int, vector []byte) error
	// Part takes what a site gives to open the sum; what it keeps it copies.
	Part(site int, part []byte) error
	// Unveil opens the sum of Came, with the parts of the sites In.
	Unveil() error
	// Values gives the open sum.
	Values() []float64
	// Drop throws away what was gathered.
	Drop()
}

// Gatherer is the hub's side of a run, as far as all kinds of sum have it in common: who may say what, and when.
type Gatherer struct {
	*Run
	In     Set // who may answer this step; after the last one, whose parts came
	Shared Set // whose shares came
	Came   Set // whose values came

	mu       sync.Mutex
	kind     Kind
	hub      HubSteps
	step     byte
	broken   error
	answered Set

	keys      [][]byte // by site: body of the first step and its signature
	boxes     [][]byte // by site: what it sealed for the others, in their order
	confirmed [][]byte // by site: signature under the survivors
	named     Set      // whose keys came
	openers   Set      // where few open the sum
	heard     Hash     // what every site must have heard by now
}

// NewGatherer makes the hub's side of a run. Errors: USAGE.
func NewGatherer(k Kind, t Terms, hub HubSteps) (*Gatherer, error) {
	r, err := New(k.Name, t)
	if err != nil {
		return nil, err
	}
	n := len(r.Sites)
	return &Gatherer{Run: r, In: slices.Repeat(Set{true}, n), kind: k, hub: hub, step: StepKeys, answered: r.NewSet(),
		keys: make([][]byte, n), boxes: make([][]byte, n), confirmed: make([][]byte, n)}, nil
}

// Steps implements secsum.Gatherer.
func (g *Gatherer) Steps() []string { return slices.Clone(g.kind.Steps[:]) }

// Waiting implements secsum.Gatherer.
func (g *Gatherer) Waiting() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for i, site := range g.Sites {
		if g.broken == nil && g.step < stepOver && g.In[i] && !g.answered[i] {
			out = append(out, site)
		}
	}
	return out
}

// Add implements secsum.Gatherer.
func (g *Gatherer) Add(site string, message []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.Index(site)
	switch {
	case g.broken != nil:
		return g.broken
	case i < 0:
		return fault.New(fault.UpdateRefused, site+" is not in the roster of this secure sum", "nothing; it was put aside")
	case g.step == stepOver || !g.In[i]:
		return fault.New(fault.UpdateStale, site+" is no longer in this secure sum, or is not asked", "nothing; it was put aside")
	case g.answered[i]:
		return fault.New(fault.UpdateStale, site+" has answered this step", "nothing; it was put aside")
	}
	body, err := g.Open(message, g.step, i, g.kind.length(g.step, g.named, g.Shared))
	if err == nil {
		err = g.take(i, body, message[len(message)-SignatureBytes:])
	}
	if err == nil {
		g.answered[i] = true
		return nil
	}
	if fault.CodeOf(err) != fault.UpdateStale {
		g.In[i] = false
	}
	return err
}

// take keeps what a sound message says. The message itself is the caller's again afterwards.
func (g *Gatherer) take(i int, body, signature []byte) error {
	if g.step == StepKeys {
		g.keys[i] = slices.Concat(body, signature)
		if _, err := CheckKey(body[:KeyBytes]); err != nil {
			return err
		}
		return g.hub.Meet(i, g.keys[i][KeyBytes:g.kind.Keys])
	}
	if !bytes.Equal(body[:hashBytes], g.heard[:]) {
		return fault.New(fault.UpdateRefused, g.Sites[i]+" heard something else than the hub said", "look at the link between them")
	}
	switch body = body[hashBytes:]; g.step {
	case StepShares:
		g.boxes[i] = slices.Clone(body)
	case StepVector:
		return g.hub.Gather(i, body)
	case StepConfirm:
		g.confirmed[i] = slices.Clone(signature)
	case StepOpen:
		return g.hub.Part(i, body)
	}
	return nil
}

// Close implements secsum.Gatherer.
func (g *Gatherer) Close() (map[string][]byte, error) {
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
			n, g.kind.Steps[g.step-StepKeys], g.Threshold), "wait for the lost sites; the next attempt begins with new keys"))
	}
	if !g.openers.Within(g.answered) {
		return nil, g.drop(fault.New(fault.SumBroken, "a site of those that were to open the sum was lost", "begin the round anew; the masks bear such a loss"))
	}
	g.In, g.answered = g.answered, g.NewSet()
	step := g.step
	g.step++
	if step != StepOpen {
		return g.reply(step), nil
	}
	if err := g.hub.Unveil(); err != nil {
		return nil, g.drop(err)
	}
	return nil, nil
}

// reply says to each site that goes on what the others said.
func (g *Gatherer) reply(step byte) map[string][]byte {
	head := append(g.Head(step, Hub, 0), g.In.Bytes()...)
	switch step {
	case StepKeys:
		g.named = slices.Clone(g.In)
		var said [][]byte
		for _, i := range g.named.Members() {
			head = append(head, g.keys[i]...)
			said = append(said, g.keys[i][:g.kind.Keys])
		}
		g.heard = g.kind.heardKeys(g.Run, g.named, said)
	case StepShares:
		g.Shared = slices.Clone(g.In)
		g.heard = g.kind.heardShares(g.heard, g.Shared)
	case StepVector:
		g.Came = slices.Clone(g.In)
		if g.kind.FewOpen {
			g.openers = g.NewSet()
			for _, i := range g.Came.Members()[:g.Threshold] {
				g.openers[i] = true
			}
			head = append(head, g.openers.Bytes()...)
		}
		g.heard = g.kind.heardVectors(g.heard, g.Came, g.openers)
	case StepConfirm:
		for _, i := range g.In.Members() {
			head = append(head, g.confirmed[i]...)
		}
		if g.kind.FewOpen {
			g.In = slices.Clone(g.openers)
		}
	}
	out := map[string][]byte{}
	for _, i := range g.In.Members() {
		message := slices.Clone(head)
		if step == StepShares {
			for _, from := range g.Shared.Members() {
				message = append(message, g.boxFor(from, i)...)
			}
		}
		out[g.Sites[i]] = message
	}
	if step == StepShares {
		g.boxes = nil // long, and of no more use
	}
	return out
}

// boxFor finds what one site sealed for another.
func (g *Gatherer) boxFor(from, to int) []byte {
	if from == to {
		return nil
	}
	place := g.named[:to].Count()
	if from < to {
		place-- // a site seals nothing for itself
	}
	return g.boxes[from][place*g.kind.Piece : (place+1)*g.kind.Piece]
}

// drop throws the run away.
func (g *Gatherer) drop(err error) error {
	g.broken, g.boxes = err, nil
	g.hub.Drop()
	return err
}

// Sum implements secsum.Gatherer.
func (g *Gatherer) Sum() ([]float64, []string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken != nil {
		return nil, nil, g.broken
	}
	if g.step != stepOver {
		return nil, nil, fault.New(fault.SumBroken, "the secure sum is not yet open", "end every step first")
	}
	return g.hub.Values(), g.Names(g.Came), nil
}
