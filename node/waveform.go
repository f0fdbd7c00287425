package node

import (
	"context"
	"io"

	"consilium/clinical"
	"consilium/dataset/audio"
	"consilium/fault"
	"consilium/store"
)

// maxSamples bounds what is sent to a viewer: an hour of twelve leads at 500 Hz.
const maxSamples = 12 * 3600 * 500

// Waveform gives a stored ECG or sound for a viewer.
// Errors: NOT_FOUND, CONSENT_WITHHELD, INPUT_UNSUPPORTED for anything else,
// INPUT_TOO_LARGE.
func (n *Node) Waveform(ctx context.Context, r store.Reader, sop string) (Waveform, error) {
	rec, err := n.recording(ctx, r, sop)
	if err != nil {
		return Waveform{}, err
	}
	w := Waveform{Kind: "ecg", Rate: rec.Rate}
	if rec.Kind == clinical.KindSound {
		w.Kind = "sound"
	}
	total := 0
	for _, c := range rec.Channels {
		total += len(c.Samples)
		w.Leads = append(w.Leads, Lead{c.Name, c.Unit, c.Samples})
	}
	if total > maxSamples {
		return Waveform{}, fault.New(fault.InputTooLarge, "the recording is too long to be shown as a whole", "fetch the object by DICOMweb")
	}
	return w, nil
}

// Sound writes a stored sound as a WAV file.
// Errors: those of Waveform.
func (n *Node) Sound(ctx context.Context, r store.Reader, sop string, w io.Writer) error {
	rec, err := n.recording(ctx, r, sop)
	if err != nil {
		return err
	}
	if rec.Kind != clinical.KindSound {
		return fault.New(fault.InputUnsupported, "the object is not a sound", "ask for its waveform")
	}
	return audio.EncodeWAV(w, rec)
}

func (n *Node) recording(ctx context.Context, r store.Reader, sop string) (clinical.Recording, error) {
	i, err := n.Store.Instance(ctx, r, sop)
	if err != nil {
		return clinical.Recording{}, err
	}
	if kind := kindOf(i); kind != "ecg" && kind != "sound" {
		return clinical.Recording{}, fault.New(fault.InputUnsupported, "the object is no recording", "fetch it by DICOMweb")
	}
	o, err := n.object(ctx, i)
	if err != nil {
		return clinical.Recording{}, err
	}
	return o.Recording()
}
