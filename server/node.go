package server

import (
	"context"
	"io"

	"consilium/node"
	"consilium/store"
)

// Node is what the API needs of the clinic node: *node.Node. Every reading
// method takes the reader whose consent is asked for, every acting one the
// actor for the audit log.
type Node interface {
	Worklist(ctx context.Context, r store.Reader, q node.Query) (node.Page, error)
	Row(ctx context.Context, r store.Reader, study string) (node.Row, error)
	Case(ctx context.Context, r store.Reader, study string) (node.Case, error)
	Changes(ctx context.Context) <-chan string // UIDs of studies that changed

	Upload(ctx context.Context, who node.Actor, files []node.Upload) (study string, err error)
	Diagnose(ctx context.Context, who node.Actor, study string) error
	Review(ctx context.Context, who node.Actor, r store.Reader, study, finding string, v node.Review) error
	Unreview(ctx context.Context, who node.Actor, r store.Reader, study, finding string) error
	Sign(ctx context.Context, who node.Actor, r store.Reader, study string) error

	Letter(ctx context.Context, r store.Reader, study string) (node.Letter, error)
	Report(ctx context.Context, r store.Reader, study string, w io.Writer) error     // one self-contained page
	TextReport(ctx context.Context, r store.Reader, study string, w io.Writer) error // Basic Text SR, a Part 10 file
	Waveform(ctx context.Context, r store.Reader, sop string) (node.Waveform, error)
	Sound(ctx context.Context, r store.Reader, sop string, w io.Writer) error // WAV
	Picture(ctx context.Context, r store.Reader, study, digest string) (io.ReadSeekCloser, error)
}
