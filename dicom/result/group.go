package result

import (
	"fmt"

	"consilium/clinical"
	"consilium/dicom"
)

// groups are the measurement groups of one finding: TID 1501 for what the
// model says, and TID 1410 for every region that it looked at.
func (in Input) groups(f Finding) []node {
	source := in.source(f.Sources[0])
	main := container(contains, measurementGroup, "1501",
		text(hasContext, trackingID, f.ID),
		reference(hasContext, trackingUID, in.trackingUID(f.ID)))
	stated := f.stated()
	if stated != nil {
		main.below = append(main.below, coded(contains, findingName, *stated))
	}
	sites := siteOf(source)
	main.below = append(main.below, sites...)
	main.below = append(main.below, algorithm(f)...)
	for _, o := range f.Outcomes {
		main.below = append(main.below, outcome(o))
	}
	for _, s := range f.Segments {
		main.below = append(main.below, segment(source, s))
	}
	main.below = append(main.below, verdict(f)...)
	main.below = append(main.below, in.review(f)...)
	for _, sop := range f.Sources {
		main.below = append(main.below, in.link(sop, f.Frame))
	}
	for _, o := range f.Objects {
		main.below = append(main.below, attachment(o))
	}
	groups := []node{main}
	for i, r := range f.Regions {
		if group, ok := in.region(f, i, r, source, stated); ok {
			groups = append(groups, group)
		}
	}
	return groups
}

// stated is the finding that the report states: what the reviewer corrected,
// else the one label that remained, unless the reviewer rejected it; nil where
// nothing is stated.
func (f Finding) stated() *Code {
	switch {
	case f.Review != nil && f.Review.Decision == Reject:
		return nil
	case f.Review != nil && f.Review.Decision == Correct:
		c := f.labelled(f.Review.Answer)
		return &c
	case f.Verdict == clinical.VerdictFinding:
		c := f.labelled(f.Answer)
		return &c
	}
	return nil
}

// labelled codes a label as the outcome of that name does.
func (f Finding) labelled(name string) Code {
	for _, o := range f.Outcomes {
		if o.Name == name {
			return codeOf(o.Concept)
		}
	}
	return codeOf(clinical.Concept{Name: name})
}

// algorithm identifies the model (TID 4019).
func algorithm(f Finding) []node {
	list := []node{
		text(hasModifier, algorithmName, f.Model),
		text(hasModifier, algorithmVersion, orElse(f.Version, "unknown")),
		text(hasModifier, algorithmMaker, Manufacturer),
	}
	for _, p := range parameters(f) {
		list = append(list, text(hasModifier, algorithmParam, p))
	}
	return list
}

// Keys of the algorithm's parameters, written "key: value".
const (
	keyTask   = "task"
	keyKind   = "input kind"
	keyDigest = "sha256"
)

func parameters(f Finding) (list []string) {
	for _, p := range [][2]string{{keyTask, f.Task}, {keyKind, string(f.Kind)}, {keyDigest, f.Digest}} {
		if p[1] != "" {
			list = append(list, p[0]+": "+p[1])
		}
	}
	return list
}

// outcome is the probability of one label with its interval (TID 300, 310),
// and whether the conformal set holds it.
func outcome(o clinical.Outcome) node {
	n := number(contains, probability, 100*o.Probability, percent, coded(hasModifier, findingName, codeOf(o.Concept)))
	if o.High != nil {
		n.below = append(n.below, number(hasProperty, rangeAbove, 100*max(0, *o.High-o.Probability), percent))
	}
	if o.Low != nil {
		n.below = append(n.below, number(hasProperty, rangeBelow, 100*max(0, o.Probability-*o.Low), percent))
	}
	return n
}

