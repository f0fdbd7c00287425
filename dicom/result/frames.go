package result

import (
	"fmt"
	"slices"
	"strconv"

	"consilium/dicom"
)

// plane is where a source image lies in the patient (PS3.3 C.7.6.2).
type plane struct {
	reference             string // frame of reference UID
	position, orientation []any
	spacing               []any
	thickness, between    string
}

// planeOf reads it; nil when the source is not placed in a frame of reference.
func planeOf(o *dicom.Object) *plane {
	p := &plane{
		reference: o.Text(dicom.FrameOfReferenceUID), thickness: o.Text(dicom.SliceThickness), between: o.Text(dicom.SpacingBetweenSlices),
		position:    proper(dicom.ImagePositionPatient, o.Texts(dicom.ImagePositionPatient)),
		orientation: proper(dicom.ImageOrientationPatient, o.Texts(dicom.ImageOrientationPatient)),
		spacing:     proper(dicom.PixelSpacing, o.Texts(dicom.PixelSpacing)),
	}
	if !dicom.ValidUID(p.reference) || len(p.position) != 3 || len(p.orientation) != 6 || len(p.spacing) != 2 {
		return nil
	}
	return p
}

// planes places every layer, or none.
func planes(layers []layer) []*plane {
	out := make([]*plane, len(layers))
	for i, l := range layers {
		out[i] = planeOf(l.source)
		if out[i] == nil || out[i].reference != out[0].reference || !slices.Equal(out[i].orientation, out[0].orientation) || !slices.Equal(out[i].spacing, out[0].spacing) {
			return nil
		}
	}
	return out
}

// frames writes the functional groups and dimensions (PS3.3 C.7.6.16, C.7.6.17,
// C.8.20.3) and what they refer to (C.12.2).
func (in Input) frames(d draft, layers []layer, numbers []int) {
	placed := planes(layers)
	if placed != nil {
		d.set(dicom.FrameOfReferenceUID, placed[0].reference)
		d.set(dicom.PositionReferenceIndicator)
	} else {
		d.set(dicom.PatientOrientation)
	}
	dimensions(d, placed != nil, d.Text(dicom.SOPInstanceUID))
	d.one(dicom.SharedFunctionalGroupsSequence, func(i draft) {
		if placed != nil {
			placed[0].shared(i)
		}
	})
	order := positions(layers, placed)
	var frames []*dicom.Object
	for k, l := range layers {
		frames = append(frames, d.item(func(i draft) {
			l.derivation(i)
			i.one(dicom.FrameContentSequence, func(c draft) {
				if placed == nil {
					c.set(tagStackID, "1")
					c.set(tagStackPosition, order[k])
				}
				c.set(dicom.DimensionIndexValues, numbers[k], order[k])
			})
			i.one(dicom.SegmentIdentificationSequence, func(s draft) { s.set(dicom.ReferencedSegmentNumber, numbers[k]) })
			if placed != nil {
				i.one(dicom.PlanePositionSequence, func(p draft) { p.set(dicom.ImagePositionPatient, placed[k].position...) })
			}
		}))
	}
	d.items(dicom.PerFrameFunctionalGroupsSequence, frames...)
	d.items(dicom.ReferencedSeriesSequence, referencedSeries(d, layers)...)
}

func (p *plane) shared(i draft) {
	i.one(dicom.PlaneOrientationSequence, func(o draft) { o.set(dicom.ImageOrientationPatient, p.orientation...) })
	i.one(dicom.PixelMeasuresSequence, func(m draft) {
		thickness := proper(dicom.SliceThickness, []string{p.thickness})
		if v, err := strconv.ParseFloat(p.thickness, 64); len(thickness) == 0 || err != nil || v <= 0 {
			thickness = []any{"1"} // type 1C, and no statement about a plane without thickness
		}
		m.set(dicom.SliceThickness, thickness...)
		if between := proper(dicom.SpacingBetweenSlices, []string{p.between}); len(between) > 0 {
			m.set(dicom.SpacingBetweenSlices, between...)
		}
		m.set(dicom.PixelSpacing, p.spacing...)
	})
}

// dimensions orders the frames by segment, then by place.
func dimensions(d draft, placed bool, uid string) {
	organization := dicom.DerivedUID("dimensions", uid)
	d.one(dicom.DimensionOrganizationSequence, func(i draft) { i.set(dicom.DimensionOrganizationUID, organization) })
	pointer := func(to, in dicom.Tag, label string) *dicom.Object {
		return d.item(func(i draft) {
			i.set(dicom.DimensionOrganizationUID, organization)
			i.set(dicom.DimensionIndexPointer, to)
			i.set(dicom.FunctionalGroupPointer, in)
			i.set(dicom.DimensionDescriptionLabel, label)
		})
	}
	second := pointer(tagStackPosition, dicom.FrameContentSequence, "Source image")
	if placed {
		second = pointer(dicom.ImagePositionPatient, dicom.PlanePositionSequence, "Image position")
	}
	d.items(dicom.DimensionIndexSequence, pointer(dicom.ReferencedSegmentNumber, dicom.SegmentIdentificationSequence, "Segment"), second)
}

// positions numbers the places of the layers, in the order they come.
func positions(layers []layer, placed []*plane) []int {
	var known []string
	out := make([]int, len(layers))
	for i, l := range layers {
		key := fmt.Sprint(l.source.IDs().SOP, l.frame)
		if placed != nil {
			key = fmt.Sprint(placed[i].position)
		}
		k := slices.Index(known, key)
		if k < 0 {
			k = len(known)
			known = append(known, key)
		}
		out[i] = k + 1
	}
	return out
}

// derivation says which frame a layer was made from.
func (l layer) derivation(i draft) {
	i.one(dicom.DerivationImageSequence, func(s draft) {
		s.one(dicom.SourceImageSequence, func(r draft) {
			refer(r, l.source, l.frame)
			r.set(tagSpatialKept, "YES")
			r.code(dicom.PurposeOfReferenceCodeSequence, sourceOfImage)
		})
		s.code(dicom.DerivationCodeSequence, segmentationStep)
	})
}

// refer writes a reference to an image, or to one frame of it.
func refer(r draft, source *dicom.Object, frame int) {
	id := source.IDs()
	r.set(dicom.ReferencedSOPClassUID, id.Class)
	r.set(dicom.ReferencedSOPInstanceUID, id.SOP)
	if n, _ := source.Int(dicom.NumberOfFrames); n > 1 && frame > 0 {
		r.set(dicom.ReferencedFrameNumber, frame)
	}
}

// referencedSeries lists the sources of the layers, all of one series.
func referencedSeries(d draft, layers []layer) []*dicom.Object {
	seen := map[string]bool{}
	var items []*dicom.Object
	for _, l := range layers {
		if id := l.source.IDs(); !seen[id.SOP] {
			seen[id.SOP] = true
			items = append(items, d.item(func(i draft) { refer(i, l.source, 0) }))
		}
	}
	return []*dicom.Object{d.item(func(i draft) {
		i.set(dicom.SeriesInstanceUID, layers[0].source.IDs().Series)
		i.items(dicom.ReferencedInstanceSequence, items...)
	})}
}
