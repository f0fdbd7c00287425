package deid

import (
	"slices"

	"consilium/dicom"
)

// dummies are values that say nothing, by VR.
var dummies = map[string]any{
	"AE": "ANONYMIZED", "AS": "000Y", "CS": "ANONYMIZED", "DA": "19000101", "DT": "19000101000000", "TM": "000000",
	"LO": "Anonymized", "LT": "Anonymized", "PN": "Anonymized", "SH": "Anonymized", "ST": "Anonymized", "UC": "Anonymized", "UT": "Anonymized",
	"UR": "urn:anonymized", "DS": "0", "IS": "0", "FD": 0., "FL": 0., "US": 0, "SS": 0, "UL": 0, "SL": 0, "UV": 0, "SV": 0,
}

// dummy replaces a value by one that says nothing.
func (j *job) dummy(o *dicom.Object, t dicom.Tag, vr string) error {
	switch {
	case t == dicom.PatientID || t == dicom.PatientName:
		return o.Set(t, j.name)
	case vr == "UI":
		return j.uids(o, t, vr)
	case vr == "SQ":
		return j.dummyItems(o, t)
	}
	if v, known := dummies[vr]; known {
		return o.SetVR(t, vr, v)
	}
	return o.SetVR(t, vr, []byte{0, 0})
}

const (
	graphicAnnotations  dicom.Tag = 0x00700001
	personIdentity      dicom.Tag = 0x00401101
	institutionCode     dicom.Tag = 0x00080082
	operatorIdentity    dicom.Tag = 0x00081072
	graphicLayer        dicom.Tag = 0x00700002
	textObjects         dicom.Tag = 0x00700008
	graphicObjects      dicom.Tag = 0x00700009
	graphicUnits        dicom.Tag = 0x00700005
	graphicDimensions   dicom.Tag = 0x00700020
	graphicPoints       dicom.Tag = 0x00700021
	compoundGraphics    dicom.Tag = 0x00700209
	unformattedText     dicom.Tag = 0x00700006
	contentRelationship dicom.Tag = 0x0040A010
)

// dummyItems replaces a sequence by one that says nothing.
func (j *job) dummyItems(o *dicom.Object, t dicom.Tag) error {
	item := dicom.New("")
	var err error
	switch t {
	case dicom.ContentSequence:
		err = set(item, contentRelationship, "CONTAINS", dicom.ValueType, "TEXT", dicom.TextValue, "The content was removed by de-identification.")
		if err == nil {
			err = code(item, dicom.ConceptNameCodeSequence, "121106", "DCM", "Comment")
		}
	case graphicAnnotations:
		err = set(item, graphicLayer, o.Item(t).Text(graphicLayer))
		if err == nil {
			err = point(item)
		}
	case personIdentity, institutionCode:
		err = set(item, dicom.CodeValue, "ANONYMIZED", dicom.CodingSchemeDesignator, "99ANON", dicom.CodeMeaning, "Anonymized")
	case operatorIdentity:
		err = code(item, personIdentity, "ANONYMIZED", "99ANON", "Anonymized")
	default:
		return j.reduced(o, t)
	}
	if err != nil {
		return err
	}
	return o.SetItems(t, item)
}

// skeletons are what stays of the items of a sequence, de-identified in turn:
// attributes that the sequence cannot be without.
var skeletons = map[dicom.Tag][]dicom.Tag{
	dicom.VerifyingObserverSequence:                {dicom.VerifyingObserverName, dicom.VerifyingObserverIdentificationCodeSequence, dicom.VerifyingOrganization, dicom.VerificationDateTime},
	dicom.ReferencedPerformedProcedureStepSequence: {dicom.ReferencedSOPClassUID, dicom.ReferencedSOPInstanceUID},
	0x00340001: {0x00340002, 0x00340005, 0x00340007}, // flow identifiers
}

// reduced takes all but the skeleton out of the items.
func (j *job) reduced(o *dicom.Object, t dicom.Tag) error {
	for _, item := range o.Items(t) {
		for _, inner := range item.Tags() {
			if !slices.Contains(skeletons[t], inner) {
				item.Delete(inner)
			}
		}
	}
	j.items(o, t)
	return nil
}

// point is a graphic object that shows nothing: a dot in the corner.
func point(annotation *dicom.Object) error {
	object := dicom.New("")
	if err := set(object, graphicUnits, "PIXEL", graphicDimensions, 2, graphicPoints, 1, dicom.GraphicData, []float64{0, 0}, dicom.GraphicType, "POINT"); err != nil {
		return err
	}
	return annotation.SetItems(graphicObjects, object)
}

func code(o *dicom.Object, t dicom.Tag, value, scheme, meaning string) error {
	item := dicom.New("")
	if err := set(item, dicom.CodeValue, value, dicom.CodingSchemeDesignator, scheme, dicom.CodeMeaning, meaning); err != nil {
		return err
	}
	return o.SetItems(t, item)
}
