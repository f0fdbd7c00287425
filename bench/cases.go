package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"consilium/clinical"
	"consilium/dataset/audio"
	"consilium/fault"
	"consilium/intake"
	"consilium/panel"
	"consilium/panel/demo"
	"consilium/registry"
)

// soundSeconds is how long the clip of the latency figure is.
const soundSeconds = 10

// Cases times a whole answer, from the file on disk to the calibrated probability, without heat map, for each
// kind of input that the bundles read. The files are synthetic; speed does not depend on what they show.
func Cases(ctx context.Context, bundles []*registry.Bundle, o Options, each func(Timing)) error {
	dir, err := os.MkdirTemp("", "consilium-bench-*")
	if err != nil {
		return fault.Wrap(err, fault.IO, "no folder for the benchmark's files", "check the temporary folder")
	}
	defer os.RemoveAll(dir)
	files, err := writeCases(dir)
	if err != nil {
		return err
	}
	p, err := panel.New(bundles, panel.Options{Engine: o.Engine})
	if err != nil {
		return err
	}
	defer p.Close()
	for _, f := range files {
		t, err := one(ctx, p, f.path, o)
		if err != nil {
			return err
		}
		t.Net, t.Threads = f.name, o.Engine.Threads
		each(t)
	}
	return nil
}

type caseFile struct{ name, path string }

// writeCases writes the demo's patient, and the cough again at the length of the latency figure.
func writeCases(dir string) ([]caseFile, error) {
	files, err := demo.Write(dir, 1)
	if err != nil {
		return nil, err
	}
	film, ecg, sound := files.Paths[0], files.Paths[1], files.Paths[2]
	cough, err := audio.ReadWAV(sound)
	if err != nil {
		return nil, err
	}
	return []caseFile{{"chest film, DICOM", film}, {"ECG, 12 leads, 10 s, WFDB", ecg}, {fmt.Sprintf("cough, %d s, WAV", soundSeconds), sound}},
		audio.WriteWAV(sound, stretched(cough, soundSeconds))
}

// stretched repeats a recording until it has so many seconds.
func stretched(rec clinical.Recording, seconds float64) clinical.Recording {
	n := int(seconds * rec.Rate)
	x := rec.Channels[0].Samples
	long := make([]float32, n)
	for i := range long {
		long[i] = x[i%len(x)]
	}
	rec.Channels = []clinical.Channel{{Name: rec.Channels[0].Name, Samples: long}}
	return rec
}

func one(ctx context.Context, p *panel.Panel, path string, o Options) (Timing, error) {
	const fewest, warmUp = 100, 3
	var times []time.Duration
	for end := time.Now().Add(o.For); len(times) < fewest+warmUp || time.Now().Before(end); {
		start := time.Now()
		item, err := intake.Read(ctx, path)
		if err != nil {
			return Timing{}, err
		}
		found, refused, err := p.Examine(ctx, item)
		if err != nil {
			return Timing{}, err
		}
		if len(found) == 0 {
			return Timing{}, fault.New(fault.InputNoModel, fmt.Sprintf("no model answers %s: %+v", filepath.Base(path), refused), "see `consilium models list`")
		}
		times = append(times, time.Since(start))
	}
	backend, _ := p.Backend()
	return summary(Timing{Mode: "answer", Batch: 1, Backend: backend}, times[warmUp:]), nil
}