// verdict is what conformal prediction leaves, as qualitative evaluations.
func verdict(f Finding) []node {
	value := indeterminate
	if f.Verdict == clinical.VerdictFinding {
		value = determinate
	}
	list := []node{coded(contains, verdictName, value)}
	for _, o := range f.Outcomes {
		if o.InSet {
			list = append(list, coded(contains, setMember, codeOf(o.Concept)))
		}
	}
	if f.Coverage > 0 {
		list = append(list, number(contains, coverageName, 100*f.Coverage, percent))
	}
	list = append(list, text(contains, answerName, orElse(f.Answer, f.Verdict)))
	for _, note := range f.Notes {
		list = append(list, text(contains, commentName, note))
	}
	return list
}

// review is the reviewer's decision, with the correction and the comment.
func (in Input) review(f Finding) []node {
	r := f.Review
	if r == nil {
		return nil
	}
	n := coded(contains, reviewName, reviews[r.Decision])
	if r.By != "" {
		n.below = append(n.below, person(hasContext, personName, r.By))
	}
	if !r.At.IsZero() {
		n.below = append(n.below, when(hasContext, observationTime, in.local(r.At)))
	}
	if r.Decision == Correct {
		n.below = append(n.below, coded(hasProperty, correctedName, f.labelled(r.Answer)))
	}
	if r.Comment != "" {
		n.below = append(n.below, text(hasProperty, commentName, r.Comment))
	}
	return []node{n}
}

// link refers to a source.
func (in Input) link(sop string, frame int) node { return sourceNode(contains, in.source(sop), frame) }

func sourceNode(relation string, source *dicom.Object, frame int) node {
	id := source.IDs()
	if isWaveform(source) {
		return object(relation, "WAVEFORM", Code{}, id.Class, id.SOP, func(d draft) { d.set(dicom.ReferencedWaveformChannels, 1, 0) }) // group 1, all its channels
	}
	return object(relation, "IMAGE", Code{}, id.Class, id.SOP, func(d draft) {
		if n, _ := source.Int(dicom.NumberOfFrames); n > 1 && frame > 0 {
			d.set(dicom.ReferencedFrameNumber, frame)
		}
	})
}

// attachment refers to a heat map or a segmentation of the finding.
func attachment(id dicom.IDs) node {
	name := illustration
	if id.Class == Segmentation {
		name = segmentFrame
	}
	return object(contains, "IMAGE", name, id.Class, id.SOP, func(d draft) {
		if id.Class == Segmentation {
			d.set(dicom.ReferencedFrameNumber, 1)
			d.set(dicom.ReferencedSegmentNumber, 1)
		}
	})
}

// segment is the evidence in a stretch of a recording (TID 300, 321).
func segment(source *dicom.Object, s clinical.Segment) node {
	return number(contains, weightName, 100*s.Weight, percent,
		stretch(inferredFrom, s.Start, s.End, sourceNode(selectedFrom, source, 0)))
}

// region is the evidence in a box of a picture (TID 1410, 1419). A region
// outside of the picture is left out.
func (in Input) region(f Finding, i int, r clinical.Region, source *dicom.Object, stated *Code) (node, bool) {
	x1, y1 := r.X+r.Width, r.Y+r.Height
	columns, known := source.Int(dicom.Columns)
	rows, alsoKnown := source.Int(dicom.Rows)
	if known && alsoKnown {
		x1, y1 = min(x1, float64(columns)), min(y1, float64(rows))
	}
	x0, y0 := max(0, r.X), max(0, r.Y)
	if isWaveform(source) || x1 <= x0 || y1 <= y0 {
		return node{}, false
	}
	id := fmt.Sprintf("%s, region %d", f.ID, i+1)
	group := container(contains, measurementGroup, "1410",
		text(hasContext, trackingID, id),
		reference(hasContext, trackingUID, in.trackingUID(id)))
	if stated != nil {
		group.below = append(group.below, coded(contains, findingName, *stated))
	}
	group.below = append(group.below, box(contains, imageRegion, x0, y0, x1, y1, sourceNode(selectedFrom, source, f.Frame)))
	group.below = append(group.below, siteOf(source)...)
	group.below = append(group.below, number(contains, weightName, 100*r.Weight, percent))
	return group, true
}
