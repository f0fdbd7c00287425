package dicom

import (
	"math"
	"strconv"
	"strings"

	"github.com/cocosip/go-dicom/pkg/dicom/tag"

	"consilium/clinical"
)

// text is a string attribute, trimmed; "" when it is absent.
func (o object) text(t *tag.Tag) string {
	s, _ := o.data.GetString(t)
	return strings.Trim(s, " \x00")
}

// number is the first value of a decimal or integer string.
func (o object) number(t *tag.Tag) (float64, bool) {
	first, _, _ := strings.Cut(o.text(t), `\`)
	v, err := strconv.ParseFloat(strings.TrimSpace(first), 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// short is an unsigned 16-bit attribute; missing when it is absent.
func (o object) short(t *tag.Tag, missing int) int {
	v, err := o.data.GetUInt16(t, 0)
	if err != nil {
		return missing
	}
	return int(v)
}

// patient takes what models and readers may need.
func (o object) patient() clinical.Patient {
	p := clinical.Patient{ID: o.text(tag.PatientID), Age: o.text(tag.PatientAge), Synthetic: o.synthetic()}
	switch sex := o.text(tag.PatientSex); sex {
	case "M", "F", "O":
		p.Sex = sex
	}
	return p
}

// synthetic says whether the file calls itself synthetic.
func (o object) synthetic() bool {
	for _, t := range []*tag.Tag{tag.PatientName, tag.ImageComments, tag.DerivationDescription} {
		if strings.HasPrefix(o.text(t), "SYNTHETIC") {
			return true
		}
	}
	return false
}
