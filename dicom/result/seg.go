package result

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/fault"
)

// SEG makes Segmentations (PS3.3 A.51), BINARY, of the masks of the findings,
// or of the regions of those that have no masks: one object for each series
// and size of sources, none when there is nothing to draw. Frames refer to the
// very source frame they lie on; where all sources of an object are placed in
// a frame of reference, its frames are too.
//
// Errors: those of SR, and USAGE for a mask that does not fit its source.
func SEG(in Input) ([]*dicom.Object, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	layers, err := in.layers()
	if err != nil {
		return nil, err
	}
	var out []*dicom.Object
	for _, group := range layers {
		o, err := in.segmentation(group, len(out)+1)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// layer is one frame of a segmentation: one segment on one source frame.
type layer struct {
	finding *Finding
	label   string
	kind    Code // of what is segmented
	source  *dicom.Object
	frame   int
	pixels  []bool
}

// layers draws all masks, grouped by series and size.
func (in Input) layers() (groups [][]layer, err error) {
	var keys []string
	for i := range in.Findings {
		f := &in.Findings[i]
		list, err := in.drawn(f)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			rows, columns := size(l.source)
			key := fmt.Sprintf("%s %dx%d", l.source.IDs().Series, rows, columns)
			k := slices.Index(keys, key)
			if k < 0 {
				k = len(keys)
				keys, groups = append(keys, key), append(groups, nil)
			}
			groups[k] = append(groups[k], l)
		}
	}
	return groups, nil
}

// drawn gives the layers of one finding: its masks, else its regions in one.
func (in Input) drawn(f *Finding) (list []layer, err error) {
	for _, m := range f.Masks {
		l := layer{f, orElse(m.Label, "segment"), m.kind(), in.source(m.SOP), m.Frame, m.Pixels}
		if l.source == nil {
			return nil, usage("a mask of finding %s lies on %s, which is not among the sources", f.ID, m.SOP)
		}
		if rows, columns := size(l.source); len(m.Pixels) != rows*columns || len(m.Pixels) == 0 {
			return nil, usage("a mask of finding %s has %d pixels, its source has %d x %d", f.ID, len(m.Pixels), rows, columns)
		}
		if slices.Contains(m.Pixels, true) {
			list = append(list, l)
		}
	}
	if len(f.Masks) > 0 || len(f.Regions) == 0 {
		return list, nil
	}
	source := in.source(f.Sources[0])
	rows, columns := size(source)
	if isWaveform(source) || rows == 0 || columns == 0 {
		return nil, nil
	}
	pixels := make([]bool, rows*columns)
	for _, r := range f.Regions {
		fill(pixels, columns, r)
	}
	if !slices.Contains(pixels, true) {
		return nil, nil
	}
	label := "Evidence for " + orElse(f.Answer, f.Task)
	return []layer{{f, label, evidenceMask, source, f.Frame, pixels}}, nil
}

// size is rows and columns; 0 where the source has none.
func size(o *dicom.Object) (rows, columns int) {
	rows, _ = o.Int(dicom.Rows)
	columns, _ = o.Int(dicom.Columns)
	return max(rows, 0), max(columns, 0)
}

// fill marks the pixels that a region touches.
func fill(pixels []bool, columns int, r clinical.Region) {
	rows := len(pixels) / columns
	for y := max(0, int(r.Y)); y < min(rows, int(math.Ceil(r.Y+r.Height))); y++ {
		for x := max(0, int(r.X)); x < min(columns, int(math.Ceil(r.X+r.Width))); x++ {
			pixels[y*columns+x] = true
		}
	}
}

// maxFrames is what NumberOfFrames and memory allow.
const maxFrames = 10_000

func (in Input) segmentation(layers []layer, instance int) (*dicom.Object, error) {
	rows, columns := size(layers[0].source)
	if len(layers) > maxFrames {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("%d masks in one segmentation, the limit is %d", len(layers), maxFrames), "segment a smaller part")
	}
	d := in.begin(kindSEG, fmt.Sprint(layers[0].source.IDs().Series, rows, columns))
	d.set(dicom.ImageType, "DERIVED", "PRIMARY")
	d.set(dicom.InstanceNumber, instance)
	segments, numbers := segmentsOf(layers)
	d.set(dicom.SamplesPerPixel, 1)
	d.set(dicom.PhotometricInterpretation, "MONOCHROME2")
	d.set(dicom.NumberOfFrames, len(layers))
	d.set(dicom.Rows, rows)
	d.set(dicom.Columns, columns)
	d.set(dicom.BitsAllocated, 1)
	d.set(dicom.BitsStored, 1)
	d.set(dicom.HighBit, 0)
	d.set(dicom.PixelRepresentation, 0)
	lossy(d, layers[0].source)
	d.set(dicom.SegmentationType, "BINARY")
	d.set(dicom.SegmentsOverlap, map[bool]string{true: "NO", false: "UNDEFINED"}[len(segments) == 1])
	d.set(dicom.ContentLabel, "AI_EVIDENCE")
	d.set(dicom.ContentDescription, "Where AI models looked, "+in.state())
	d.set(dicom.ContentCreatorName)
	var items []*dicom.Object
	for i, l := range segments {
		items = append(items, in.segmentItem(d, i+1, l))
	}
	d.items(dicom.SegmentSequence, items...)
	in.frames(d, layers, numbers)
	d.set(dicom.PixelData, pack(layers))
	return d.finish()
}

