package result

import (
	"time"

	"consilium/dicom"
)

// node is one content item of a report with those below it (PS3.3 C.17.3).
type node struct {
	relation string // to the item above; "" for the root
	kind     string // value type
	name     Code   // concept name; none for references
	fill     func(d draft)
	below    []node
}

// Relationships.
const (
	contains     = "CONTAINS"
	hasContext   = "HAS OBS CONTEXT"
	hasModifier  = "HAS CONCEPT MOD"
	hasProperty  = "HAS PROPERTIES"
	hasAcquired  = "HAS ACQ CONTEXT"
	inferredFrom = "INFERRED FROM"
	selectedFrom = "SELECTED FROM"
)

func container(relation string, name Code, template string, below ...node) node {
	return node{relation, "CONTAINER", name, func(d draft) {
		d.set(dicom.ContinuityOfContent, "SEPARATE")
		if template != "" {
			d.one(dicom.ContentTemplateSequence, func(i draft) {
				i.set(dicom.MappingResource, "DCMR")
				i.set(dicom.TemplateIdentifier, template)
			})
		}
	}, below}
}

func text(relation string, name Code, value string) node {
	return node{relation, "TEXT", name, func(d draft) { d.set(dicom.TextValue, long(value)) }, nil}
}

func coded(relation string, name, value Code, below ...node) node {
	return node{relation, "CODE", name, func(d draft) { d.code(dicom.ConceptCodeSequence, value) }, below}
}

func number(relation string, name Code, value float64, unit Code, below ...node) node {
	return node{relation, "NUM", name, func(d draft) {
		d.one(dicom.MeasuredValueSequence, func(i draft) {
			i.set(dicom.NumericValue, decimal(value))
			i.set(dicom.FloatingPointValue, value)
			i.code(dicom.MeasurementUnitsCodeSequence, unit)
		})
	}, below}
}

func reference(relation string, name Code, uid string) node {
	return node{relation, "UIDREF", name, func(d draft) { d.set(dicom.UID, uid) }, nil}
}

func person(relation string, name Code, value string) node {
	return node{relation, "PNAME", name, func(d draft) { d.set(dicom.PersonName, personAs(value)) }, nil}
}

func when(relation string, name Code, t time.Time) node {
	return node{relation, "DATETIME", name, func(d draft) { d.set(dicom.DateTime, moment(t)) }, nil}
}

// object refers to an instance: IMAGE, WAVEFORM or COMPOSITE. more adds
// frames, segments or channels to the reference.
func object(relation, kind string, name Code, class, sop string, more func(d draft), below ...node) node {
	return node{relation, kind, name, func(d draft) {
		d.one(dicom.ReferencedSOPSequence, func(i draft) {
			i.set(dicom.ReferencedSOPClassUID, class)
			i.set(dicom.ReferencedSOPInstanceUID, sop)
			if more != nil {
				more(i)
			}
		})
	}, below}
}

// box is a closed rectangle in the image below it: column and row, 0\0 at the
// outer corner of the first pixel (PS3.3 C.18.6.1.2).
func box(relation string, name Code, x0, y0, x1, y1 float64, image node) node {
	return node{relation, "SCOORD", name, func(d draft) {
		d.set(dicom.GraphicData, x0, y0, x1, y0, x1, y1, x0, y1, x0, y0)
		d.set(dicom.GraphicType, "POLYLINE")
	}, []node{image}}
}

// stretch is a part of the waveform below it, in seconds (PS3.3 C.18.7).
func stretch(relation string, start, end float64, waveform node) node {
	return node{relation, "TCOORD", Code{}, func(d draft) {
		d.set(dicom.TemporalRangeType, "SEGMENT")
		d.set(dicom.ReferencedTimeOffsets, decimal(start), decimal(end))
	}, []node{waveform}}
}

// write writes the node into its data set: the root into the object itself.
func (n node) write(d draft) {
	if n.relation != "" {
		d.set(dicom.RelationshipType, n.relation)
	}
	d.set(dicom.ValueType, n.kind)
	if n.name != (Code{}) {
		d.code(dicom.ConceptNameCodeSequence, n.name)
	}
	n.fill(d)
	if len(n.below) == 0 {
		return
	}
	items := make([]*dicom.Object, len(n.below))
	for i, below := range n.below {
		items[i] = d.item(below.write)
	}
	d.items(dicom.ContentSequence, items...)
}
