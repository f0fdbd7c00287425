package node

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/fault"
	"consilium/govern"
	"consilium/intake"
	"consilium/store"
)

// Upload takes files that a person hands in. DICOM files come as they are. A
// picture becomes a Secondary Capture, an ECG an ECG waveform object, a sound an
// audio object: in the study of the first DICOM file, else in a study of their
// own, so that everything in the node is DICOM and goes where DICOM goes.
// Errors: those of reading the files; of several files the first that cannot be
// read ends the upload, and what came before is kept.
func (n *Node) Upload(ctx context.Context, who Actor, files []Upload) (study string, err error) {
	dir, err := os.MkdirTemp(n.spool(), "upload-")
	if err != nil {
		return "", fault.Wrap(err, fault.IO, "the spool cannot be written", "check the data directory and its free space")
	}
	defer os.RemoveAll(dir)
	named, err := underTheirNames(dir, files)
	if err != nil {
		return "", err
	}
	var first store.Instance
	var others []string
	for _, path := range named {
		if !isDICOM(path) {
			others = append(others, path)
			continue
		}
		i, err := n.Receive(ctx, path, uploadSource)
		if err != nil {
			return first.Study, err
		}
		if first.Study == "" {
			first = i
		}
	}
	if len(others) > 0 {
		if first, err = n.convert(ctx, others, first); err != nil {
			return first.Study, err
		}
	}
	return first.Study, n.Tell(ctx, govern.Event{
		Actor: who.Name, Role: who.Role, Action: "study.uploaded", Patient: first.Patient.ID, Study: first.Study, Outcome: "ok",
		Detail: map[string]string{"files": fmt.Sprint(len(files))},
	})
}

// uploadSource is what the index calls the sender of uploaded objects.
const uploadSource = "upload"

// underTheirNames puts the files into dir under the names that their owner gave
// them: a WFDB header names its signal files. No name leads out of dir.
func underTheirNames(dir string, files []Upload) ([]string, error) {
	var out []string
	for i, f := range files {
		name := filepath.Base(filepath.Clean("/" + f.Name))
		if name == "/" || name == "." || slices.Contains(out, filepath.Join(dir, name)) {
			name = fmt.Sprintf("%d-file", i)
		}
		path := filepath.Join(dir, name)
		if err := os.Rename(f.Path, path); err != nil {
			return nil, fault.Wrap(err, fault.IO, "an uploaded file cannot be taken over", "upload it again")
		}
		out = append(out, path)
	}
	return out, nil
}

func isDICOM(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 132)
	k, _ := f.Read(head)
	return dicom.IsDICOM(head[:k])
}

// convert makes DICOM objects of files in other formats and receives them.
func (n *Node) convert(ctx context.Context, paths []string, beside store.Instance) (store.Instance, error) {
	list, refused := intake.List(ctx, paths)
	if len(list) == 0 && len(refused) > 0 {
		return beside, fault.New(fault.Code(refused[0].Code), refused[0].What, refused[0].Do)
	}
	for number, path := range list {
		item, err := intake.Read(ctx, path)
		if err != nil {
			return beside, err
		}
		o, err := object(item, origin(item, beside, number+1), filepath.Base(path))
		if err != nil {
			return beside, err
		}
		i, err := n.receiveObject(ctx, o)
		if err != nil {
			return beside, err
		}
		if beside.Study == "" {
			beside = i
		}
	}
	return beside, nil
}

// origin says what an uploaded file belongs to.
func origin(item intake.Item, beside store.Instance, number int) dicom.Origin {
	g := dicom.Origin{
		Patient: item.Patient(), Synthetic: item.Synthetic(), SeriesNumber: 100 + number, Number: 1,
		StudyUID: beside.Study, PatientName: beside.Patient.Name, PatientBirthDate: beside.Patient.BirthDate,
		Accession: beside.Accession, StudyDescription: beside.StudyDescription,
	}
	if beside.Study == "" {
		g.StudyUID = dicom.NewUID()
		g.StudyDescription = "Uploaded"
	}
	g.Patient.ID = cmp.Or(beside.Patient.ID, g.Patient.ID, "UNKNOWN")
	g.Patient.Sex = cmp.Or(beside.Patient.Sex, g.Patient.Sex)
	return g
}

func object(item intake.Item, g dicom.Origin, name string) (*dicom.Object, error) {
	g.SeriesDescription = name
	switch item.Kind() {
	case clinical.KindECG:
		return dicom.NewECG(*item.Recording, g)
	case clinical.KindSound:
		return dicom.NewSound(*item.Recording, g)
	case clinical.KindImage:
		c := dicom.Capture{Lossy: item.Image.Format == "JPEG", Conversion: "WSD"}
		return dicom.NewSecondaryCapture(picture(*item.Image), c, g)
	}
	return nil, fault.New(fault.InputUnsupported, name+" is a volume; only DICOM volumes are taken", "send the series as DICOM")
}

// picture gives the pixels in the depth of a file: 8 bits for colour and for
// what fits, else 16.
func picture(img clinical.Image) image.Image {
	box := image.Rect(0, 0, img.Columns, img.Rows)
	level := func(i int, top float64) float64 {
		t := (float64(img.Pixels[i]) - img.Low) / max(img.High-img.Low, 1e-12)
		return top*min(max(t, 0), 1) + 0.5
	}
	switch {
	case img.Channels == 3:
		out := image.NewNRGBA(box)
		for i := range img.Rows * img.Columns {
			out.SetNRGBA(i%img.Columns, i/img.Columns, color.NRGBA{uint8(level(3*i, 255)), uint8(level(3*i+1, 255)), uint8(level(3*i+2, 255)), 255})
		}
		return out
	case img.High-img.Low <= 255:
		out := image.NewGray(box)
		for i := range out.Pix {
			out.Pix[i] = uint8(level(i, 255))
		}
		return out
	}
	out := image.NewGray16(box)
	for i := range img.Rows * img.Columns {
		out.SetGray16(i%img.Columns, i/img.Columns, color.Gray16{Y: uint16(level(i, 65535))})
	}
	return out
}

func (n *Node) receiveObject(ctx context.Context, o *dicom.Object) (store.Instance, error) {
	f, err := os.CreateTemp(n.spool(), "converted-*.dcm")
	if err != nil {
		return store.Instance{}, fault.Wrap(err, fault.IO, "the spool cannot be written", "check the data directory and its free space")
	}
	defer os.Remove(f.Name())
	err = o.Write(f)
	if e := f.Close(); err == nil && e != nil {
		err = fault.Wrap(e, fault.IO, "the spool cannot be written", "check the data directory and its free space")
	}
	if err != nil {
		return store.Instance{}, err
	}
	return n.Receive(ctx, f.Name(), uploadSource)
}
