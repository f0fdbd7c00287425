package deid

import "consilium/dicom"

// identityConcepts name content items that are identity through and through
// (DCM codes of TID 1003, 1004, 1007, 1008 and 1010): such items go.
var identityConcepts = map[string]bool{
	"121008": true, "121009": true, "121012": true, "121013": true, "121014": true, "121015": true, "121016": true, "121017": true,
	"128774": true, "128775": true, "113871": true, // login and identifiers of the person
	"121029": true, "121030": true, "121031": true, "121023": true, "121036": true, "121037": true, // subject: name, id, birth date, mother
	"121020": true, "121021": true, "121022": true, "110190": true, // numbers of the order
	"121152": true, "122127": true, // other identifiers
}

// content cleans a content tree: items of identity go, text loses identifiers,
// UIDs, names and dates are treated as the table says.
func (j *job) content(o *dicom.Object) error {
	var kept []*dicom.Object
	for _, item := range o.Items(dicom.ContentSequence) {
		name := item.Item(dicom.ConceptNameCodeSequence)
		if name.Text(dicom.CodingSchemeDesignator) == "DCM" && identityConcepts[name.Text(dicom.CodeValue)] {
			j.report.count(dicom.ContentSequence, remove)
			continue
		}
		j.dataset(item)
		kept = append(kept, item)
	}
	return o.SetItems(dicom.ContentSequence, kept...)
}

// graphics keeps lines and shapes of annotations and takes out their text.
func (j *job) graphics(o *dicom.Object) error {
	for _, item := range o.Items(graphicAnnotations) {
		item.Delete(textObjects)
		item.Delete(compoundGraphics)
		if len(item.Items(graphicObjects)) == 0 {
			if err := point(item); err != nil {
				return err
			}
		}
		j.dataset(item)
	}
	return nil
}
