package result

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"consilium/clinical"
	"consilium/dicom"
)

// Code is a coded concept (PS3.3 section 8).
type Code struct{ Value, Scheme, Meaning string }

// PrivateScheme holds the concepts for which no published code was found.
const PrivateScheme = "99CONSILIUM"

// schemeUID identifies the private scheme.
var schemeUID = dicom.DerivedUID("consilium coding scheme")

func dcm(value, meaning string) Code     { return Code{value, "DCM", meaning} }
func sct(value, meaning string) Code     { return Code{value, "SCT", meaning} }
func private(value, meaning string) Code { return Code{value, PrivateScheme, meaning} }

// Concepts of PS3.16.
var (
	reportTitle      = dcm("126000", "Imaging Measurement Report")
	textTitle        = Code{"18748-4", "LN", "Diagnostic Imaging Report"}
	language         = dcm("121049", "Language of Content Item and Descendants")
	english          = Code{"en", "RFC5646", "English"}
	observerType     = dcm("121005", "Observer Type")
	observerPerson   = dcm("121006", "Person")
	observerDevice   = dcm("121007", "Device")
	personName       = dcm("121008", "Person Observer Name")
	personOrg        = dcm("121009", "Person Observer's Organization Name")
	personRole       = dcm("121011", "Person Observer's Role in this Procedure")
	verifying        = dcm("121098", "Verifying")
	deviceUID        = dcm("121012", "Device Observer UID")
	deviceName       = dcm("121013", "Device Observer Name")
	deviceMaker      = dcm("121014", "Device Observer Manufacturer")
	deviceModel      = dcm("121015", "Device Observer Model Name")
	deviceSerial     = dcm("121016", "Device Observer Serial Number")
	procedure        = dcm("121058", "Procedure reported")
	imageLibrary     = dcm("111028", "Image Library")
	libraryGroup     = dcm("126200", "Image Library Group")
	modalityName     = dcm("121139", "Modality")
	pixelRows        = dcm("110910", "Pixel Data Rows")
	pixelColumns     = dcm("110911", "Pixel Data Columns")
	measurements     = dcm("126010", "Imaging Measurements")
	measurementGroup = dcm("125007", "Measurement Group")
	trackingID       = dcm("112039", "Tracking Identifier")
	trackingUID      = dcm("112040", "Tracking Unique Identifier")
	findingName      = dcm("121071", "Finding")
	findingsName     = dcm("121070", "Findings")
	findingSite      = sct("363698007", "Finding Site")
	laterality       = sct("272741003", "Laterality")
	imageRegion      = dcm("111030", "Image Region")
	illustration     = dcm("121200", "Illustration of ROI")
	segmentFrame     = dcm("121214", "Referenced Segmentation Frame")
	algorithmName    = dcm("111001", "Algorithm Name")
	algorithmVersion = dcm("111003", "Algorithm Version")
	algorithmParam   = dcm("111002", "Algorithm Parameters")
	algorithmMaker   = dcm("122405", "Algorithm Manufacturer")
	probability      = dcm("122157", "Probability")
	rangeAbove       = sct("371886008", "+, range of upper measurement uncertainty")
	rangeBelow       = sct("371885007", "-, range of lower measurement uncertainty")
	observationTime  = dcm("121135", "Observation DateTime")
	commentName      = dcm("121106", "Comment")
	indeterminate    = sct("82334004", "Indeterminate")
	processing       = dcm("109102", "Processing Equipment")
	sourceOfImage    = dcm("121322", "Source image for image processing operation")
	segmentationStep = dcm("113076", "Segmentation")
	spatial          = sct("309825002", "Spatial and Relational Concept")
	ai               = dcm("123110", "Artificial Intelligence")
)

// Concepts of our own: conformal prediction, attribution and the review of a
// machine's answer have no published code.
var (
	verdictName   = private("VERDICT", "Verdict of conformal prediction")
	determinate   = private("DETERMINATE", "One label remains")
	setMember     = private("SET_MEMBER", "Member of the conformal prediction set")
	coverageName  = private("COVERAGE", "Coverage that the conformal prediction set promises")
	answerName    = private("ANSWER", "Answer of the algorithm")
	weightName    = private("WEIGHT", "Share of the evidence for the answer")
	reviewName    = private("REVIEW", "Reviewer's decision on the algorithm's answer")
	correctedName = private("CORRECTION", "Reviewer's corrected answer")
	evidenceMask  = private("EVIDENCE", "Evidence for a model's answer")
)

// reviews are the values of reviewName.
var reviews = map[string]Code{
	Accept:  private("ACCEPTED", "Accepted"),
	Correct: private("CORRECTED", "Corrected"),
	Reject:  private("REJECTED", "Rejected"),
}

// Units (UCUM).
var (
	percent = Code{"%", "UCUM", "Percent"}
	pixels  = Code{"{pixels}", "UCUM", "Pixels"}
)

// schemes maps the systems that model cards name to the designators of PS3.16
// table 8-1 and HL7 table 0396.
var schemes = map[string]string{
	"ICD-10": "I10", "ICD-10-CM": "I10C", "SNOMED CT": "SCT", "SNOMED": "SCT",
	"LOINC": "LN", "RadLex": "RADLEX", "DICOM": "DCM",
}

// plainLabels are label names for which SNOMED CT has the qualifier.
var plainLabels = map[string]Code{
	"normal":   sct("17621005", "Normal"),
	"abnormal": sct("263654008", "Abnormal"),
	"positive": sct("10828004", "Positive"),
	"negative": sct("260385009", "Negative"),
}

// codeOf codes a label: as the model's card does, else by the qualifiers of
// SNOMED CT, else in the private scheme.
func codeOf(c clinical.Concept) Code {
	if scheme, known := schemes[c.System]; known && c.Code != "" {
		return Code{c.Code, scheme, c.Name}
	}
	if code, known := plainLabels[strings.ToLower(c.Name)]; known {
		code.Meaning = c.Name
		return code
	}
	return private(labelValue(c.Name), c.Name)
}

// labelValue is a code value of at most 16 characters for a label without a code.
func labelValue(name string) string {
	value := strings.ToUpper(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name))
	if len(value) <= 16 && strings.Trim(value, "_") != "" {
		return value
	}
	sum := sha256.Sum256([]byte(name))
	return "L" + strings.ToUpper(hex.EncodeToString(sum[:7]))
}

// item writes the code as an item of a code sequence.
func (c Code) item(d draft) *dicom.Object {
	return d.item(func(i draft) {
		if len(c.Value) > 16 {
			i.set(dicom.LongCodeValue, c.Value)
		} else {
			i.set(dicom.CodeValue, c.Value)
		}
		i.set(dicom.CodingSchemeDesignator, c.Scheme)
		i.set(dicom.CodeMeaning, short(c.Meaning, 64))
	})
}
