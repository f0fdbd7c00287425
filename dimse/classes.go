package dimse

// retrievable are the transfer syntaxes in which C-GET takes objects, in the
// order in which we like them.
var retrievable = append([]string{explicitLittle, implicitLittle}, append(lossless[1:len(lossless):len(lossless)],
	"1.2.840.10008.1.2.4.50",                                                                                   // JPEG baseline
	"1.2.840.10008.1.2.4.51",                                                                                   // JPEG extended
	"1.2.840.10008.1.2.4.81",                                                                                   // JPEG-LS near-lossless
	"1.2.840.10008.1.2.4.91",                                                                                   // JPEG 2000
	"1.2.840.10008.1.2.4.203",                                                                                  // HTJ2K
	"1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103", // MPEG
	"1.2.840.10008.1.2.4.104", "1.2.840.10008.1.2.4.105", "1.2.840.10008.1.2.4.106", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108",
	explicitBig)...)

// usual are the Storage SOP classes that C-GET proposes when the caller names
// none, without their common prefix: one association has room for 127, the
// standard has more. Left out are industrial inspection, treatment delivery
// records and eye measurements.
var usual = []string{
	"1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", // radiography, mammography, dental
	"2", "2.1", "2.2", "4", "4.1", "4.2", "4.3", "4.4", // CT, MR
	"3.1", "6.1", "6.2", "6.3", // ultrasound
	"7", "7.1", "7.2", "7.3", "7.4", // secondary capture
	"9.1.1", "9.1.2", "9.1.3", "9.1.4", "9.2.1", "9.3.1", "9.4.1", "9.4.2", "9.5.1", "9.6.1", "9.6.2", // ECG, sound, pressure, breath
	"9.7.1", "9.7.2", "9.7.3", "9.7.4", "9.8.1", // EEG, EMG, EOG, sleep
	"11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "11.7", "11.8", "11.9", "11.10", "11.11", "11.12", // presentation states
	"12.1", "12.1.1", "12.2", "12.2.1", "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5", // angiography, tomosynthesis
	"14.1", "14.2", "20", "30", "128", "128.1", "130", "131", // optical coherence, nuclear, parametric map, PET
	"66", "66.1", "66.2", "66.3", "66.4", "66.5", "66.6", "66.7", "66.8", "67", "68.1", "68.2", // raw, registration, segmentation, surface
	"77.1.1", "77.1.1.1", "77.1.2", "77.1.2.1", "77.1.3", "77.1.4", "77.1.4.1", // endoscopy, microscopy, photographs
	"77.1.5.1", "77.1.5.2", "77.1.5.3", "77.1.5.4", "77.1.5.5", "77.1.5.6", "77.1.5.7", "77.1.5.8", "77.1.6", "77.1.7", "77.1.8", // eye, whole slide, skin
	"88.11", "88.22", "88.33", "88.34", "88.35", "88.40", "88.50", "88.59", "88.65", "88.67", "88.68", "88.69", "88.71", "88.72", "88.73", "88.76", "88.77", // reports
	"90.1", "91.1", "104.1", "104.2", "104.3", "104.4", "104.5", // assessments, annotations, documents
	"481.1", "481.2", "481.3", "481.5", // radiotherapy
}

func usualClasses() []string {
	out := make([]string, len(usual))
	for i, suffix := range usual {
		out[i] = storagePrefix + suffix
	}
	return out
}

// notStorage are the classes under the storage prefix that store nothing: the
// query services of protocol approval and inventory (PS3.6 annex A).
func notStorage(class string) bool {
	switch class[len(storagePrefix):] {
	case "200.4", "200.5", "200.6", "201.2", "201.3", "201.4", "201.5", "201.6", "201.1.1":
		return true
	}
	return false
}
