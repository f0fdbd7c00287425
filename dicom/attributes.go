package dicom

import (
	"strings"

	"consilium/clinical"
)

// Patient takes what models and readers may need.
func (o *Object) Patient() clinical.Patient {
	p := clinical.Patient{ID: o.Text(PatientID), Age: o.Text(PatientAge), Synthetic: o.Synthetic()}
	switch sex := o.Text(PatientSex); sex {
	case "M", "F", "O":
		p.Sex = sex
	}
	return p
}

// Synthetic says whether the object calls itself synthetic.
func (o *Object) Synthetic() bool {
	for _, t := range []Tag{PatientName, ImageComments, DerivationDescription, SeriesDescription} {
		if strings.HasPrefix(o.Text(t), "SYNTHETIC") {
			return true
		}
	}
	return false
}

// short is a number of 16 bits; missing when it is absent.
func (o *Object) short(t Tag, missing int) int {
	if v, given := o.Int(t); given {
		return v
	}
	return missing
}
