package clinical

// Purpose is what patient data are read for. Consent is given by purpose.
type Purpose string

// Purposes. Care rests on the treatment itself and is open until a patient
// objects; every other purpose is closed until a patient permits it.
const (
	PurposeCare       Purpose = "care"
	PurposeQuality    Purpose = "quality" // checks of the node's own work: drift, calibration
	PurposeResearch   Purpose = "research"
	PurposeTraining   Purpose = "training"   // models learn from it here
	PurposeFederation Purpose = "federation" // models learn from it together with other sites
)

// Purposes lists them all, in the order they are shown.
func Purposes() []Purpose {
	return []Purpose{PurposeCare, PurposeQuality, PurposeResearch, PurposeTraining, PurposeFederation}
}

// DataClass groups data that a patient may permit apart from the rest.
type DataClass string

// Data classes; ClassAll stands for every one of them.
const (
	ClassAll      DataClass = ""
	ClassImage    DataClass = "image"
	ClassWaveform DataClass = "waveform" // ECG and sound
	ClassReport   DataClass = "report"
	ClassRecord   DataClass = "record" // laboratory, history, other FHIR resources
)
