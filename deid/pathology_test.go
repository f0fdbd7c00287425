package deid_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"consilium/dataset"
	"consilium/dataset/npz"
	"consilium/dataset/settest"
	"consilium/deid"
	"consilium/dicom"
	"consilium/engine"
	"consilium/intake"
	"consilium/metric"
	"consilium/models"
	"consilium/panel"
	"consilium/registry"
)

// film makes a radiograph of one example, with a patient to take out.
func film(t *testing.T, i int, pixels []float32, rows, columns int) *dicom.Object {
	t.Helper()
	o := dicom.New("")
	raw := make([]byte, 2*len(pixels))
	for k, v := range pixels {
		binary.LittleEndian.PutUint16(raw[2*k:], uint16(math.RoundToEven(float64(v)*4095)))
	}
	for tag, v := range map[dicom.Tag]any{
		dicom.SOPClassUID: "1.2.840.10008.5.1.4.1.1.1", dicom.SOPInstanceUID: fmt.Sprintf("1.2.276.0.99.%d", i+1), dicom.StudyInstanceUID: "1.2.276.0.99", dicom.SeriesInstanceUID: "1.2.276.0.99.0",
		dicom.Modality: "CR", dicom.BodyPartExamined: "CHEST", dicom.PatientName: "Doe^Jane", dicom.PatientID: "4711", dicom.StudyDate: "20240229", dicom.StudyDescription: "Thorax of Doe",
		dicom.Rows: rows, dicom.Columns: columns, dicom.SamplesPerPixel: 1, dicom.BitsAllocated: 16, dicom.BitsStored: 12, dicom.HighBit: 11, dicom.PixelRepresentation: 0,
		dicom.PhotometricInterpretation: "MONOCHROME2", dicom.PixelData: raw,
	} {
		if err := o.Set(tag, v); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// asked gives what the model says of an object as it lies in a file.
func asked(t *testing.T, p *panel.Panel, o *dicom.Object) float64 {
	t.Helper()
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	image, err := dicom.Read(&b, "film.dcm")
	if err != nil {
		t.Fatal(err)
	}
	findings, refusals, err := p.Examine(context.Background(), intake.Item{Path: "film.dcm", Image: &image})
	if err != nil || len(findings) != 1 {
		t.Fatal(err, refusals)
	}
	for _, o := range findings[0].Outcomes {
		if o.Name == "pneumonia" {
			return o.Probability
		}
	}
	t.Fatal("no outcome is called pneumonia")
	return 0
}

// TestPathologyIsKept prints the model's AUC on the PneumoniaMNIST test split
// before and after de-identification, and with two corners blanked.
func TestPathologyIsKept(t *testing.T) {
	set, err := npz.Open(context.Background(), filepath.Join(settest.Data(t, "medmnist"), "pneumoniamnist.npz"), npz.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := models.Store()
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := store.Get("pneumonia")
	if err != nil {
		t.Fatal(err)
	}
	p, err := panel.New([]*registry.Bundle{bundle}, panel.Options{Method: panel.MethodOff, Engine: engine.Options{}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	plain, corners := ready(t, nil), ready(t, []deid.Area{{X: 0, Y: 0, Width: 6, Height: 2}, {X: 22, Y: 26, Width: 6, Height: 2}})
	n := set.Len(dataset.Test)
	if testing.Short() {
		n = min(n, 60)
	}
	var before, after, blanked []float64
	var labels []int
	shape := set.Info().Shape
	into := make([]float32, set.Info().Size())
	for i := range n {
		s, err := set.Read(dataset.Test, i, into)
		if err != nil {
			t.Fatal(err)
		}
		o := film(t, i, into, shape[len(shape)-2], shape[len(shape)-1])
		labels = append(labels, s.Label)
		before = append(before, asked(t, p, o))
		after = append(after, asked(t, p, cleaned(t, plain, o)))
		blanked = append(blanked, asked(t, p, cleaned(t, corners, o)))
	}
	a, b, c := auc(t, before, labels), auc(t, after, labels), auc(t, blanked, labels)
	t.Logf("AUC on %d test films: %.4f before, %.4f after de-identification, %.4f with two corners blanked", n, a, b, c)
	if math.Abs(a-b) > 0.01 || math.Abs(a-c) > 0.01 {
		t.Error("de-identification changed what the model sees")
	}
}

func ready(t *testing.T, blank []deid.Area) *deid.Deidentifier {
	t.Helper()
	d, err := deid.New(deid.Options{Key: deid.Key{7}, Blank: blank})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func cleaned(t *testing.T, d *deid.Deidentifier, o *dicom.Object) *dicom.Object {
	t.Helper()
	clean, _, err := d.Object(o)
	if err != nil {
		t.Fatal(err)
	}
	return clean
}

func auc(t *testing.T, scores []float64, labels []int) float64 {
	t.Helper()
	v, err := metric.AUC(scores, labels)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
