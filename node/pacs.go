package node

import (
	"context"

	"consilium/dimse"
)

// PACS sends results by C-STORE, all of a batch over one association.
type PACS struct{ dimse.Peer }

// Send stores objects in the archive. A copy that is there already is what was
// wanted.
func (p PACS) Send(ctx context.Context, results []Result) []error {
	errs := make([]error, len(results))
	sources := make([]dimse.Source, len(results))
	for i, r := range results {
		sources[i] = dimse.Source{Name: r.Object, Open: r.Open}
	}
	sent, err := dimse.Store(ctx, p.Peer, sources, nil)
	for i := range results {
		errs[i] = err // without an answer of its own: the association failed
		if i < len(sent) && (sent[i].Err != nil || sent[i].SOP != "") {
			errs[i] = sent[i].Err
		}
	}
	return errs
}
