package node

import (
	"context"
	"io"
	"slices"
	"strconv"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/fault"
	"consilium/intake"
	"consilium/store"
)

// content is what a study consists of, without what this node made of it.
type content struct {
	study       store.Study
	instances   []store.Instance
	fingerprint string // of the objects and of the models that would look at them
}

func (n *Node) content(ctx context.Context, study string) (content, error) {
	s, err := n.Store.Study(ctx, store.Care, study)
	if err != nil {
		return content{}, err
	}
	list, err := n.Store.Instances(ctx, store.Care, study, "")
	if err != nil {
		return content{}, err
	}
	c := content{study: s}
	var parts []string
	for _, i := range list {
		if !i.Result {
			c.instances = append(c.instances, i)
			parts = append(parts, i.SOP, i.Blob)
		}
	}
	for _, b := range n.Models {
		parts = append(parts, b.Digest())
	}
	c.fingerprint = digest(parts...)
	return c, nil
}

// Limits of one study. What lies beyond them is refused by name, and the rest
// of the study is judged.
const (
	maxSingles = 64   // pictures and recordings that are looked at one by one
	maxSlices  = 2048 // of one volume
	minSlices  = 4    // a cross-sectional series with fewer is a set of pictures
)

// input is what models look at together: one object, or the slices of a series.
type input struct {
	name    string // shown to people
	objects []store.Instance
	kind    clinical.Kind
}

// inputs puts a study's objects into the shapes that models read.
func (c content) inputs() (list []input, refused []clinical.Refusal) {
	series := map[string][]store.Instance{}
	var order []string
	for _, i := range c.instances {
		if kindOf(i) == "other" || kindOf(i) == "report" || kindOf(i) == "segmentation" {
			continue // not something that a model looks at
		}
		if series[i.Series] == nil {
			order = append(order, i.Series)
		}
		series[i.Series] = append(series[i.Series], i)
	}
	singles := 0
	for _, uid := range order {
		objects := series[uid]
		if sectional(objects) {
			list = append(list, input{name: seriesName(objects[0]), objects: objects, kind: clinical.KindVolume})
			continue
		}
		for _, i := range objects {
			if singles++; singles > maxSingles {
				continue
			}
			list = append(list, input{name: objectName(i), objects: []store.Instance{i}, kind: modelKind(i)})
		}
	}
	if singles > maxSingles {
		err := fault.New(fault.InputTooLarge, "only the first 64 pictures and recordings of a study are looked at", "send the others as a study of their own")
		refused = append(refused, intake.Refusal("the study", err))
	}
	return list, refused
}

// sectional says whether a series is made of slices.
func sectional(objects []store.Instance) bool {
	cross := slices.Contains([]string{"CT", "MR", "PT", "NM"}, objects[0].Modality)
	frames := 0
	for _, i := range objects {
		frames += max(1, i.Frames)
	}
	return cross && frames >= minSlices
}

func seriesName(i store.Instance) string { return orText(i.SeriesDescription, i.Modality+" series") }

func objectName(i store.Instance) string {
	name := orText(i.SeriesDescription, orText(i.StudyDescription, i.Modality))
	if i.Number > 1 {
		name += " #" + strconv.Itoa(i.Number)
	}
	return name
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// object reads one stored object whole.
func (n *Node) object(ctx context.Context, i store.Instance) (*dicom.Object, error) {
	return n.open(ctx, i, dicom.ParseObject)
}

// header reads one stored object without its pixels.
func (n *Node) header(ctx context.Context, i store.Instance) (*dicom.Object, error) {
	return n.open(ctx, i, dicom.ParseHeader)
}

func (n *Node) open(ctx context.Context, i store.Instance, parse func(r io.Reader, name string) (*dicom.Object, error)) (*dicom.Object, error) {
	f, err := n.Store.OpenBlob(ctx, i.Blob)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parse(f, objectName(i))
}

// kindOf sorts an object by its SOP class into what the page shows.
func kindOf(i store.Instance) string {
	switch i.DataClass() {
	case clinical.ClassWaveform:
		if isAudio(i.Class) {
			return "sound"
		}
		return "ecg"
	case clinical.ClassReport:
		return "report"
	}
	switch {
	case i.Class == classSegmentation:
		return "segmentation"
	case i.Rows > 0 && i.Columns > 0:
		return "image"
	}
	return "other"
}

// SOP classes that the node treats apart (PS3.4 B.5).
const (
	classSegmentation = "1.2.840.10008.5.1.4.1.1.66.4"
	classBasicVoice   = "1.2.840.10008.5.1.4.1.1.9.4.1"
	classGeneralAudio = "1.2.840.10008.5.1.4.1.1.9.4.2"
)

func isAudio(class string) bool { return class == classBasicVoice || class == classGeneralAudio }

func modelKind(i store.Instance) clinical.Kind {
	switch kindOf(i) {
	case "ecg":
		return clinical.KindECG
	case "sound":
		return clinical.KindSound
	}
	return clinical.KindImage
}
