package deid

import (
	"strings"

	"consilium/dicom"
)

// telling are the attributes, besides all names of persons, whose values
// identify somebody wherever they turn up again in text.
var telling = []dicom.Tag{
	dicom.PatientID, dicom.AccessionNumber, dicom.StudyID, dicom.PatientBirthDate,
	0x00080051, 0x00080092, 0x00080094, 0x0008009C, // issuers, addresses
	0x00100021, 0x00101000, 0x00101040, 0x00101050, 0x00101090, 0x00102154, 0x00102155, 0x001021F0, 0x00102180, 0x00102299,
	0x00120020, 0x00120021, 0x00120010, 0x00120040, 0x00120042,
	0x00321032, 0x00321033, 0x00380010, 0x00380011, 0x00380060, 0x00380300, 0x00380400,
	0x00400009, 0x00400253, 0x00401001, 0x00401005, 0x00401102, 0x00401103, 0x00401104, 0x00402008, 0x00402009, 0x00402010, 0x00402016, 0x00402017,
	0x00400512, 0x00400551, 0x0040050A,
}

// Attributes that tell who owns the machine; kept with the option that retains them.
var (
	ofInstitution = []dicom.Tag{dicom.InstitutionName, dicom.InstitutionAddress, dicom.InstitutionalDepartmentName, 0x00120030, 0x00120031, 0x00120060}
	ofDevice      = []dicom.Tag{dicom.StationName, dicom.DeviceSerialNumber, 0x00080055, 0x00181002, 0x00181004, 0x00181005, 0x00181008, 0x00400241, 0x00400242}
)

// identifiers collects what an object itself says about who it is of, from
// nested data sets too; what the profile retains is no identifier.
func identifiers(o *dicom.Object, p Profile) []string {
	wanted := map[dicom.Tag]bool{}
	lists := [][]dicom.Tag{telling}
	if !p.Institution {
		lists = append(lists, ofInstitution)
	}
	if !p.DeviceIdentity {
		lists = append(lists, ofDevice)
	}
	for _, list := range lists {
		for _, t := range list {
			wanted[t] = true
		}
	}
	var out []string
	_ = o.Walk(func(_ []dicom.Tag, at *dicom.Object, t dicom.Tag) error { // the visit never fails
		switch vr := at.VR(t); {
		case vr == "PN":
			for _, s := range at.Texts(t) {
				out = append(out, nameParts(s)...)
			}
		case vr == "DA" && wanted[t]:
			for _, s := range at.Texts(t) {
				out = append(out, dateForms(s)...)
			}
		case wanted[t]:
			out = append(out, at.Texts(t)...)
		}
		return nil
	})
	return out
}

// common are parts of names that are no one's, and would be missed in text.
var common = map[string]bool{
	"anonymous": true, "anonymized": true, "unknown": true, "synthetic": true, "patient": true, "test": true, "none": true, "phantom": true,
	"dr": true, "md": true, "mr": true, "mrs": true, "ms": true, "prof": true, "phd": true, "jr": true, "sr": true,
	"van": true, "von": true, "der": true, "den": true, "de": true, "la": true, "le": true, "da": true, "di": true, "el": true, "al": true, "bin": true,
}

// nameParts splits a name of VR PN into what may be found in text.
func nameParts(name string) []string {
	var out []string
	whole := strings.FieldsFunc(name, func(r rune) bool { return r == '=' })
	for _, group := range whole {
		parts := strings.FieldsFunc(group, func(r rune) bool { return strings.ContainsRune("^ ,.;()", r) })
		for _, p := range parts {
			if !common[strings.ToLower(p)] {
				out = append(out, p)
			}
		}
		if len(parts) > 1 { // scripts without spaces write family and given name together
			out = append(out, strings.Join(parts, ""), parts[0]+" "+parts[1], parts[1]+" "+parts[0])
		}
	}
	return out
}

// dateForms are the ways in which a date of birth is written in text.
func dateForms(s string) []string {
	if len(s) != 8 {
		return nil
	}
	y, m, d := s[:4], s[4:6], s[6:]
	return []string{s, y + "-" + m + "-" + d, d + "." + m + "." + y, d + "/" + m + "/" + y, m + "/" + d + "/" + y, d + "-" + m + "-" + y, d + m + y, d + "." + m + "." + y[2:]}
}
