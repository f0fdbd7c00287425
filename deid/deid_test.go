package deid

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/dataset/settest"
	"consilium/dicom"
	"consilium/fault"
)

func TestOneKeyOneUID(t *testing.T) {
	make := func(sop string) *dicom.Object {
		o := object(t, crClass, "CR", dicom.SOPInstanceUID, sop, dicom.StudyInstanceUID, "1.2.3", dicom.PatientID, "4711", dicom.StudyDate, "20240229")
		ref := dicom.New("")
		must(t, set(ref, dicom.ReferencedSOPClassUID, crClass, dicom.ReferencedSOPInstanceUID, "1.2.3.4"))
		must(t, o.SetItems(dicom.ReferencedImageSequence, ref))
		return o
	}
	d := deidentifier(t, "basic", nil)
	a, _, err := d.Object(make("1.2.3.4"))
	must(t, err)
	b, _, err := deidentifier(t, "basic", nil).Object(make("1.2.3.5")) // another run
	must(t, err)
	other, _, err := deidentifier(t, "basic", func(o *Options) { o.Key = Key{9} }).Object(make("1.2.3.4"))
	must(t, err)
	if a.IDs().Study != b.IDs().Study || a.IDs().SOP == b.IDs().SOP || a.Text(dicom.PatientID) != b.Text(dicom.PatientID) {
		t.Error("the same originals got different replacements")
	}
	if got := b.Item(dicom.ReferencedImageSequence); got.Text(dicom.ReferencedSOPInstanceUID) != a.IDs().SOP || got.Text(dicom.ReferencedSOPClassUID) != crClass {
		t.Error("a reference does not lead to the replaced object")
	}
	if a.IDs().Study == other.IDs().Study || a.Text(dicom.PatientID) == other.Text(dicom.PatientID) {
		t.Error("another key gave the same replacements")
	}
	if !dicom.ValidUID(a.IDs().Study) || !strings.HasPrefix(a.IDs().Study, "2.25.") {
		t.Error(a.IDs().Study)
	}
}

func TestOptions(t *testing.T) {
	o := object(t, crClass, "CR", dicom.SOPInstanceUID, "1.2.3.4", dicom.StudyInstanceUID, "1.2.3", dicom.PatientID, "4711", dicom.PatientName, "Doe^Jane",
		dicom.StudyDate, "20240229", dicom.StudyTime, "101112", dicom.AcquisitionDateTime, "20240301101113.5+0100", dicom.PatientBirthDate, "19500101",
		dicom.PatientSex, "F", dicom.PatientAge, "074Y", dicom.InstitutionName, "Hospital", dicom.StationName, "XR1", dicom.DeviceSerialNumber, "SN77",
		dicom.StudyDescription, "Thorax of Doe, Jane, born 01.01.1950, tel. 030 1234567", dicom.Tag(0x00080055), "REALAE")
	must(t, o.SetVR(0x00190010, "LO", "SIEMENS MR HEADER"))
	must(t, o.SetVR(0x0019100C, "IS", "1000"))
	must(t, o.SetVR(0x00191099, "LO", "secret"))
	get := func(profile string) *dicom.Object {
		clean, _, err := deidentifier(t, profile, nil).Object(o)
		must(t, err)
		return clean
	}
	basic := get("basic")
	for _, tag := range []dicom.Tag{dicom.StudyDate, dicom.StudyTime, dicom.PatientBirthDate, dicom.PatientSex, dicom.PatientAge, dicom.StudyDescription, 0x00080055, 0x0019100C} {
		if s := basic.Text(tag); s != "" {
			t.Errorf("basic keeps %s %q", tag.Keyword(), s)
		}
	}
	full := get("retain-full-dates")
	if full.Text(dicom.StudyDate) != "20240229" || full.Text(dicom.PatientBirthDate) != "" || full.Text(dicom.LongitudinalTemporalInformationModified) != "UNMODIFIED" {
		t.Error("full dates", full.Text(dicom.StudyDate), full.Text(dicom.PatientBirthDate))
	}
	moved := get("retain-modified-dates")
	d1, err1 := time.Parse("20060102", moved.Text(dicom.StudyDate))
	d2, err2 := time.Parse("20060102", moved.Text(dicom.AcquisitionDateTime)[:8])
	if err1 != nil || err2 != nil || d2.Sub(d1) != 24*time.Hour || moved.Text(dicom.StudyDate) == "20240229" || !strings.HasSuffix(moved.Text(dicom.AcquisitionDateTime), "101113.5+0100") {
		t.Error("modified dates", moved.Text(dicom.StudyDate), moved.Text(dicom.AcquisitionDateTime))
	}
	if p := get("retain-patient-characteristics"); p.Text(dicom.PatientSex) != "F" || p.Text(dicom.PatientAge) != "074Y" {
		t.Error("patient characteristics")
	}
	if p := get("retain-device-identity"); p.Text(dicom.StationName) != "XR1" || p.Text(dicom.DeviceSerialNumber) != "SN77" || p.Text(0x00080055) == "REALAE" || p.Text(0x00080055) == "" {
		t.Error("device identity", p.Text(dicom.StationName), p.Text(0x00080055))
	}
	if p := get("retain-institution-identity"); p.Text(dicom.InstitutionName) != "Hospital" {
		t.Error("institution", p.Text(dicom.InstitutionName))
	}
	if p := get("retain-uids"); p.IDs().Study != "1.2.3" {
		t.Error("UIDs")
	}
	if p := get("clean-descriptors"); !strings.HasPrefix(p.Text(dicom.StudyDescription), "Thorax of") || strings.Contains(p.Text(dicom.StudyDescription), "Doe") || strings.Contains(p.Text(dicom.StudyDescription), "1950") || strings.Contains(p.Text(dicom.StudyDescription), "1234567") {
		t.Error("descriptors", p.Text(dicom.StudyDescription))
	}
	if p := get("retain-safe-private"); p.Text(0x0019100C) != "1000" || p.Has(0x00191099) || !p.Has(0x00190010) {
		t.Error("safe private")
	}
	codes := map[string]bool{}
	for _, item := range get("retain-modified-dates,clean-descriptors").Items(dicom.DeidentificationMethodCodeSequence) {
		codes[item.Text(dicom.CodeValue)] = true
	}
	if !codes["113100"] || !codes["113107"] || !codes["113105"] || len(codes) != 3 {
		t.Error(codes)
	}
}