// segmentsOf numbers the segments: one for each finding and label.
func segmentsOf(layers []layer) (segments []layer, numbers []int) {
	for _, l := range layers {
		i := slices.IndexFunc(segments, func(s layer) bool { return s.finding == l.finding && s.label == l.label })
		if i < 0 {
			i = len(segments)
			segments = append(segments, l)
		}
		numbers = append(numbers, i+1)
	}
	return segments, numbers
}

// segmentItem describes a segment (PS3.3 C.8.20.4).
func (in Input) segmentItem(d draft, number int, l layer) *dicom.Object {
	return d.item(func(i draft) {
		i.set(dicom.SegmentNumber, number)
		i.set(dicom.SegmentLabel, short(l.label, 64))
		i.set(dicom.SegmentAlgorithmType, "AUTOMATIC")
		i.set(dicom.SegmentAlgorithmName, short(l.finding.Model, 64))
		i.one(dicom.SegmentationAlgorithmIdentificationSequence, func(a draft) {
			a.code(dicom.AlgorithmFamilyCodeSequence, ai)
			a.set(dicom.AlgorithmName, short(l.finding.Model, 64))
			a.set(dicom.AlgorithmVersion, short(orElse(l.finding.Version, "unknown"), 64))
			a.set(dicom.AlgorithmParameters, long(strings.Join(parameters(*l.finding), "; ")))
		})
		i.code(dicom.SegmentedPropertyCategoryCodeSequence, spatial)
		i.code(dicom.SegmentedPropertyTypeCodeSequence, l.kind)
		id := fmt.Sprintf("%s, %s", l.finding.ID, l.label)
		i.set(dicom.TrackingID, long(id))
		i.set(dicom.TrackingUID, in.trackingUID(id))
	})
}

// pack puts one bit a pixel, the first in the lowest bit, frames back to back
// (PS3.5 8.1.1 and annex D).
func pack(layers []layer) []byte {
	n := len(layers[0].pixels)
	out := make([]byte, (n*len(layers)+7)/8)
	for k, l := range layers {
		for i, on := range l.pixels {
			if on {
				bit := k*n + i
				out[bit/8] |= 1 << (bit % 8)
			}
		}
	}
	return out
}

// lossy says whether the source lost pixels to compression, as its results do then.
func lossy(d draft, source *dicom.Object) {
	if source.Text(dicom.LossyImageCompression) != "01" {
		d.set(dicom.LossyImageCompression, "00")
		return
	}
	d.set(dicom.LossyImageCompression, "01")
	for _, t := range []dicom.Tag{dicom.LossyImageCompressionRatio, dicom.LossyImageCompressionMethod} {
		if values := proper(t, source.Texts(t)); len(values) > 0 {
			d.set(t, values...)
		}
	}
}
