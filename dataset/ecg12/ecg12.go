// Package ecg12 reads a folder of 12-lead WFDB records whose headers carry
// their diagnoses ("Dx: 426783006,..."), as those of the PhysioNet/Computing in
// Cardiology Challenges 2020 and 2021 do.
package ecg12

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/wfdb"
	"consilium/fault"
	"consilium/signal"
)

// Label is a class and the SNOMED CT codes that stand for it in the headers.
// The codes are the files' vocabulary and stay here: model cards carry only
// the Concept.
type Label struct {
	clinical.Concept
	Dx []string
}

// DefaultLabels are those of the synthetic ECGs that these records can tell:
// the challenges have no code for the site of an acute infarction.
var DefaultLabels = []Label{
	{clinical.Concept{Name: "normal sinus rhythm"}, []string{"426783006"}},
	{clinical.Concept{Name: "atrial fibrillation", Code: "I48", System: "ICD-10"}, []string{"164889003"}},
	{clinical.Concept{Name: "left bundle branch block", Code: "I44.7", System: "ICD-10"}, []string{"164909002", "733534002"}},
	{clinical.Concept{Name: "sinus bradycardia", Code: "R00.1", System: "ICD-10"}, []string{"426177001"}},
}

// DefaultSpec is ten seconds at 500 Hz: the challenges' usual record.
var DefaultSpec = signal.ECGSpec{Leads: signal.Leads12, Rate: 500, MinRate: 200, Seconds: 10}

const maxRecords = 200_000

// Options choose what is read.
type Options struct {
	Labels    []Label           // nil: DefaultLabels
	Spec      signal.ECGSpec    // zero: DefaultSpec
	Seed      uint64            // of the split
	Fractions dataset.Fractions // zero: dataset.DefaultFractions
}

// Set is the data set. It implements dataset.Set.
type Set struct {
	folder string
	spec   signal.ECGSpec
	info   dataset.Info
	splits map[dataset.Split][]record
	left   int
}

var _ dataset.Set = (*Set)(nil)

type record struct {
	name  string
	label int
}

// Open reads the headers of a folder. Records with none of the labels, or with
// several, are left out.
func Open(folder string, o Options) (*Set, error) {
	if o.Labels == nil {
		o.Labels = DefaultLabels
	}
	if o.Spec.Rate == 0 && o.Spec.Leads == nil {
		o.Spec = DefaultSpec
	}
	samples := o.Spec.Samples()
	if samples == 0 || len(o.Spec.Leads) == 0 || len(o.Labels) < 2 {
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d labels, %d leads of %d samples", len(o.Labels), len(o.Spec.Leads), samples), "give two labels, leads, rate and seconds")
	}
	if err := o.Fractions.Check(); err != nil {
		return nil, err
	}
	s := &Set{folder: folder, spec: o.Spec, info: info(o, samples), splits: map[dataset.Split][]record{}}
	paths, err := filepath.Glob(filepath.Join(folder, "*.hea"))
	if err != nil || len(paths) == 0 {
		return nil, dataset.Missing(folder, "a folder of 12-lead WFDB records", "PhysioNet (challenge-2021)")
	}
	if len(paths) > maxRecords {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("%d records, the limit is %d", len(paths), maxRecords), "split the folder")
	}
	for _, path := range paths {
		label, err := labelOf(path, o.Labels)
		if err != nil {
			return nil, err
		}
		if label < 0 {
			s.left++
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".hea")
		part := dataset.AssignSplit(name, o.Seed, o.Fractions)
		s.splits[part] = append(s.splits[part], record{name, label})
	}
	return s, nil
}

func info(o Options, samples int) dataset.Info {
	i := dataset.Info{
		Name:     "12-lead ECG records",
		Kind:     clinical.KindECG,
		Shape:    []int{len(o.Spec.Leads), samples},
		Front:    &dataset.Front{Rate: o.Spec.Rate, MinRate: o.Spec.MinRate, Seconds: o.Spec.Seconds, Leads: o.Spec.Leads},
		Licence:  "CC BY 4.0 (PhysioNet/Computing in Cardiology Challenge 2021)",
		Citation: "Reyna et al., Computing in Cardiology 2021, doi 10.13026/34va-7q14; Goldberger et al., Circulation 101:e215, 2000",
		SplitBy:  "recording hash; the records have no patient id",
		Caveats:  []string{"Records with none of the labels, or with several of them, are left out.", "There is no patient id: one patient may be in two splits."},
	}
	for _, l := range o.Labels {
		i.Labels = append(i.Labels, l.Concept)
	}
	return i
}

// labelOf gives the one label that a record's header carries, or -1.
func labelOf(path string, labels []Label) (int, error) {
	h, err := readHeader(path)
	if err != nil {
		return -1, err
	}
	found := -1
	for _, code := range Diagnoses(h.Comments) {
		for i, l := range labels {
			if !slices.Contains(l.Dx, code) {
				continue
			}
			if found >= 0 && found != i {
				return -1, nil
			}
			found = i
		}
	}
	return found, nil
}

func readHeader(path string) (wfdb.Header, error) {
	name := filepath.Base(path)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return wfdb.Header{}, fault.Wrap(err, fault.InputMissing, "cannot open "+name, "check the folder")
	}
	if info.Size() > wfdb.MaxHeaderBytes {
		return wfdb.Header{}, fault.New(fault.InputTooLarge, name+" is too large for a header", "check the folder")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return wfdb.Header{}, fault.Wrap(err, fault.IO, "cannot read "+name, "check the folder")
	}
	h, err := wfdb.ParseHeader(text)
	if err != nil {
		e := fault.Of(err)
		return h, fault.New(e.Code, name+": "+e.What, e.Do)
	}
	return h, nil
}

// Diagnoses lists the codes of a record's "Dx:" comments.
func Diagnoses(comments []string) []string {
	var codes []string
	for _, c := range comments {
		key, value, _ := strings.Cut(c, ":")
		if !strings.EqualFold(strings.TrimSpace(key), "Dx") {
			continue
		}
		for code := range strings.SplitSeq(value, ",") {
			if code = strings.TrimSpace(code); code != "" {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// Info describes the set.
func (s *Set) Info() dataset.Info { return s.info }

// Len is the number of records in a split.
func (s *Set) Len(split dataset.Split) int { return len(s.splits[split]) }

// LeftOut is the number of records without exactly one of the labels.
func (s *Set) LeftOut() int { return s.left }

// Close does nothing: no file stays open.
func (s *Set) Close() error { return nil }

// Read fills into (leads x samples, mV) with record i, conditioned by signal.ECG.
func (s *Set) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(s, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	r := s.splits[split][i]
	rec, err := wfdb.Read(filepath.Join(s.folder, r.name+".hea"))
	if err != nil {
		return dataset.Sample{}, err
	}
	return dataset.Sample{ID: r.name, Group: r.name, Label: r.label}, signal.ECG(rec, s.spec, into)
}