func TestOldAgeIsNotTold(t *testing.T) {
	clean, _, err := deidentifier(t, "retain-patient-characteristics", nil).Object(object(t, crClass, "CR", dicom.SOPInstanceUID, "1.2.3", dicom.PatientAge, "097Y"))
	must(t, err)
	if clean.Text(dicom.PatientAge) != "090Y" {
		t.Error(clean.Text(dicom.PatientAge))
	}
}

func TestStructuredContent(t *testing.T) {
	report := func() *dicom.Object {
		o := object(t, classPrefix+"88.33", "SR", dicom.SOPInstanceUID, "1.2.3", dicom.PatientName, "Doe^Jane", dicom.ValueType, "CONTAINER")
		person, finding := dicom.New(""), dicom.New("")
		must(t, set(person, contentRelationship, "HAS OBS CONTEXT", dicom.ValueType, "PNAME", dicom.PersonName, "Reader^Rita"))
		must(t, code(person, dicom.ConceptNameCodeSequence, "121008", "DCM", "Person Observer Name"))
		must(t, set(finding, contentRelationship, "CONTAINS", dicom.ValueType, "TEXT", dicom.TextValue, "Mrs. Doe has a nodule of 8 mm, seen on 12.03.2024."))
		must(t, code(finding, dicom.ConceptNameCodeSequence, "121071", "DCM", "Finding"))
		must(t, o.SetItems(dicom.ContentSequence, person, finding))
		return o
	}
	basic, _, err := deidentifier(t, "basic", nil).Object(report())
	must(t, err)
	if items := basic.Items(dicom.ContentSequence); len(items) != 1 || strings.Contains(items[0].Text(dicom.TextValue), "nodule") {
		t.Error("the basic profile keeps content")
	}
	clean, _, err := deidentifier(t, "clean-structured-content", nil).Object(report())
	must(t, err)
	items := clean.Items(dicom.ContentSequence)
	if len(items) != 1 {
		t.Fatal(len(items), "items")
	}
	if s := items[0].Text(dicom.TextValue); !strings.Contains(s, "nodule of 8 mm") || strings.Contains(s, "Doe") || strings.Contains(s, "2024") {
		t.Error(s)
	}
}

