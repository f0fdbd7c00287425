package dicom

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// MaxVoxels bounds a volume: 512 slices of 512 x 512.
const MaxVoxels = 128 << 20

const maxPlanes = 16384

// volumeTime bounds the decoding of a volume.
const volumeTime = 5 * time.Minute

// Geometry places a volume in the patient: DICOM patient coordinates in mm (x
// to the left, y to the back, z to the head; PS3.3 C.7.6.2.1.1).
type Geometry struct {
	Origin             [3]float64 // centre of the first voxel
	Column, Row, Slice [3]float64 // steps to the next column, row and slice
	Tilt               float64    // degrees between the slice step and the slices' normal (gantry tilt)
	FrameOfReference   string
	Sources            []Source // of each slice
	Left               []Left   // what was not taken into the volume
	Notes              []string // what a reader should know: tilt, uneven spacing
}

// Source is where a slice comes from.
type Source struct {
	SOP   string
	Frame int // from 0
}

// Left is a frame that is not part of the volume, and why.
type Left struct {
	Source
	Why string
}

// Spacing is the distance between slices, along their normal, and between rows
// and columns, in mm.
func (g Geometry) Spacing() (slice, row, column float64) {
	return math.Abs(dot(g.Slice, unit(cross(g.Column, g.Row)))), norm(g.Row), norm(g.Column)
}

// Volume makes one volume of a series: single slices, or frames of enhanced
// objects, in any order. Slices are sorted by their position along the normal
// of ImageOrientationPatient; InstanceNumber does not matter. Scouts, slices
// of another orientation, size or spacing than most, and slices at a position
// that is taken (the lower instance number stays) are left out and listed.
//
// Values are those after the modality transformation, without a window:
// Hounsfield units of CT. Low..High is what the encoding allows.
//
// Errors: INPUT_EMPTY without slices, INPUT_UNSUPPORTED for frames without
// positions, colour, or slices that are not stacked evenly, INPUT_TRUNCATED
// when slices are missing between others, INPUT_MALFORMED for slices of
// several patients, INPUT_TOO_LARGE, TIMEOUT, and those of Image.
func Volume(objects []*Object) (clinical.Image, Geometry, error) {
	var g Geometry
	all, err := planes(objects, &g)
	if err != nil {
		return clinical.Image{}, g, err
	}
	stack := largest(all, &g)
	stack = distinct(stack, &g)
	if err := g.place(stack); err != nil {
		return clinical.Image{}, g, err
	}
	img, err := voxels(stack)
	return img, g, err
}

// plane is one frame with its place.
type plane struct {
	o              *Object
	frame, number  int
	source         Source
	series, frames string // series and frame of reference UIDs
	rows, columns  int
	position       [3]float64
	row, column    [3]float64 // unit vectors along a row and along a column
	spacing        [2]float64 // between rows, between columns
	depth          float64    // along the normal
}

// planes lists the frames that have a place, in an order that does not depend
// on that of the objects.
func planes(objects []*Object, g *Geometry) ([]*plane, error) {
	var out []*plane
	patient := map[string]bool{}
	for _, o := range objects {
		id := o.IDs()
		if o.NumberOfFrames() == 0 {
			g.Left = append(g.Left, Left{Source{id.SOP, 0}, "no image"})
		}
		for f := range min(o.NumberOfFrames(), MaxFrames, maxPlanes+1-len(out)) {
			p := &plane{o: o, frame: f, source: Source{id.SOP, f}, series: id.Series, frames: o.Text(FrameOfReferenceUID)}
			if why := p.read(); why != "" {
				g.Left = append(g.Left, Left{p.source, why})
				continue
			}
			patient[id.Patient] = true
			out = append(out, p)
		}
	}
	slices.SortFunc(g.Left, func(a, b Left) int {
		return cmp.Or(cmp.Compare(a.SOP, b.SOP), cmp.Compare(a.Frame, b.Frame))
	})
	switch {
	case len(out) > maxPlanes:
		return nil, tooLarge(out[0].o.name, "%d slices, the limit is %d", len(out), maxPlanes)
	case len(objects) == 0:
		return nil, fault.New(fault.InputEmpty, "a series without objects", "hand in its slices")
	case len(out) == 0:
		return nil, fault.New(fault.InputUnsupported, objects[0].name+": "+g.Left[0].Why, "hand in slices that say where they are")
	case len(patient) > 1:
		return nil, malformed(out[0].o.name, "slices of several patients")
	}
	slices.SortFunc(out, func(a, b *plane) int {
		return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.number, b.number), cmp.Compare(a.source.SOP, b.source.SOP), cmp.Compare(a.frame, b.frame))
	})
	return out, nil
}

