package synthetic

import (
	"fmt"

	"consilium/clinical"
)

// Truth is what is known about a synthetic patient.
type Truth struct {
	Film  FilmTruth
	ECG   ECGTruth
	Cough CoughTruth
}

// Patient makes up one patient for demonstrations: a chest film (512 x 512, 12
// bits), a 12-lead ECG (10 s, 500 Hz) and a cough recording (4 s, 16 kHz), with
// one identity. What the patient has is drawn from the seed: half have pneumonia
// (and then mostly a wet cough), and the heart has any of the six conditions. SYNTHETIC.
func Patient(seed uint64) (clinical.Case, Truth) {
	id := fmt.Sprintf("synthetic-%d", seed)
	draw := source(seed, "patient")
	sick := chance(draw, 0.5)
	wet := chance(draw, 0.2)
	if sick {
		wet = chance(draw, 0.85)
	}
	heart := Condition(draw.IntN(int(conditions)))
	who := person(draw, id)

	var t Truth
	var c clinical.Case
	c.ID, c.Patient, c.Synthetic = id, who, true
	picture, film := film(source(seed, "patient/film"), id, 512, sick)
	t.Film = film
	noise := source(seed, "patient/ecg")
	trace, beats := ecg(noise, id, heart, RandomNoise(noise))
	t.ECG = beats
	sound, coughs := cough(source(seed, "patient/cough"), id, wet)
	t.Cough = coughs

	picture.Source, picture.Patient = "film", who
	trace.Source, trace.Patient = "ecg", who
	sound.Source, sound.Patient = "cough", who
	c.Images = []clinical.Image{picture}
	c.Recordings = []clinical.Recording{trace, sound}
	return c, t
}
