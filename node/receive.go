package node

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// Receive takes over a Part 10 file that lies in the same file system as the
// data directory: when it returns without an error the object is safe and the
// file is gone from its place. The same object again is no error. from names the
// sender.
// Errors: those of reading DICOM, CONFLICT for another object of the same UID,
// STORE_FULL, STORE_FAILED.
func (n *Node) Receive(ctx context.Context, path, from string) (store.Instance, error) {
	i, err := describe(path, from)
	if err != nil {
		return i, err
	}
	if i.Blob, i.Size, err = n.Store.AdoptBlob(ctx, path); err != nil {
		return i, err
	}
	return i, n.file(ctx, i)
}

// ReceiveFrom is Receive for a stream.
func (n *Node) ReceiveFrom(ctx context.Context, r io.Reader, from string) (store.Instance, error) {
	f, err := os.CreateTemp(n.spool(), "receive-*.dcm")
	if err != nil {
		return store.Instance{}, fault.Wrap(err, fault.IO, "the spool cannot be written", "check the data directory and its free space")
	}
	defer os.Remove(f.Name()) // gone already when it was adopted
	_, err = io.Copy(f, r)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return store.Instance{}, fault.Wrap(err, fault.IO, "the object could not be received whole", "send it again")
	}
	return n.Receive(ctx, f.Name(), from)
}

func (n *Node) spool() string { return filepath.Join(n.Store.DataDir(), SpoolDir) }

// SpoolDir is the folder in the data directory where objects lie while they
// arrive.
const SpoolDir = "spool"

// file puts an object into the index. More of a study that was diagnosed, or
// even signed, makes it a study that is being received again.
func (n *Node) file(ctx context.Context, i store.Instance) error {
	added := false
	err := n.Store.Tx(ctx, func(t *store.Tx) (err error) {
		if added, err = t.AddInstance(ctx, i); err != nil || !added {
			return err
		}
		return t.SetState(ctx, i.Study, nil, store.StateReceiving)
	})
	if fault.CodeOf(err) == fault.Conflict && n.ours(ctx, i.SOP) {
		return nil // our own result comes back from the PACS, which may have touched it
	}
	if err != nil || !added {
		return err
	}
	n.settled.touch(i.Study, n.Now())
	n.changed(i.Study)
	return nil
}

func (n *Node) ours(ctx context.Context, sop string) bool {
	i, err := n.Store.Instance(ctx, store.Care, sop)
	return err == nil && i.Result
}

// describe reads what the index wants to know.
func describe(path, from string) (store.Instance, error) {
	f, err := os.Open(path)
	if err != nil {
		return store.Instance{}, fault.Wrap(err, fault.InputMissing, "the object cannot be opened", "send it again")
	}
	defer f.Close()
	o, err := dicom.ParseHeader(f, filepath.Base(path))
	if err != nil {
		return store.Instance{}, err
	}
	return Describe(o, from)
}

// Describe gives what the index keeps of an object.
// Errors: INPUT_MALFORMED when it has no proper identifiers.
func Describe(o *dicom.Object, from string) (store.Instance, error) {
	id := o.IDs()
	for _, uid := range []string{id.Study, id.Series, id.SOP, id.Class} {
		if !store.ValidUID(uid) {
			return store.Instance{}, fault.New(fault.InputMalformed, o.Name()+" lacks a proper UID of study, series, instance or class", "have it exported again by the device that made it")
		}
	}
	number := func(t dicom.Tag, missing int) int {
		if v, ok := o.Int(t); ok {
			return v
		}
		return missing
	}
	return store.Instance{
		Study: id.Study, Series: id.Series, SOP: id.SOP, Class: id.Class, TransferSyntax: o.TransferSyntax(),
		Number: number(dicom.InstanceNumber, 0), Frames: number(dicom.NumberOfFrames, 1), Rows: number(dicom.Rows, 0), Columns: number(dicom.Columns, 0),
		From: from, Synthetic: o.Synthetic(),
		Modality: o.Text(dicom.Modality), SeriesDescription: o.Text(dicom.SeriesDescription), BodyPart: o.Text(dicom.BodyPartExamined),
		Manufacturer: o.Text(dicom.Manufacturer), Device: o.Text(dicom.ManufacturerModelName), SeriesNumber: number(dicom.SeriesNumber, 0),
		Patient:   store.PatientKey{ID: o.Text(dicom.PatientID), Name: o.Text(dicom.PatientName), BirthDate: o.Text(dicom.PatientBirthDate), Sex: o.Text(dicom.PatientSex)},
		StudyDate: o.Text(dicom.StudyDate), StudyTime: o.Text(dicom.StudyTime), StudyID: o.Text(dicom.StudyID),
		Accession: o.Text(dicom.AccessionNumber), StudyDescription: o.Text(dicom.StudyDescription), Referring: o.Text(dicom.ReferringPhysicianName),
	}, nil
}
