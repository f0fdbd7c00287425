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

// syntheticData says YES of generated objects, PS3.3 C.12.1 since 2023. It is
// read, but not written: validators of before take it for an error.
const syntheticData Tag = 0x0008001C

// Synthetic says whether the object calls itself synthetic.
func (o *Object) Synthetic() bool {
	if o.Text(syntheticData) == "YES" {
		return true
	}
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
