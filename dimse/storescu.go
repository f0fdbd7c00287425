package dimse

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"consilium/fault"
)

// Source is a Part 10 file to send. Open is called twice: to see what it is,
// and to send it.
type Source struct {
	Name string // shown to the user
	Open func() (io.ReadCloser, error)
}

// File is the source that a path names.
func File(path string) Source {
	return Source{Name: filepath.Base(path), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// Sent is what became of one source.
type Sent struct {
	Name           string
	Class, SOP     string
	TransferSyntax string
	Status         uint16 // of the peer's answer
	Warning        string // stored, but not as it was
	Err            error  // not stored
}

// maxContexts of one association: their numbers are the odd bytes.
const maxContexts = 128

// Store sends objects (C-STORE) as they are: a peer that does not take an
// object's transfer syntax does not get it. Files are streamed. each, if not
// nil, hears of every object as its fate is known; the result has all of them
// in order. The error is nil if every object was stored.
func Store(ctx context.Context, p Peer, sources []Source, each func(Sent)) ([]Sent, error) {
	if each == nil {
		each = func(Sent) {}
	}
	sent := make([]Sent, len(sources))
	for i, s := range sources {
		sent[i] = look(s)
		if sent[i].Err != nil {
			each(sent[i])
		}
	}
	for _, batch := range batches(sent) {
		if err := p.storeBatch(ctx, batch, sources, sent, each); err != nil {
			for i := range sent { // what has no answer yet never will
				if s := &sent[i]; s.Err == nil && s.Status == unanswered {
					s.Err = err
					each(*s)
				}
			}
			return sent, err
		}
	}
	return sent, summary(p, sent)
}

// unanswered is no status of the standard.
const unanswered uint16 = 0xFFFF

// look reads what the object is.
func look(s Source) Sent {
	sent := Sent{Name: s.Name, Status: unanswered}
	in, err := s.Open()
	if err != nil {
		sent.Err = fault.Wrap(err, fault.InputMissing, "cannot open "+s.Name, "check the path and its permissions")
		return sent
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, maxMeta)
	if sent.TransferSyntax, sent.Err = readMeta(r, s.Name); sent.Err != nil {
		return sent
	}
	start, _ := r.Peek(maxMeta)
	if sent.Class, sent.SOP, err = identity(start, sent.TransferSyntax); err != nil {
		sent.Err = fault.New(fault.InputMalformed, s.Name+" does not start with a SOP class and instance UID", "have it exported again by the device that made it")
	}
	return sent
}

// batches groups the objects so that each group's contexts fit into one
// association; the elements are positions in sent.
func batches(sent []Sent) [][]int {
	var out [][]int
	group := map[presentation]int{}
	for i, s := range sent {
		if s.Err != nil {
			continue
		}
		key := presentation{s.Class, s.TransferSyntax}
		n, known := group[key]
		if !known {
			n = len(group) / maxContexts
			group[key] = n
		}
		if n == len(out) {
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

// storeBatch sends one group over one association. An error ends all.
func (p Peer) storeBatch(ctx context.Context, batch []int, sources []Source, sent []Sent, each func(Sent)) error {
	var proposals []proposal
	seen := map[presentation]bool{}
	for _, i := range batch {
		key := presentation{sent[i].Class, sent[i].TransferSyntax}
		if !seen[key] {
			seen[key] = true
			proposals = append(proposals, proposal{class: key.class, syntaxes: []string{key.syntax}})
		}
	}
	a, err := p.associate(ctx, proposals)
	if err != nil {
		return err
	}
	for _, i := range batch {
		if err := a.storeOne(sources[i], &sent[i]); err != nil {
			return a.fail(err, "sending to "+p.AETitle)
		}
		each(sent[i])
	}
	a.close()
	return nil
}

// storeOne sends one object. What only concerns this object goes into s.Err;
// an error ends the association.
func (a *association) storeOne(source Source, s *Sent) error {
	context, _, ok := a.context(s.Class, s.TransferSyntax)
	if !ok {
		s.Err = a.unwanted(s)
		return nil
	}
	in, err := source.Open()
	if err != nil {
		s.Err = fault.Wrap(err, fault.InputMissing, "cannot open "+s.Name, "check the path and its permissions")
		return nil
	}
	defer in.Close()
	r := bufio.NewReaderSize(&sourceReader{in, s.Name}, 64<<10)
	if _, s.Err = readMeta(r, s.Name); s.Err != nil {
		return nil
	}
	c := command{field: fieldStore, id: a.id(), class: s.Class, instance: s.SOP, hasData: true}
	if err := a.message(context, c, r); err != nil {
		return err
	}
	_, answer, err := a.response(c.id)
	if err != nil {
		return err
	}
	s.Status = answer.status
	switch {
	case isWarning(answer.status):
		s.Warning = statusText(answer.status)
	case answer.status != statusSuccess:
		s.Err = statusError(s.Name+" was not stored by "+a.peer.AETitle, answer)
	}
	return nil
}

// sourceReader tells the errors of a file from those of the network.
type sourceReader struct {
	io.Reader
	name string
}

func (r *sourceReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = fault.Wrap(err, fault.IO, "cannot read "+r.name, "check the disk that it lies on")
	}
	return n, err
}

// unwanted says why an object has no presentation context.
func (a *association) unwanted(s *Sent) error {
	return fault.New(fault.PeerRefused, fmt.Sprintf("%s does not take %s: class %s in transfer syntax %s", a.peer.AETitle, s.Name, s.Class, s.TransferSyntax),
		"have the peer accept them, or send the object uncompressed (explicit VR little endian)")
}

// summary is the error of a transfer that some objects did not survive.
func summary(p Peer, sent []Sent) error {
	failed := 0
	var first *fault.Error
	for _, s := range sent {
		if s.Err != nil {
			failed++
			if first == nil {
				first = fault.Of(s.Err)
			}
		}
	}
	if first == nil {
		return nil
	}
	return fault.Wrap(first.Err, first.Code, fmt.Sprintf("%d of %d objects were not stored by %s; the first: %s", failed, len(sent), p.AETitle, first.What), first.Do)
}