// read takes the place of a frame out of its functional groups or its object;
// it says why the frame cannot be part of a volume.
func (p *plane) read() (why string) {
	for _, v := range append(p.o.Texts(ImageType), p.frameType()...) {
		if strings.EqualFold(v, "LOCALIZER") {
			return "a scout image"
		}
	}
	position := p.o.group(p.frame, PlanePositionSequence).Floats(ImagePositionPatient)
	orientation := p.o.group(p.frame, PlaneOrientationSequence).Floats(ImageOrientationPatient)
	spacing := p.o.group(p.frame, PixelMeasuresSequence).Floats(PixelSpacing)
	if len(position) != 3 || len(orientation) != 6 {
		return "no position or orientation in the patient"
	}
	if len(spacing) != 2 || !(spacing[0] > 0 && spacing[1] > 0) {
		return "no pixel spacing"
	}
	p.position, p.spacing = [3]float64(position), [2]float64(spacing)
	p.row, p.column = [3]float64(orientation[:3]), [3]float64(orientation[3:])
	if math.Abs(norm(p.row)-1) > 0.01 || math.Abs(norm(p.column)-1) > 0.01 || math.Abs(dot(p.row, p.column)) > 0.01 {
		return "an orientation whose directions are not at right angles"
	}
	p.row, p.column = unit(p.row), unit(p.column)
	p.rows, p.columns = p.o.short(Rows, 0), p.o.short(Columns, 0)
	p.number, _ = p.o.Int(InstanceNumber)
	return ""
}

// frameType is that of an enhanced CT or MR frame.
func (p *plane) frameType() []string {
	for _, t := range []Tag{CTImageFrameTypeSequence, MRImageFrameTypeSequence} {
		if g := p.o.group(p.frame, t); g != p.o {
			return g.Texts(FrameType)
		}
	}
	return nil
}

// fits says why q does not belong into one stack with p; "" when it does.
func (p *plane) fits(q *plane) string {
	switch {
	case p.series != q.series:
		return "of another series"
	case p.frames != q.frames:
		return "of another frame of reference"
	case p.rows != q.rows || p.columns != q.columns:
		return fmt.Sprintf("of another size: %d x %d pixels", q.columns, q.rows)
	case dot(p.row, q.row) < 0.9999 || dot(p.column, q.column) < 0.9999: // about 0.8 degrees
		return "of another orientation"
	case math.Abs(p.spacing[0]-q.spacing[0]) > 0.01*p.spacing[0] || math.Abs(p.spacing[1]-q.spacing[1]) > 0.01*p.spacing[1]:
		return "of another pixel spacing"
	}
	return ""
}

// largest gives the largest set of planes that fit together, the first of equals.
func largest(all []*plane, g *Geometry) []*plane {
	var stacks [][]*plane
next:
	for _, p := range all {
		for i, s := range stacks {
			if s[0].fits(p) == "" {
				stacks[i] = append(s, p)
				continue next
			}
		}
		stacks = append(stacks, []*plane{p})
	}
	best := slices.MaxFunc(stacks, func(a, b []*plane) int { return cmp.Compare(len(a), len(b)) })
	for _, s := range stacks {
		if s[0] == best[0] {
			continue
		}
		for _, p := range s {
			g.Left = append(g.Left, Left{p.source, best[0].fits(p)})
		}
	}
	return best
}

// samePlace is the distance in mm below which two slices are at one position.
const samePlace = 0.01

// distinct sorts the stack along its normal and keeps one plane a position.
func distinct(stack []*plane, g *Geometry) []*plane {
	normal := cross(stack[0].row, stack[0].column)
	for _, p := range stack {
		p.depth = dot(p.position, normal)
	}
	// Stable: planes at one position stay in the order of their numbers.
	slices.SortStableFunc(stack, func(a, b *plane) int {
		return cmp.Compare(math.Round(a.depth/samePlace), math.Round(b.depth/samePlace))
	})
	out := stack[:1:1]
	for _, p := range stack[1:] {
		if last := out[len(out)-1]; p.depth-last.depth < samePlace {
			why := "at a position that is taken"
			if p.source == last.source {
				why = "twice the same"
			}
			g.Left = append(g.Left, Left{p.source, why})
			continue
		}
		out = append(out, p)
	}
	return out
}

// place works the geometry out and refuses what is no even stack.
func (g *Geometry) place(stack []*plane) error {
	first, n := stack[0], len(stack)
	g.Origin, g.FrameOfReference = first.position, first.frames
	g.Column, g.Row = scaled(first.row, first.spacing[1]), scaled(first.column, first.spacing[0])
	normal := cross(first.row, first.column)
	for _, p := range stack {
		g.Sources = append(g.Sources, p.source)
	}
	if n == 1 {
		thickness, given := first.o.group(first.frame, PixelMeasuresSequence).Float(SliceThickness)
		if !given || thickness <= 0 {
			thickness = 1
			g.Notes = append(g.Notes, "a single slice of unknown thickness")
		}
		g.Slice = scaled(normal, thickness)
		return nil
	}
	g.Slice = scaled(minus(stack[n-1].position, first.position), 1/float64(n-1))
	if err := g.even(stack); err != nil {
		return err
	}
	g.Tilt = math.Acos(min(1, math.Abs(dot(unit(g.Slice), normal)))) * 180 / math.Pi
	if g.Tilt > 0.5 {
		g.Notes = append(g.Notes, fmt.Sprintf("the slices are sheared by %.1f degrees (gantry tilt)", g.Tilt))
	}
	return nil
}

