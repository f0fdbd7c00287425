package result

import (
	"fmt"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/dicom"
)

// SR makes a Comprehensive 3D SR (PS3.3 A.35.13) after TID 1500 Measurement
// Report (PS3.16): who observed, what was done, the library of sources, and a
// measurement group for every finding. It is UNVERIFIED and PRELIMINARY until
// Input.Signature is set, and PARTIAL as long as it is unsigned and inputs
// were refused.
//
// Errors: USAGE for an Input that lacks what a report needs, INPUT_MALFORMED
// for sources without proper UIDs.
func SR(in Input) (*dicom.Object, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	d := in.begin(kindSR)
	in.document(d)
	in.report().write(d)
	return d.finish()
}

// document writes the SR Document Series and General modules (PS3.3 C.17.1, C.17.2).
func (in Input) document(d draft) {
	d.items(dicom.ReferencedPerformedProcedureStepSequence)
	d.set(dicom.InstanceNumber, 1)
	d.set(dicom.VerificationFlag, in.state())
	if in.signed() {
		d.set(dicom.PreliminaryFlag, "FINAL")
	} else {
		d.set(dicom.PreliminaryFlag, "PRELIMINARY")
	}
	if len(in.Refusals) > 0 && !in.signed() {
		d.set(dicom.CompletionFlag, "PARTIAL")
		d.set(dicom.CompletionFlagDescription, short(fmt.Sprintf("%d inputs were not judged, with the reasons in the report", len(in.Refusals)), 64))
	} else {
		d.set(dicom.CompletionFlag, "COMPLETE")
	}
	d.items(dicom.PerformedProcedureCodeSequence)
	d.one(dicom.AuthorObserverSequence, func(i draft) {
		i.set(dicom.ObserverType, "DEV")
		i.set(dicom.Manufacturer, Manufacturer)
		i.set(dicom.ManufacturerModelName, ModelName)
		i.setKnown(dicom.StationName, short(in.Device.Station, 16))
		i.set(dicom.DeviceUID, in.Device.uid())
		i.set(dicom.InstitutionName)
		i.items(tagInstitutionCode)
	})
	if s := in.Signature; s != nil {
		d.one(dicom.VerifyingObserverSequence, func(i draft) {
			i.set(dicom.VerifyingObserverName, personAs(s.By))
			i.items(dicom.VerifyingObserverIdentificationCodeSequence)
			i.set(dicom.VerifyingOrganization, short(orElse(s.Organization, "not given"), 64))
			i.set(dicom.VerificationDateTime, moment(in.local(s.At)))
		})
	}
	in.requests(d)
	if p := in.Predecessor; p != nil {
		d.items(dicom.PredecessorDocumentsSequence, hierarchy(d, []dicom.IDs{*p})...)
	}
	d.items(dicom.CurrentRequestedProcedureEvidenceSequence, hierarchy(d, in.evidence())...)
}

// requests refers to the order, where the source names one.
func (in Input) requests(d draft) {
	source := in.Sources[0]
	accession := proper(dicom.AccessionNumber, source.Texts(dicom.AccessionNumber))
	if len(accession) == 0 {
		return
	}
	request := source.Item(dicom.RequestAttributesSequence)
	d.one(dicom.ReferencedRequestSequence, func(i draft) {
		i.set(dicom.StudyInstanceUID, source.IDs().Study)
		i.items(dicom.ReferencedStudySequence)
		i.set(dicom.AccessionNumber, accession[0])
		i.set(dicom.PlacerOrderNumberImagingServiceRequest)
		i.set(dicom.FillerOrderNumberImagingServiceRequest)
		i.set(dicom.RequestedProcedureID, proper(dicom.RequestedProcedureID, request.Texts(dicom.RequestedProcedureID))...)
		i.set(dicom.RequestedProcedureDescription, proper(dicom.RequestedProcedureDescription, request.Texts(dicom.RequestedProcedureDescription))...)
		i.items(dicom.RequestedProcedureCodeSequence)
	})
}

// evidence lists everything that the content refers to.
func (in Input) evidence() []dicom.IDs {
	var list []dicom.IDs
	for _, s := range in.Sources {
		list = append(list, s.IDs())
	}
	for _, f := range in.Findings {
		list = append(list, f.Objects...)
	}
	return list
}

