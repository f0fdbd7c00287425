package dicomweb

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// Failure reasons of one object, PS3.18 table 10.5.3-2 and PS3.7 annex C.
const (
	reasonProcessing  = 0x0110
	reasonDuplicate   = 0x0111
	reasonClass       = 0x0122
	reasonAuthorized  = 0x0124
	reasonResources   = 0xA700
	reasonOtherStudy  = 0xA900 // data set does not match
	reasonUnreadable  = 0xC000
	reasonUnsupported = 0xC122 // transfer syntax
)

var reasons = map[fault.Code]int{
	fault.Conflict: reasonDuplicate, fault.StoreFull: reasonResources, fault.InputTooLarge: reasonResources,
	fault.AccessDenied: reasonAuthorized, fault.ConsentWithheld: reasonAuthorized,
	fault.InputMalformed: reasonUnreadable, fault.InputTruncated: reasonUnreadable, fault.InputEmpty: reasonUnreadable, fault.InputUnknown: reasonUnreadable,
	fault.InputUnsupported: reasonUnsupported,
}

// receipt collects what became of each object of a request.
type receipt struct {
	h              *handler
	r              *http.Request
	stored, failed []*dicom.Object // items of the answer
	worst          error           // of the failed ones, the latest
}

// storeObjects takes objects, STOW-RS (PS3.18 section 10.5): each is streamed to
// the spool, checked and filed by itself, so that one bad object does not
// take the others with it.
func (h *handler) storeObjects(w http.ResponseWriter, r *http.Request) error {
	if h.Receive == nil {
		return fault.New(fault.AccessDenied, "objects are not taken here", "send them to the archive")
	}
	if err := takesJSON(r); err != nil {
		return err
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind, params, err = mime.ParseMediaType(quoteType(r.Header.Get("Content-Type")))
	}
	if err != nil {
		return fault.New(fault.InputUnknown, "the content type cannot be read", `send multipart/related; type="application/dicom"`)
	}
	got := &receipt{h: h, r: r}
	body := http.MaxBytesReader(w, r.Body, h.MaxRequest)
	switch {
	case kind == "application/dicom":
		got.take(body)
	case kind == "multipart/related" && params["type"] == "application/dicom" && params["boundary"] != "" && len(params["boundary"]) <= maxBoundary:
		err = got.takeParts(newPartReader(body, params["boundary"]))
	default:
		return fault.New(fault.InputUnknown, fmt.Sprintf("%.60q is not taken", kind), `send multipart/related; type="application/dicom" with a boundary`)
	}
	if err != nil && len(got.stored) == 0 {
		return err // nothing to tell but the request's own fault
	}
	return got.answer(w, err)
}

// takeParts takes the parts one after another; an error is of the request, not of an object.
func (g *receipt) takeParts(m *partReader) error {
	for n := 0; ; n++ {
		part, err := m.next()
		if err == io.EOF {
			if n == 0 {
				return fault.New(fault.InputEmpty, "the request has no object", "send at least one part")
			}
			return nil
		}
		if n >= maxParts {
			return fault.New(fault.InputTooLarge, fmt.Sprintf("more than %d objects in one request", maxParts), "send fewer at once")
		}
		if err != nil {
			return bodyError(err)
		}
		if kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type")); part.Header.Get("Content-Type") != "" && (err != nil || kind != "application/dicom") {
			g.refuse(store.Instance{}, fault.New(fault.InputUnknown, "a part is not application/dicom", "send Part 10 files"))
			continue
		}
		if err := g.take(part); err != nil {
			return err
		}
	}
}

// take spools and files one object. An error is of the connection: nothing more can come.
func (g *receipt) take(body io.Reader) error {
	f, err := os.CreateTemp(g.h.Spool, "stow-*.dcm")
	if err != nil {
		g.refuse(store.Instance{}, fault.Wrap(err, fault.StoreFailed, "the spool cannot be written", "look at the log and the disk"))
		return nil
	}
	defer os.Remove(f.Name()) // gone already when it was taken over
	defer f.Close()
	n, err := io.Copy(f, io.LimitReader(body, g.h.MaxObject+1))
	if err != nil {
		return bodyError(err)
	}
	if n > g.h.MaxObject {
		err := fault.New(fault.InputTooLarge, fmt.Sprintf("an object of more than %d bytes", g.h.MaxObject), "raise the limit, or send it by DIMSE")
		g.refuse(store.Instance{}, err)
		return err // what follows is the rest of it
	}
	id, err := g.identify(f)
	if err == nil {
		if e := f.Close(); e != nil {
			err = fault.Wrap(e, fault.StoreFull, "the object was not written whole", "free some room on the disk")
		}
	}
	if err == nil {
		err = g.h.Observe(g.r.Context(), "study.stored", id.Study)
	}
	if err == nil {
		_, err = g.h.Receive(g.r.Context(), f.Name(), "stow")
	}
	if err != nil {
		g.refuse(id, err)
		return nil
	}
	g.accept(id)
	return nil
}

