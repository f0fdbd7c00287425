// Package demo makes up a patient and writes the patient's files, so that the
// program can be tried without anybody's data. SYNTHETIC: nothing here was
// recorded from a person.
package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"consilium/dataset/audio"
	"consilium/dataset/synthetic"
	"consilium/dataset/wfdb"
	"consilium/dicom"
	"consilium/fault"
)

// Files are the inputs of one synthetic patient, and what the generator drew.
type Files struct {
	Paths []string // film.dcm, ecg.hea, cough.wav
	Truth []string // in words; the models never see it
}

// Write makes the synthetic patient of a seed and writes a chest film as DICOM,
// a 12-lead ECG as WFDB record and a cough as WAV into dir, which is made when
// needed. The same seed gives the same bytes.
func Write(dir string, seed uint64) (Files, error) {
	failed := func(err error) (Files, error) {
		return Files{}, fault.Wrap(err, fault.IO, "the synthetic patient cannot be written", "choose another folder with --out")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failed(err)
	}
	patient, truth := synthetic.Patient(seed)
	film := filepath.Join(dir, "film.dcm")
	var b bytes.Buffer
	if err := dicom.WriteFilm(&b, dicom.FilmOptions{Image: patient.Images[0]}); err != nil {
		return Files{}, err
	}
	if err := os.WriteFile(film, b.Bytes(), 0o644); err != nil {
		return failed(err)
	}
	if err := wfdb.Write(dir, "ecg", patient.Recordings[0]); err != nil {
		return failed(err)
	}
	cough := filepath.Join(dir, "cough.wav")
	if err := audio.WriteWAV(cough, patient.Recordings[1]); err != nil {
		return failed(err)
	}
	return Files{Paths: []string{film, filepath.Join(dir, "ecg.hea"), cough}, Truth: inWords(truth)}, nil
}

func inWords(t synthetic.Truth) []string {
	film, cough := "no pneumonia", "a dry cough"
	if t.Film.Pneumonia {
		film = fmt.Sprintf("pneumonia, severity %.0f %%", 100*t.Film.Severity)
	}
	if t.Cough.Wet {
		cough = "a wet cough"
	}
	return []string{
		"chest film: " + film,
		fmt.Sprintf("ECG: %s, %.0f beats a minute", t.ECG.Condition, t.ECG.Rate),
		"sound: " + cough,
	}
}
