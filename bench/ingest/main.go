// Command ingest is one half of the ingest benchmark (scripts/ingest.sh): it
// makes the SYNTHETIC images that are sent, and runs a node that only receives,
// with the store behind it that the real node has.
//
//	ingest images DIR COUNT [SIDE]
//	ingest serve ADDRESS DATADIR
package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"consilium/dicom"
	"consilium/dimse"
	"consilium/fault"
	"consilium/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(fault.ExitStatus(err))
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "images":
		count, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		side := 512
		if len(args) > 3 {
			if side, err = strconv.Atoi(args[3]); err != nil {
				return err
			}
		}
		return images(args[1], count, side)
	case len(args) == 3 && args[0] == "serve":
		return serve(ctx, args[1], args[2])
	}
	return fault.New(fault.Usage, "ingest images DIR COUNT [SIDE] | ingest serve ADDRESS DATADIR", "see scripts/ingest.sh")
}

const ctImage = "1.2.840.10008.5.1.4.1.1.2"

// images writes one SYNTHETIC CT series of 16-bit images.
func images(dir string, count, side int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	study, series := dicom.DerivedUID("ingest", "study"), dicom.DerivedUID("ingest", "series")
	pixels := make([]byte, side*side*2)
	for i := range count {
		for j := 0; j < len(pixels); j += 2 {
			v := uint16(1000 + random.IntN(1000))
			pixels[j], pixels[j+1] = byte(v), byte(v>>8)
		}
		o := dicom.New("")
		for _, e := range []struct {
			tag   dicom.Tag
			value any
		}{
			{dicom.SOPClassUID, ctImage}, {dicom.SOPInstanceUID, dicom.DerivedUID("ingest", strconv.Itoa(i))},
			{dicom.StudyInstanceUID, study}, {dicom.SeriesInstanceUID, series},
			{dicom.PatientName, "SYNTHETIC^Ingest"}, {dicom.PatientID, "SYNTHETIC-1"}, {dicom.PatientBirthDate, ""}, {dicom.PatientSex, "O"},
			{dicom.StudyDate, "20260101"}, {dicom.StudyTime, "120000"}, {dicom.StudyDescription, "SYNTHETIC"}, {dicom.Modality, "CT"},
			{dicom.SeriesNumber, 1}, {dicom.InstanceNumber, i + 1}, {dicom.AccessionNumber, ""}, {dicom.ReferringPhysicianName, ""}, {dicom.StudyID, "1"},
			{dicom.SamplesPerPixel, 1}, {dicom.PhotometricInterpretation, "MONOCHROME2"}, {dicom.Rows, side}, {dicom.Columns, side},
			{dicom.BitsAllocated, 16}, {dicom.BitsStored, 16}, {dicom.HighBit, 15}, {dicom.PixelRepresentation, 0}, {dicom.PixelData, pixels},
		} {
			if err := o.Set(e.tag, e.value); err != nil {
				return err
			}
		}
		if err := write(o, filepath.Join(dir, fmt.Sprintf("%05d.dcm", i))); err != nil {
			return err
		}
	}
	return nil
}

func write(o *dicom.Object, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := o.Write(f); err != nil {
		return err
	}
	return f.Close()
}

// serve receives into a store until it is told to stop.
func serve(ctx context.Context, address, dataDir string) error {
	kept, err := store.Open(ctx, store.Options{DataDir: dataDir})
	if err != nil {
		return err
	}
	defer kept.Close()
	server, err := dimse.NewServer(dimse.Config{
		Spool: filepath.Join(dataDir, "spool"), Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Receive: func(ctx context.Context, r dimse.Received) error { return file(ctx, kept, r) },
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return server.Serve(ctx, listener)
}

// file does what the node does with an object: index and blob, both on disk
// before the sender hears of success.
func file(ctx context.Context, kept *store.Store, r dimse.Received) error {
	f, err := os.Open(r.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	o, err := dicom.ParseHeader(f, filepath.Base(r.Path))
	if err != nil {
		return err
	}
	id := o.IDs()
	i := store.Instance{Study: id.Study, Series: id.Series, SOP: id.SOP, Class: id.Class, TransferSyntax: o.TransferSyntax(), From: r.CallingAE, Synthetic: true,
		Modality: o.Text(dicom.Modality), StudyDate: o.Text(dicom.StudyDate), StudyTime: o.Text(dicom.StudyTime), StudyDescription: o.Text(dicom.StudyDescription),
		Patient: store.PatientKey{ID: o.Text(dicom.PatientID), Name: o.Text(dicom.PatientName), Sex: o.Text(dicom.PatientSex)}}
	if i.Blob, i.Size, err = kept.AdoptBlob(ctx, r.Path); err != nil {
		return err
	}
	_, err = kept.AddInstance(ctx, i)
	return err
}