// hierarchy groups references by study and series, each instance once
// (PS3.3 table C.17-3).
func hierarchy(d draft, list []dicom.IDs) []*dicom.Object {
	type series struct {
		uid   string
		items []*dicom.Object
	}
	type study struct {
		uid    string
		series []*series
	}
	var studies []*study
	seen := map[string]bool{}
	for _, id := range list {
		if seen[id.SOP] {
			continue
		}
		seen[id.SOP] = true
		i := slices.IndexFunc(studies, func(s *study) bool { return s.uid == id.Study })
		if i < 0 {
			i = len(studies)
			studies = append(studies, &study{uid: id.Study})
		}
		st := studies[i]
		k := slices.IndexFunc(st.series, func(s *series) bool { return s.uid == id.Series })
		if k < 0 {
			k = len(st.series)
			st.series = append(st.series, &series{uid: id.Series})
		}
		st.series[k].items = append(st.series[k].items, d.item(func(i draft) {
			i.set(dicom.ReferencedSOPClassUID, id.Class)
			i.set(dicom.ReferencedSOPInstanceUID, id.SOP)
		}))
	}
	var out []*dicom.Object
	for _, st := range studies {
		out = append(out, d.item(func(i draft) {
			i.set(dicom.StudyInstanceUID, st.uid)
			var list []*dicom.Object
			for _, se := range st.series {
				list = append(list, d.item(func(i draft) {
					i.set(dicom.SeriesInstanceUID, se.uid)
					i.items(dicom.ReferencedSOPSequence, se.items...)
				}))
			}
			i.items(dicom.ReferencedSeriesSequence, list...)
		}))
	}
	return out
}

// report is the content tree: TID 1500.
func (in Input) report() node {
	root := container("", reportTitle, "1500", coded(hasModifier, language, english))
	root.below = append(root.below, in.observers()...)
	root.below = append(root.below, coded(hasModifier, procedure, in.procedure()))
	root.below = append(root.below, in.comments()...)
	if library := in.library(); len(library.below) > 0 {
		root.below = append(root.below, library)
	}
	groups := container(contains, measurements, "")
	for _, f := range in.Findings {
		groups.below = append(groups.below, in.groups(f)...)
	}
	root.below = append(root.below, groups)
	return root
}

// observers is the observation context: the device, and the person who signed
// (TID 1002, 1003, 1004).
func (in Input) observers() []node {
	list := []node{
		coded(hasContext, observerType, observerDevice),
		reference(hasContext, deviceUID, in.Device.uid()),
		text(hasContext, deviceName, ModelName+" "+in.Device.version()),
		text(hasContext, deviceMaker, Manufacturer),
		text(hasContext, deviceModel, ModelName),
		text(hasContext, deviceSerial, in.Device.serial()),
	}
	if s := in.Signature; s != nil {
		list = append(list, coded(hasContext, observerType, observerPerson), person(hasContext, personName, s.By))
		if s.Organization != "" {
			list = append(list, text(hasContext, personOrg, s.Organization))
		}
		list = append(list, coded(hasContext, personRole, verifying))
	}
	return list
}

// comments says what kind of result this is, what was signed, and what was not judged.
func (in Input) comments() []node {
	list := []node{text(contains, commentName, in.notice())}
	if s := in.Signature; s != nil && s.Attestation != "" {
		list = append(list, text(contains, commentName, "Attestation: "+s.Attestation))
	}
	for _, r := range in.Refusals {
		list = append(list, text(contains, commentName, refusal(r)))
	}
	return list
}

func refusal(r clinical.Refusal) string {
	return strings.TrimSpace(fmt.Sprintf("Not judged: %s (%s): %s", r.Input, r.Code, r.What))
}

// library lists the sources that are images, by series (TID 1600, 1601, 1602).
func (in Input) library() node {
	list := container(contains, imageLibrary, "")
	for _, s := range in.series() {
		group := container(contains, libraryGroup, "")
		if m, known := modality(s.instances[0].Text(dicom.Modality)); known {
			group.below = append(group.below, coded(hasAcquired, modalityName, m))
		}
		for _, o := range s.instances {
			if isWaveform(o) {
				continue
			}
			id := o.IDs()
			image := object(contains, "IMAGE", Code{}, id.Class, id.SOP, nil)
			rows, hasRows := o.Int(dicom.Rows)
			columns, hasColumns := o.Int(dicom.Columns)
			if hasRows && hasColumns {
				image.below = []node{number(hasAcquired, pixelRows, float64(rows), pixels), number(hasAcquired, pixelColumns, float64(columns), pixels)}
			}
			group.below = append(group.below, image)
		}
		if group.below != nil && group.below[len(group.below)-1].kind == "IMAGE" {
			list.below = append(list.below, group)
		}
	}
	return list
}

// isWaveform says whether the object is a waveform and no image (PS3.4 B.5).
func isWaveform(o *dicom.Object) bool {
	return strings.HasPrefix(o.IDs().Class, "1.2.840.10008.5.1.4.1.1.9.")
}
