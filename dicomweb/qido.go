package dicomweb

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"consilium/dicom"
	"consilium/store"
)

// search adds the routes of QIDO-RS, PS3.18 section 10.6.
func (h *handler) search(r chi.Router) {
	r.Get("/studies", h.route(h.searchStudies))
	for _, p := range []string{"/series", "/studies/{study}/series"} {
		r.Get(p, h.route(h.searchSeries))
	}
	for _, p := range []string{"/instances", "/studies/{study}/instances", "/studies/{study}/series/{series}/instances"} {
		r.Get(p, h.route(h.searchInstances))
	}
}

// question reads a search and says to the caller what of it is not supported.
func (h *handler) question(w http.ResponseWriter, r *http.Request) (*question, error) {
	if err := takesJSON(r); err != nil {
		return nil, err
	}
	q, err := parseQuestion(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if study := chi.URLParam(r, "study"); study != "" {
		q.study.UIDs = []string{study}
		if _, err := h.Store.Study(r.Context(), h.Reader(r), study); err != nil {
			return nil, err // an unknown study, or one that is withheld, is told as such
		}
	}
	if series := chi.URLParam(r, "series"); series != "" {
		q.series.UIDs = []string{series}
	}
	for _, text := range q.warnings {
		warn(w, r, text)
	}
	return q, h.Observe(r.Context(), "studies.searched", chi.URLParam(r, "study"))
}

func (h *handler) searchStudies(w http.ResponseWriter, r *http.Request) error {
	q, err := h.question(w, r)
	if err != nil {
		return err
	}
	q.study.Limit, q.study.Offset, q.study.CountTo = q.limit+1, q.offset, 1
	list, _, err := h.Store.Studies(r.Context(), h.Reader(r), q.study)
	if err != nil {
		return err
	}
	return writeList(w, r, q.limit, list, func(s store.Study) (*dicom.Object, error) { return h.studyAnswer(r, s) })
}

func (h *handler) searchSeries(w http.ResponseWriter, r *http.Request) error {
	q, err := h.question(w, r)
	if err != nil {
		return err
	}
	q.series.Study, q.series.Limit, q.series.Offset = q.study, q.limit+1, q.offset
	list, err := h.Store.SearchSeries(r.Context(), h.Reader(r), q.series)
	if err != nil {
		return err
	}
	return writeList(w, r, q.limit, list, func(s store.StudySeries) (*dicom.Object, error) {
		o, err := h.studyAnswer(r, s.Study)
		if err != nil {
			return nil, err
		}
		return o, h.seriesAnswer(r, o, s.Series)
	})
}

func (h *handler) searchInstances(w http.ResponseWriter, r *http.Request) error {
	q, err := h.question(w, r)
	if err != nil {
		return err
	}
	q.series.Study = q.study
	q.instance.Series, q.instance.Limit, q.instance.Offset = q.series, q.limit+1, q.offset
	list, err := h.Store.SearchInstances(r.Context(), h.Reader(r), q.instance)
	if err != nil {
		return err
	}
	return writeList(w, r, q.limit, list, func(i store.Instance) (*dicom.Object, error) { return h.instanceAnswer(r, i) })
}

// writeList writes a JSON array of up to limit objects, and says when there are
// more. It is made whole before it is sent: limit is at most maxLimit.
func writeList[T any](w http.ResponseWriter, r *http.Request, limit int, list []T, object func(T) (*dicom.Object, error)) error {
	if len(list) > limit {
		list = list[:limit]
		warn(w, r, "There are additional results that can be requested")
	}
	var b bytes.Buffer
	b.WriteByte('[')
	for i, v := range list {
		o, err := object(v)
		if err != nil {
			return err
		}
		text, err := o.JSON(nil)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(text)
	}
	b.WriteByte(']')
	return writeJSON(w, http.StatusOK, b.Bytes())
}

// warn tells what was not done as asked, PS3.18 section 8.3.4.4 and others.
func warn(w http.ResponseWriter, r *http.Request, text string) {
	w.Header().Add("Warning", fmt.Sprintf("299 %s: %q", r.Host, text))
}

func writeJSON(w http.ResponseWriter, status int, b []byte) error {
	w.Header().Set("Content-Type", "application/dicom+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(b)
	return err
}

// attributes of an answer, set one after another until one fails.
type attributes struct {
	*dicom.Object
	err error
}

func (a *attributes) set(t dicom.Tag, values ...any) {
	if a.err == nil {
		a.err = a.Set(t, values...)
	}
}

// text sets a value, or leaves the attribute empty when there is none.
func (a *attributes) text(t dicom.Tag, v string) {
	if v == "" {
		a.set(t)
		return
	}
	a.set(t, v)
}

func (h *handler) studyAnswer(r *http.Request, s store.Study) (*dicom.Object, error) {
	a := &attributes{Object: dicom.New("")}
	a.text(dicom.StudyDate, s.Date)
	a.text(dicom.StudyTime, s.Time)
	a.text(dicom.AccessionNumber, s.Accession)
	a.set(dicom.InstanceAvailability, "ONLINE")
	a.set(dicom.ModalitiesInStudy, s.Modalities)
	a.text(dicom.ReferringPhysicianName, s.Referring)
	a.text(dicom.StudyDescription, s.Description)
	a.set(dicom.RetrieveURL, h.link(r, "/studies/"+s.UID))
	a.text(dicom.PatientName, s.Patient.Name)
	a.text(dicom.PatientID, s.Patient.ID)
	a.text(dicom.PatientBirthDate, s.Patient.BirthDate)
	a.text(dicom.PatientSex, s.Patient.Sex)
	a.set(dicom.StudyInstanceUID, s.UID)
	a.text(dicom.StudyID, s.ID)
	a.set(dicom.NumberOfStudyRelatedSeries, s.Series)
	a.set(dicom.NumberOfStudyRelatedInstances, s.Instances)
	return a.Object, a.err
}

func (h *handler) seriesAnswer(r *http.Request, o *dicom.Object, s store.Series) error {
	a := &attributes{Object: o}
	a.text(dicom.Modality, s.Modality)
	a.text(dicom.Manufacturer, s.Manufacturer)
	a.text(dicom.ManufacturerModelName, s.Device)
	a.text(dicom.SeriesDescription, s.Description)
	a.text(dicom.BodyPartExamined, s.BodyPart)
	a.set(dicom.SeriesInstanceUID, s.UID)
	a.set(dicom.SeriesNumber, s.Number)
	a.set(dicom.NumberOfSeriesRelatedInstances, s.Instances)
	a.set(dicom.RetrieveURL, h.link(r, "/studies/"+s.Study+"/series/"+s.UID))
	return a.err
}

func (h *handler) instanceAnswer(r *http.Request, i store.Instance) (*dicom.Object, error) {
	a := &attributes{Object: dicom.New("")}
	a.set(dicom.SOPClassUID, i.Class)
	a.set(dicom.SOPInstanceUID, i.SOP)
	a.set(dicom.InstanceAvailability, "ONLINE")
	if i.TransferSyntax != "" {
		a.set(dicom.AvailableTransferSyntaxUID, i.TransferSyntax)
	}
	a.text(dicom.StudyDate, i.StudyDate)
	a.text(dicom.StudyTime, i.StudyTime)
	a.text(dicom.AccessionNumber, i.Accession)
	a.text(dicom.Modality, i.Modality)
	a.text(dicom.SeriesDescription, i.SeriesDescription)
	a.text(dicom.PatientName, i.Patient.Name)
	a.text(dicom.PatientID, i.Patient.ID)
	a.set(dicom.StudyInstanceUID, i.Study)
	a.set(dicom.SeriesInstanceUID, i.Series)
	a.set(dicom.SeriesNumber, i.SeriesNumber)
	a.set(dicom.InstanceNumber, i.Number)
	if i.Rows > 0 && i.Columns > 0 {
		a.set(dicom.NumberOfFrames, i.Frames)
		a.set(dicom.Rows, i.Rows)
		a.set(dicom.Columns, i.Columns)
	}
	a.set(dicom.RetrieveURL, h.link(r, instancePath(i)))
	return a.Object, a.err
}

func instancePath(i store.Instance) string {
	return strings.Join([]string{"", "studies", i.Study, "series", i.Series, "instances", i.SOP}, "/")
}