// identify reads who the object is, before anything is decided about it.
func (g *receipt) identify(f *os.File) (store.Instance, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return store.Instance{}, fault.Wrap(err, fault.IO, "the spool cannot be read", "look at the disk")
	}
	o, err := dicom.ParseHeader(f, "the object")
	if err != nil {
		return store.Instance{}, err
	}
	ids := o.IDs()
	id := store.Instance{Study: ids.Study, Series: ids.Series, SOP: ids.SOP, Class: ids.Class}
	for _, uid := range []string{id.Study, id.Series, id.SOP, id.Class} {
		if !store.ValidUID(uid) {
			return id, fault.New(fault.InputMalformed, "the object lacks a proper UID of study, series, instance or class", "have it exported again by the device that made it")
		}
	}
	if study := chi.URLParam(g.r, "study"); study != "" && study != ids.Study {
		return id, fault.New(fault.Usage, "the object is of another study than the address says", "send it to the address of its own study")
	}
	return id, nil
}

func (g *receipt) accept(i store.Instance) {
	item, err := g.reference(i)
	if err == nil {
		err = item.Set(dicom.RetrieveURL, g.h.link(g.r, instancePath(i)))
	}
	if err == nil {
		g.stored = append(g.stored, item)
	}
}

func (g *receipt) refuse(i store.Instance, why error) {
	g.worst = why
	reason, known := reasons[fault.CodeOf(why)]
	if !known {
		reason = reasonProcessing
	}
	if fault.CodeOf(why) == fault.Usage {
		reason = reasonOtherStudy
	}
	item, err := g.reference(i)
	if err == nil {
		err = item.Set(dicom.FailureReason, reason)
	}
	if err == nil {
		g.failed = append(g.failed, item)
	}
}

// reference names an object, as far as it is known. A UID that is none is left out.
func (g *receipt) reference(i store.Instance) (*dicom.Object, error) {
	a := &attributes{Object: dicom.New("")}
	if store.ValidUID(i.Class) {
		a.set(dicom.ReferencedSOPClassUID, i.Class)
	}
	if store.ValidUID(i.SOP) {
		a.set(dicom.ReferencedSOPInstanceUID, i.SOP)
	}
	return a.Object, a.err
}

// answer tells what became of each object: 200 all are stored, 202 some, 409
// none. broken is why the request ended early; the objects before it stay.
func (g *receipt) answer(w http.ResponseWriter, broken error) error {
	o := dicom.New("")
	if study := chi.URLParam(g.r, "study"); study != "" {
		if err := o.Set(dicom.RetrieveURL, g.h.link(g.r, "/studies/"+study)); err != nil {
			return err
		}
	}
	if broken != nil && len(g.failed) == 0 {
		g.refuse(store.Instance{}, broken)
	}
	status := http.StatusOK
	if len(g.stored) > 0 {
		if err := o.SetItems(dicom.ReferencedSOPSequence, g.stored...); err != nil {
			return err
		}
	}
	if len(g.failed) > 0 {
		if err := o.SetItems(dicom.FailedSOPSequence, g.failed...); err != nil {
			return err
		}
		status = http.StatusAccepted
		if len(g.stored) == 0 {
			status = http.StatusConflict
		}
		warn(w, g.r, fault.Of(g.worst).What)
	}
	text, err := o.JSON(nil)
	if err != nil {
		return err
	}
	return writeJSON(w, status, text)
}

// bodyError codes what goes wrong while a request is read.
func bodyError(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return fault.New(fault.InputTooLarge, fmt.Sprintf("the request is larger than %d bytes", large.Limit), "send less at once")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "the request did not go on", "send it again")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Wrap(err, fault.InputTruncated, "the request ends too early", "send it again")
	}
	return fault.Wrap(err, fault.InputMalformed, "the request cannot be read", "see PS3.18 section 8.6.1.2 on multipart")
}
