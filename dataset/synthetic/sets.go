package synthetic

import (
	"fmt"
	"math/rand/v2"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/imaging"
	"consilium/signal"
)

// set is a data set that is generated while it is read: an example is a function
// of seed, split and index, and nothing is stored. Every example is another
// synthetic patient, and labels alternate, so that classes are balanced.
type set struct {
	info   dataset.Info
	sizes  map[dataset.Split]int
	seed   uint64
	create func(r *rand.Rand, id string, label int, into []float32) error
}

func newSet(n int, seed uint64, info dataset.Info, create func(*rand.Rand, string, int, []float32) error) dataset.Set {
	val := int(float64(n) * dataset.DefaultFractions.Validation)
	test := int(float64(n) * dataset.DefaultFractions.Test)
	info.Licence = "Apache-2.0 (generated)"
	info.Synthetic = true
	info.SplitBy = "synthetic patient"
	info.Caveats = append([]string{clinical.SyntheticNotice}, info.Caveats...)
	return &set{info: info, seed: seed, create: create, sizes: map[dataset.Split]int{
		dataset.Train: max(n-val-test, 0), dataset.Validation: val, dataset.Test: test,
	}}
}

func (s *set) Info() dataset.Info          { return s.info }
func (s *set) Len(split dataset.Split) int { return s.sizes[split] }
func (s *set) Close() error                { return nil }

func (s *set) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(s, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	id := fmt.Sprintf("%s-%s-%d", s.info.Name, split, i)
	label := i % len(s.info.Labels)
	err := s.create(source(s.seed, id), id, label, into)
	return dataset.Sample{ID: id, Group: id, Label: label}, err
}

// ECGSpec is how ECGSet (and a model trained on it) sees an ECG: 12 x 5000.
var ECGSpec = signal.ECGSpec{Leads: signal.Leads12, Rate: ECGRate, MinRate: 200, Seconds: ECGSeconds}

// ECGSet generates n ECGs (70% train, 10% val, 20% test) of the six conditions,
// shape {12, 5000} in mV, conditioned by signal.ECG as a real recording would be.
func ECGSet(n int, seed uint64) dataset.Set {
	info := dataset.Info{
		Name: "synthetic-ecg", Kind: clinical.KindECG, Shape: []int{len(signal.Leads12), ecgSamples},
		Front:    &dataset.Front{Rate: ECGSpec.Rate, MinRate: ECGSpec.MinRate, Seconds: ECGSpec.Seconds, Leads: ECGSpec.Leads},
		Citation: "generated: McSharry et al., IEEE TBME 50:289, 2003; Sameni et al., EURASIP JASP 2007:043407; Dower et al., Clin Cardiol 3:87, 1980",
		Caveats:  []string{"classes are balanced by construction, unlike any clinic", "morphology is a dipole model: no ectopy of ventricular origin, no other disease"},
	}
	for c := range conditions {
		info.Labels = append(info.Labels, c.Concept())
	}
	return newSet(n, seed, info, func(r *rand.Rand, id string, label int, into []float32) error {
		rec, _ := ecg(r, id, Condition(label), RandomNoise(r))
		return signal.ECG(rec, ECGSpec, into)
	})
}

// CoughSpec is how CoughSet sees a sound.
var CoughSpec = signal.SoundSpec{Rate: 8000, Seconds: SoundSeconds, Mels: 40}

// CoughSet generates n cough recordings as log-mel spectrograms, shape
// {CoughSpec.Frames(), CoughSpec.Mels}: dry or wet.
func CoughSet(n int, seed uint64) dataset.Set {
	info := dataset.Info{
		Name: "synthetic-cough", Kind: clinical.KindSound, Shape: []int{CoughSpec.Frames(), CoughSpec.Mels},
		Front:    &dataset.Front{Rate: CoughSpec.Rate, MinRate: CoughSpec.MinRate, Seconds: CoughSpec.Seconds, Mels: CoughSpec.Mels},
		Labels:   []clinical.Concept{{Name: "dry cough"}, {Name: "wet cough"}},
		Citation: "generated: three-phase cough after Korpas et al., Pulm Pharmacol 9:261, 1996",
		Caveats:  []string{"wet and dry are sounds, not diagnoses"},
	}
	return newSet(n, seed, info, func(r *rand.Rand, id string, label int, into []float32) error {
		rec, _ := cough(r, id, label == 1)
		return signal.LogMel(rec, CoughSpec, into)
	})
}

// Sides of the generated pictures and volumes, those of MedMNIST.
const pictureSide = 28

// FilmSet generates n chest films, shape {1, 28, 28} in 0..1: normal or pneumonia.
func FilmSet(n int, seed uint64) dataset.Set {
	info := dataset.Info{
		Name: "synthetic-film", Kind: clinical.KindImage, Shape: []int{1, pictureSide, pictureSide},
		Labels:   []clinical.Concept{{Name: "normal"}, {Name: "pneumonia", Code: "J18.9", System: "ICD-10"}},
		Citation: "generated: parametric chest phantom",
	}
	spec := imaging.Spec{Channels: 1, Height: pictureSide, Width: pictureSide}
	return newSet(n, seed, info, func(r *rand.Rand, id string, label int, into []float32) error {
		img, _ := film(r, id, pictureSide, label == 1)
		return imaging.Tensor(img, spec, into)
	})
}

// NoduleSet generates n lung nodules, shape {1, 28, 28, 28} in 0..1: inconspicuous
// or suspicious.
func NoduleSet(n int, seed uint64) dataset.Set {
	info := dataset.Info{
		Name: "synthetic-nodule", Kind: clinical.KindVolume, Shape: []int{1, pictureSide, pictureSide, pictureSide},
		Labels:   []clinical.Concept{{Name: "inconspicuous nodule"}, {Name: "suspicious nodule", Code: "R91", System: "ICD-10"}},
		Citation: "generated: features after McWilliams et al., NEJM 369:910, 2013",
	}
	spec := imaging.Spec{Channels: 1, Depth: pictureSide, Height: pictureSide, Width: pictureSide}
	return newSet(n, seed, info, func(r *rand.Rand, id string, label int, into []float32) error {
		img, _ := nodule(r, id, pictureSide, label == 1)
		return imaging.Volume(img, spec, into)
	})
}
