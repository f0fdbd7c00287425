// Package cough reads the Russian COVID-19 cough recordings (covid19-cough,
// CC0) as log-mel spectrograms, split so that no recording is in two splits.
package cough

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/audio"
	"consilium/dataset/audio/mp3"
	"consilium/fault"
	"consilium/signal"
)

// Sources of the recordings. The source alone tells much of the label (71 %
// of the call-center's and 17 % of Telegram's recordings are positive), so a
// figure holds only within one of them.
const (
	CallCenter = "call-center"
	Telegram   = "telegram"
	All        = "all"
)

// DefaultSpec keeps two seconds around the loudest cough at the call-center's
// rate of 8 kHz.
var DefaultSpec = signal.SoundSpec{Rate: 8000, Seconds: 2, Mels: 40}

// Shares of each stratum (source x label) in train and validation; the rest
// is test.
const (
	trainShare      = 0.60
	validationShare = 0.15
)

// Options choose what is read.
type Options struct {
	Source string           // CallCenter (default), Telegram or All
	Seed   uint64           // of the split
	Spec   signal.SoundSpec // zero: DefaultSpec
}

// Set is the data set. It implements dataset.Set.
type Set struct {
	folder string
	spec   signal.SoundSpec
	info   dataset.Info
	splits map[dataset.Split][]recording
	cache  *cache
}

var _ dataset.Set = (*Set)(nil)

// Open opens the folder that holds labels.csv and audio/. Only the labels are
// read; sounds are decoded one at a time by Read.
func Open(folder string, o Options) (*Set, error) {
	if o.Source == "" {
		o.Source = CallCenter
	}
	if o.Spec == (signal.SoundSpec{}) {
		o.Spec = DefaultSpec
	}
	frames := o.Spec.Frames()
	if frames == 0 || o.Spec.Mels < 1 {
		return nil, fault.New(fault.Usage, fmt.Sprintf("sound spec %+v gives no frames", o.Spec), "give rate, seconds and mels above 0")
	}
	if o.Spec.Frame != 0 || o.Spec.Hop != 0 || o.Spec.Absolute {
		return nil, fault.New(fault.Usage, "a cough set with frames of its own", "leave Frame, Hop and Absolute alone: a model card cannot repeat them")
	}
	if !slices.Contains([]string{CallCenter, Telegram, All}, o.Source) {
		return nil, fault.New(fault.Usage, fmt.Sprintf("cough source %q", o.Source), "choose call-center, telegram or all")
	}
	list, err := readLabels(folder)
	if err != nil {
		return nil, err
	}
	if o.Source != All {
		list = slices.DeleteFunc(list, func(r recording) bool { return r.source != o.Source })
	}
	if len(list) == 0 {
		return nil, fault.New(fault.DataMissing, "no recordings from "+o.Source, "check labels.csv of the cough set")
	}
	return &Set{
		folder: folder,
		spec:   o.Spec,
		info:   info(o, frames),
		splits: split(list, o.Seed),
		cache:  newCache(maxCached),
	}, nil
}

func info(o Options, frames int) dataset.Info {
	i := dataset.Info{
		Name:     "covid19-cough (" + o.Source + ")",
		Kind:     clinical.KindSound,
		Shape:    []int{frames, o.Spec.Mels},
		Labels:   []clinical.Concept{{Name: "COVID-19 negative"}, {Name: "COVID-19 positive", Code: "U07.1", System: "ICD-10"}},
		Front:    &dataset.Front{Rate: o.Spec.Rate, MinRate: o.Spec.MinRate, Seconds: o.Spec.Seconds, Mels: o.Spec.Mels},
		Licence:  "CC0 1.0",
		Citation: "covid19-cough/dataset, https://github.com/covid19-cough/dataset",
		SplitBy:  "recording hash within source and label; there is no speaker id",
		Caveats: []string{
			"There is no speaker id: one speaker may be in two splits.",
			"Negatives are unverified; only some positives are confirmed by PCR.",
			"There is no canonical split and no published figure to compare with.",
		},
	}
	if o.Source == All {
		i.Caveats = append(i.Caveats, "The source gives the label away (71 % of the call-center's recordings are positive, 17 % of Telegram's; the sampling rates differ): a pooled figure measures the source as much as the cough.")
	}
	return i
}

// split cuts each stratum, ordered by hash, at the shares above. Which split a
// recording falls into depends on the seed and the recordings' content alone.
func split(list []recording, seed uint64) map[dataset.Split][]recording {
	place := func(r recording) string {
		sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), r.md5...))
		return string(sum[:])
	}
	strata := map[string][]recording{}
	for _, r := range list {
		key := fmt.Sprintf("%s %d", r.source, r.label)
		strata[key] = append(strata[key], r)
	}
	parts := map[dataset.Split][]recording{}
	for _, stratum := range strata {
		slices.SortFunc(stratum, func(a, b recording) int { return strings.Compare(place(a), place(b)) })
		train := int(trainShare*float64(len(stratum)) + 0.5)
		validation := train + int(validationShare*float64(len(stratum))+0.5)
		for i, r := range stratum {
			switch {
			case i < train:
				parts[dataset.Train] = append(parts[dataset.Train], r)
			case i < validation:
				parts[dataset.Validation] = append(parts[dataset.Validation], r)
			default:
				parts[dataset.Test] = append(parts[dataset.Test], r)
			}
		}
	}
	for _, part := range parts { // strata came in random order, and examples should not come by class
		slices.SortFunc(part, func(a, b recording) int { return strings.Compare(place(a), place(b)) })
	}
	return parts
}

// Info describes the set.
func (s *Set) Info() dataset.Info { return s.info }

// Len is the number of recordings in a split.
func (s *Set) Len(split dataset.Split) int { return len(s.splits[split]) }

// Close frees the cached spectrograms.
func (s *Set) Close() error {
	s.cache.clear()
	return nil
}

// Read fills into (frames x mels) with the log-mel spectrogram of recording i.
func (s *Set) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(s, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	r := s.splits[split][i]
	if !s.cache.get(r.md5, into) {
		rec, err := audio.ReadMP3(s.path(r))
		if err != nil {
			return dataset.Sample{}, err
		}
		if err := signal.LogMel(rec, s.spec, into); err != nil {
			return dataset.Sample{}, err
		}
		s.cache.put(r.md5, into)
	}
	return dataset.Sample{ID: r.file, Group: r.md5, Label: r.label}, nil
}

func (s *Set) path(r recording) string { return filepath.Join(s.folder, "audio", r.file) }

// Durations gives length in seconds and label of every recording of a split:
// the baseline that a cough model must beat, since how long somebody coughs
// into the phone is not a sign of disease.
func (s *Set) Durations(split dataset.Split) (seconds []float64, labels []int, err error) {
	for _, r := range s.splits[split] {
		data, err := os.ReadFile(s.path(r))
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.DataMissing, "cannot read "+r.file, "check the cough set's folder")
		}
		rate, samples := mp3.Length(data)
		if rate == 0 {
			return nil, nil, fault.New(fault.InputMalformed, r.file+" holds no MP3 frame", "check the cough set against its checksums")
		}
		seconds = append(seconds, float64(samples)/float64(rate))
		labels = append(labels, r.label)
	}
	return seconds, labels, nil
}
