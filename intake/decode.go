package intake

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/dataset/audio"
	"consilium/dataset/wfdb"
	"consilium/dicom"
	"consilium/fault"
	"consilium/imaging"
)

// decode hands the file to the reader of its format.
func decode(_ context.Context, format Format, path string) (Item, error) {
	switch format {
	case PNG, JPEG:
		return picture(readPicture(format, path))
	case NPY:
		return picture(readNPY(path))
	case DICOM:
		return dicomFile(path)
	case WAV:
		return recording(audio.ReadWAV(path))
	case MP3:
		return recording(audio.ReadMP3(path))
	case WFDB:
		if err := recordFiles(path); err != nil {
			return Item{}, err
		}
		return recording(wfdb.Read(path))
	}
	return Item{}, fault.New(fault.Internal, "format "+string(format)+" has no reader", "please report it")
}

// dicomFile reads an image or a waveform.
func dicomFile(path string) (Item, error) {
	f, err := open(path)
	if err != nil {
		return Item{}, err
	}
	defer f.Close()
	o, err := dicom.ParseObject(f, filepath.Base(path))
	if err != nil {
		return Item{}, err
	}
	return Object(o, path)
}

func picture(img clinical.Image, err error) (Item, error) { return Item{Image: &img}, err }

func recording(rec clinical.Recording, err error) (Item, error) { return Item{Recording: &rec}, err }

// recordFiles looks at the signal files that a header names, so that the
// reader never opens a pipe or a device among them.
func recordFiles(header string) error {
	text, err := os.ReadFile(header)
	if err != nil {
		return missing(header, err)
	}
	h, err := wfdb.ParseHeader(text)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, s := range h.Signals {
		if seen[s.File] || !filepath.IsLocal(s.File) {
			continue // the reader refuses what lies outside the folder
		}
		seen[s.File] = true
		f, err := open(filepath.Join(filepath.Dir(header), s.File))
		if err != nil {
			return err
		}
		f.Close()
	}
	notes := strings.TrimSuffix(header, filepath.Ext(header)) + ".atr"
	if info, err := os.Stat(notes); err == nil {
		return regular(notes, info)
	}
	return nil
}

// check refuses content that no model should see.
func (i Item) check() error {
	if i.Image != nil {
		return imaging.Check(*i.Image, imaging.Limits{MaxPixels: MaxPixels})
	}
	return finite(*i.Recording)
}

// finite refuses recordings that are empty, or in which a channel holds no
// finite sample at all. Gaps are for the model's preprocessing to judge, which
// knows the leads and the seconds that it needs.
func finite(rec clinical.Recording) error {
	if len(rec.Channels) == 0 || len(rec.Channels[0].Samples) == 0 {
		return fault.New(fault.InputEmpty, quoted(rec.Source)+" holds no samples", "record it again")
	}
	if !(rec.Rate > 0) || math.IsInf(rec.Rate, 0) {
		return fault.New(fault.InputRate, quoted(rec.Source)+" has no usable sampling rate", "export it again with its rate")
	}
	for _, c := range rec.Channels {
		if len(c.Samples) != len(rec.Channels[0].Samples) {
			return fault.New(fault.InputMalformed, quoted(rec.Source)+" has channels of different length", "export it again")
		}
		if !slices.ContainsFunc(c.Samples, func(v float32) bool { return v-v == 0 }) {
			return fault.New(fault.InputNotFinite, quoted(rec.Source)+": channel "+c.Name+" holds no number", "record it again")
		}
	}
	return nil
}