// even checks that the slices follow each other at one distance.
func (g *Geometry) even(stack []*plane) error {
	n := len(stack)
	steps := make([]float64, n-1)
	for i := range steps {
		steps[i] = stack[i+1].depth - stack[i].depth
	}
	sorted := slices.Sorted(slices.Values(steps))
	usual := sorted[len(sorted)/2]
	missing, worst := 0, 0.0
	for _, s := range steps {
		if whole := math.Round(s / usual); whole > 1 && math.Abs(s/usual-whole) < 0.1 {
			missing += int(min(whole, 1e6)) - 1
			continue
		}
		worst = max(worst, math.Abs(s-usual)/usual)
	}
	switch {
	case missing > 0:
		return fault.New(fault.InputTruncated, fmt.Sprintf("%s: %d slices are missing between %d others, %.3g mm apart", stack[0].o.name, missing, n, usual), "send the whole series")
	case worst > 0.25:
		return fault.New(fault.InputUnsupported, fmt.Sprintf("%s: slices at uneven distances, between %.3g and %.3g mm", stack[0].o.name, sorted[0], sorted[len(sorted)-1]), "export evenly spaced slices")
	case worst > 0.02:
		g.Notes = append(g.Notes, fmt.Sprintf("slice distances vary by up to %.0f%%", 100*worst))
	}
	for i, p := range stack {
		straight := plus(stack[0].position, scaled(g.Slice, float64(i)))
		if norm(minus(p.position, straight)) > max(usual, p.spacing[0], p.spacing[1]) {
			return fault.New(fault.InputUnsupported, stack[0].o.name+": slices that are not stacked in a straight line", "export parallel slices")
		}
	}
	return nil
}

// voxels decodes the slices.
func voxels(stack []*plane) (clinical.Image, error) {
	first := stack[0]
	o := first.o
	img := clinical.Image{
		Source: o.name, Format: "DICOM", Modality: o.Text(Modality), BodyPart: o.Text(BodyPartExamined),
		Frames: len(stack), Rows: first.rows, Columns: first.columns, Channels: 1, Low: math.Inf(1), High: math.Inf(-1),
		Patient: o.Patient(), Synthetic: o.Synthetic(),
	}
	if total := int64(img.Frames) * int64(img.Rows) * int64(img.Columns); total > MaxVoxels {
		return img, tooLarge(o.name, "%d slices of %d x %d pixels, the limit is %d values", img.Frames, img.Columns, img.Rows, MaxVoxels)
	}
	end := time.Now().Add(volumeTime)
	for _, p := range stack {
		if time.Now().After(end) {
			return img, fault.New(fault.Timeout, o.name+": decoding the volume takes too long", "hand in a smaller series")
		}
		if err := p.append(&img); err != nil {
			return img, err
		}
	}
	img.Low, img.High = float64(float32(img.Low)), float64(float32(img.High))
	if !(img.High > img.Low) {
		img.High = img.Low + 1
	}
	if first.o.Text(PhotometricInterpretation) == "MONOCHROME1" {
		for i, v := range img.Pixels {
			img.Pixels[i] = float32(img.Low + img.High - float64(v))
		}
	}
	return img, nil
}

// append decodes the plane into the image.
func (p *plane) append(img *clinical.Image) error {
	d, err := p.o.decode(p.frame, 1)
	if err != nil {
		return err
	}
	if !d.grey() {
		return unsupported(p.o.name, "a volume of %s", d.Photometric)
	}
	m, err := p.o.modality(p.frame, d.Signed)
	if err != nil {
		return err
	}
	low, high := m.span(d.limits())
	img.Low, img.High = min(img.Low, low), max(img.High, high)
	if math.Abs(low) > maxValue || math.Abs(high) > maxValue || low-low != 0 || high-high != 0 {
		return malformed(p.o.name, fmt.Sprintf("grey values in %v..%v", low, high))
	}
	if len(img.Pixels) == 0 {
		img.Pixels = make([]float32, 0, img.Frames*d.count())
	}
	for i := range d.count() {
		v := m.apply(d.value(i))
		if v-v != 0 {
			return fault.New(fault.InputNotFinite, p.o.name+": pixels that are not finite", "export it with finite values")
		}
		img.Pixels = append(img.Pixels, float32(v))
	}
	return nil
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

func norm(a [3]float64) float64 { return math.Sqrt(dot(a, a)) }

func scaled(a [3]float64, f float64) [3]float64 { return [3]float64{a[0] * f, a[1] * f, a[2] * f} }

func unit(a [3]float64) [3]float64 { return scaled(a, 1/norm(a)) }

func plus(a, b [3]float64) [3]float64 { return [3]float64{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

func minus(a, b [3]float64) [3]float64 { return [3]float64{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