func TestScrubber(t *testing.T) {
	s := newScrubber(append(nameParts("Müller^Jan=山田^太郎"), "4711-X"), true)
	for in, want := range map[string]string{
		"Muller, JAN": Removed + ", " + Removed, "January and Mullerian": "January and Mullerian", "太郎の写真": Removed + "の写真",
		"no 4711-x here": "no " + Removed + " here", "8 mm nodule, 3.5 cm, grade 2": "8 mm nodule, 3.5 cm, grade 2",
		"seen 2024-03-12 by Dr. Haus": "seen " + Removed + " by " + Removed, "call +49 (30) 123-4567": "call " + Removed,
		"mail a.b@c.org": "mail " + Removed, "SSN 123-45-6789": "SSN " + Removed, "MRN: 88 old": Removed + " old", "on 5 March 2021": "on " + Removed,
	} {
		if got := s.text(in, true); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := ScrubName("Doe_Jane_19500101_CT.dcm", []string{"Doe^Jane"}); strings.Contains(got, "Doe") || strings.Contains(got, "1950") || !strings.HasSuffix(got, ".dcm") {
		t.Error(got)
	}
}

// TestOnRealFiles runs over every real file: each is de-identified or refused
// for a reason, and of what passes no name or number of the patient is left.
func TestOnRealFiles(t *testing.T) {
	folder := settest.Data(t, "dicom")
	d := deidentifier(t, "clean-descriptors,clean-structured-content,clean-graphics", nil)
	fates := map[fault.Code]int{}
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		o, err := dicom.ParseObject(f, e.Name())
		if err != nil {
			return nil // is read elsewhere
		}
		clean, _, err := d.Object(o)
		fates[fault.CodeOf(err)]++
		if err != nil {
			if code := fault.CodeOf(err); code == fault.Internal || code == fault.Usage {
				t.Errorf("%s: %v", e.Name(), err)
			}
			return nil
		}
		var b bytes.Buffer
		if err := clean.WriteDataSet(&b); err != nil {
			t.Errorf("%s: %v", e.Name(), err)
			return nil
		}
		if clean.TransferSyntax() == "1.2.840.10008.1.2.1.99" {
			return nil // deflated: nothing could be found
		}
		text := b.Bytes()
		if i := bytes.Index(text, []byte{0xe0, 0x7f, 0x10, 0x00}); i >= 0 {
			text = text[:i] // not the pixels
		}
		for _, part := range append(nameParts(o.Text(dicom.PatientName)), o.Text(dicom.PatientID)) {
			if strings.Contains(strings.Join(o.Texts(dicom.ImageType), " "), strings.ToUpper(part)) {
				continue // a defined term
			}
			if len(part) >= 5 && !common[strings.ToLower(part)] && bytes.Contains(bytes.ToLower(text), []byte(strings.ToLower(part))) {
				t.Errorf("%s: %q is left", e.Name(), part)
			}
		}
		return nil
	})
	must(t, err)
	t.Logf("de-identified: %d; refused: %v", fates[""], fates)
}

// TestOutputIsValid asks dciodvfy: what was valid stays so.
func TestOutputIsValid(t *testing.T) {
	program, err := exec.LookPath("dciodvfy")
	if err != nil {
		t.Skip("dciodvfy (dicom3tools) is not installed")
	}
	folder := settest.Data(t, "dicom")
	errors := func(path string) map[string]bool {
		out, _ := exec.Command(program, path).CombinedOutput()
		found := map[string]bool{}
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "Error") {
				found[strings.TrimSpace(line)] = true
			}
		}
		return found
	}
	for _, name := range []string{"highdicom/ct_image.dcm", "highdicom/dx_image.dcm", "highdicom/seg_image_ct_binary.dcm", "highdicom/sr_document.dcm", "pydicom/CT_small.dcm", "pydicom/MR_small.dcm", "pydicom/waveform_ecg.dcm"} {
		for _, profile := range []string{"basic", "clean-descriptors,clean-structured-content,clean-graphics,retain-modified-dates,retain-patient-characteristics"} {
			f, err := os.Open(filepath.Join(folder, name))
			must(t, err)
			o, err := dicom.ParseObject(f, name)
			f.Close()
			must(t, err)
			clean, _, err := deidentifier(t, profile, nil).Object(o)
			must(t, err)
			path := filepath.Join(t.TempDir(), "clean.dcm")
			must(t, os.WriteFile(path, written(t, clean), 0o600))
			before := errors(filepath.Join(folder, name))
			for e := range errors(path) {
				if !before[e] {
					t.Errorf("%s, %s: %s", name, profile, e)
				}
			}
		}
	}
}

func FuzzObject(f *testing.F) {
	p := &planter{seeds: map[string]string{}}
	f.Add(written(f, seeded(f, p)), uint16(0))
	f.Add(written(f, seeded(f, p)), uint16(0xffff&^(1<<4)))
	f.Fuzz(func(t *testing.T, data []byte, chosen uint16) {
		o, err := dicom.ParseObject(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		var profile Profile
		for i, option := range options {
			*option.on(&profile) = chosen>>i&1 == 1
		}
		if profile.check() != nil {
			profile.FullDates = false
		}
		d, err := New(Options{Profile: profile, Key: testKey, Outside: chosen>>15 == 1})
		if err != nil {
			t.Fatal(err)
		}
		clean, _, err := d.Object(o)
		if err != nil {
			if code := fault.CodeOf(err); code == fault.Internal || code == fault.Usage {
				t.Error(err)
			}
			return
		}
		var b bytes.Buffer
		_ = clean.WriteDataSet(&b)
	})
}
