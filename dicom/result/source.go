package result

import "consilium/dicom"

// modalities names the values of Modality (PS3.16 CID 29 and 33) that sources have.
var modalities = map[string]string{
	"AU": "Audio", "CR": "Computed Radiography", "CT": "Computed Tomography", "DX": "Digital Radiography",
	"ECG": "Electrocardiography", "ES": "Endoscopy", "GM": "General Microscopy", "IO": "Intra-oral Radiography",
	"MG": "Mammography", "MR": "Magnetic Resonance", "NM": "Nuclear Medicine", "OCT": "Optical Coherence Tomography",
	"OP": "Ophthalmic Photography", "OPT": "Ophthalmic Tomography", "OT": "Other", "PT": "Positron emission tomography",
	"PX": "Panoramic X-Ray", "RF": "Radiofluoroscopy", "RG": "Radiographic imaging", "SM": "Slide Microscopy",
	"US": "Ultrasound", "XA": "X-Ray Angiography", "XC": "External-camera Photography",
}

func modality(value string) (Code, bool) {
	name, known := modalities[value]
	return dcm(value, name), known
}

// procedures are the procedures of LOINC by modality (PS3.16 CID 100).
var procedures = map[string]Code{
	"CT": {"25045-6", "LN", "CT unspecified body region"},
	"MR": {"25056-3", "LN", "MRI unspecified body region"},
	"NM": {"49118-3", "LN", "NM unspecified body region"},
	"PT": {"44136-0", "LN", "PET unspecified body region"},
}

// procedure is what the source says was done, else what its modality says.
func (in Input) procedure() Code {
	source := in.Sources[0]
	if c := codeIn(source.Item(dicom.ProcedureCodeSequence)); c.Value != "" && c.Scheme != "" && c.Meaning != "" {
		return c
	}
	value := source.Text(dicom.Modality)
	if c, known := procedures[value]; known {
		return c
	}
	if isWaveform(source) {
		if c, known := modality(value); known {
			return c
		}
	}
	return sct("363679005", "Imaging procedure")
}

// codeIn reads a code from its item.
func codeIn(item *dicom.Object) Code {
	value := item.Text(dicom.CodeValue)
	if value == "" {
		value = item.Text(dicom.LongCodeValue)
	}
	return Code{value, item.Text(dicom.CodingSchemeDesignator), item.Text(dicom.CodeMeaning)}
}

// sites codes BodyPartExamined (PS3.16 annex L, CID 4031).
var sites = map[string]Code{
	"ABDOMEN": sct("113345001", "Abdomen"), "ANKLE": sct("70258002", "Ankle joint"), "BREAST": sct("76752008", "Breast"),
	"BRAIN": sct("12738006", "Brain"), "CHEST": sct("51185008", "Chest"), "COLON": sct("71854001", "Colon"),
	"ELBOW": sct("16953009", "Elbow joint"), "EYE": sct("81745001", "Eye"), "FOOT": sct("56459004", "Foot"),
	"HAND": sct("85562004", "Hand"), "HEAD": sct("69536005", "Head"), "HEART": sct("80891009", "Heart"),
	"HIP": sct("29836001", "Hip joint"), "KNEE": sct("72696002", "Knee"), "LIVER": sct("10200004", "Liver"),
	"LUNG": sct("39607008", "Lung"), "NECK": sct("45048000", "Neck"), "PELVIS": sct("12921003", "Pelvis"),
	"PROSTATE": sct("41216001", "Prostate"), "SHOULDER": sct("16982005", "Shoulder"), "SKULL": sct("89546000", "Skull"),
	"SPINE": sct("421060004", "Spine"), "THORAX": sct("51185008", "Chest"), "WRIST": sct("74670003", "Wrist joint"),
}

// sides codes Laterality (CID 244).
var sides = map[string]Code{"L": sct("7771000", "Left"), "R": sct("24028007", "Right"), "B": sct("51440002", "Bilateral")}

// siteOf is where in the body the source was taken; none when it does not say.
func siteOf(source *dicom.Object) []node {
	part := source.Text(dicom.BodyPartExamined)
	switch {
	case part == "" && source.Text(dicom.Modality) == "ECG":
		part = "HEART"
	case part == "" && source.Text(dicom.Modality) == "OP":
		part = "EYE"
	}
	site, known := sites[part]
	if !known {
		return nil
	}
	n := coded(hasModifier, findingSite, site)
	for _, s := range side(source) {
		n.below = append(n.below, coded(hasModifier, laterality, sides[s.(string)]))
	}
	return []node{n}
}

// side is the laterality of the source, as a value of CS; none when it does not say.
func side(source *dicom.Object) []any {
	s := orElse(source.Text(dicom.ImageLaterality), source.Text(dicom.Laterality))
	if _, known := sides[s]; !known {
		return nil
	}
	return []any{s}
}

// unpaired are the body parts of which there is one, so that they have no side.
var unpaired = map[string]bool{
	"ABDOMEN": true, "BRAIN": true, "CHEST": true, "COLON": true, "HEAD": true, "HEART": true, "LIVER": true,
	"NECK": true, "PELVIS": true, "PROSTATE": true, "SKULL": true, "SPINE": true, "THORAX": true,
}

// place writes body part and side as the source has them: type 2C, empty where
// a pair is possible and the side is not known (PS3.3 C.7.3.1).
func place(d draft, source *dicom.Object) {
	part := proper(dicom.BodyPartExamined, source.Texts(dicom.BodyPartExamined))
	if len(part) > 0 {
		d.set(dicom.BodyPartExamined, part...)
		if unpaired[part[0].(string)] {
			return
		}
	}
	d.set(dicom.Laterality, side(source)...)
}
