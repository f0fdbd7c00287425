package dicomweb

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// retrieve adds the routes of WADO-RS, PS3.18 section 10.4.
func (h *handler) retrieve(r chi.Router) {
	const study, series, instance = "/studies/{study}", "/studies/{study}/series/{series}", "/studies/{study}/series/{series}/instances/{instance}"
	for _, p := range []string{study, series, instance} {
		r.Get(p, h.route(h.retrieveObjects))
		r.Get(p+"/metadata", h.route(h.retrieveMetadata))
		r.Get(p+"/rendered", h.route(h.retrieveRendered))
		r.Get(p+"/thumbnail", h.route(h.retrieveThumbnail))
	}
	r.Get(instance+"/frames/{frames}", h.route(h.retrieveFrames))
	r.Get(instance+"/frames/{frames}/rendered", h.route(h.retrieveRendered))
	r.Get(instance+"/frames/{frames}/thumbnail", h.route(h.retrieveThumbnail))
	r.Get(instance+"/bulkdata/*", h.route(h.retrieveBulk))
}

// selected gives the objects that the path names and the caller may see, at least one.
func (h *handler) selected(r *http.Request, action string) ([]store.Instance, error) {
	study, series, sop := chi.URLParam(r, "study"), chi.URLParam(r, "series"), chi.URLParam(r, "instance")
	var list []store.Instance
	var err error
	if sop == "" {
		list, err = h.Store.Instances(r.Context(), h.Reader(r), study, series)
	} else {
		var i store.Instance
		if i, err = h.Store.Instance(r.Context(), h.Reader(r), sop); err == nil && i.Study == study && i.Series == series {
			list = append(list, i)
		}
	}
	if err == nil && len(list) == 0 {
		err = fault.New(fault.NotFound, "there is no such object", "search for what there is")
	}
	if err != nil {
		return nil, err
	}
	return list, h.Observe(r.Context(), action, study)
}

// retrieveObjects answers with whole objects, as application/dicom.
func (h *handler) retrieveObjects(w http.ResponseWriter, r *http.Request) error {
	ranges, err := accepted(r)
	if err != nil {
		return err
	}
	list, err := h.selected(r, "study.exported")
	if err != nil {
		return err
	}
	for _, m := range ranges {
		if !m.matches("application/dicom") || m.syntax != "" && m.syntax != anySyntax && m.syntax != dicom.ExplicitLittle && !all(list, m.syntax) {
			continue
		}
		if m.media == "application/dicom" && !m.multi {
			if len(list) > 1 {
				continue
			}
			return h.singleObject(w, r, list[0], m.syntax)
		}
		parts := newParts(w, "application/dicom")
		for _, i := range list {
			if err := h.objectPart(r.Context(), parts, i, m.syntax); err != nil {
				return err
			}
		}
		return parts.Close()
	}
	return fault.New(fault.InputUnsupported, "the objects are not given in what the caller takes", `ask with Accept: multipart/related; type="application/dicom"; transfer-syntax=*`)
}

// anySyntax asks for objects and frames as they are stored.
const anySyntax = "*"

func all(list []store.Instance, syntax string) bool {
	for _, i := range list {
		if i.TransferSyntax != syntax {
			return false
		}
	}
	return true
}

func (h *handler) singleObject(w http.ResponseWriter, r *http.Request, i store.Instance, syntax string) error {
	syntax, write, err := h.encoding(r.Context(), i, syntax)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/dicom; transfer-syntax="+syntax)
	w.WriteHeader(http.StatusOK)
	return write(w)
}

func (h *handler) objectPart(ctx context.Context, parts *parts, i store.Instance, syntax string) error {
	syntax, write, err := h.encoding(ctx, i, syntax)
	if err != nil {
		return err
	}
	w, err := parts.next("application/dicom; transfer-syntax="+syntax, "")
	if err != nil {
		return err
	}
	return write(w)
}

// encoding says in which transfer syntax an object will be given, and how to
// write it. "" asks for the default, Explicit VR Little Endian (PS3.18 section
// 8.7.3.5.2); what cannot be decoded is then given as it is stored.
func (h *handler) encoding(ctx context.Context, i store.Instance, want string) (syntax string, write func(io.Writer) error, err error) {
	stored := func(w io.Writer) error { return h.copyBlob(ctx, w, i.Blob) }
	if want == anySyntax || want == i.TransferSyntax || i.TransferSyntax == dicom.ExplicitLittle {
		return i.TransferSyntax, stored, nil
	}
	if want == "" && dicom.Encapsulated(i.TransferSyntax) && !dicom.Supported(i.TransferSyntax) {
		return i.TransferSyntax, stored, nil
	}
	o, err := h.parsed(ctx, i.Blob)
	if err == nil {
		o, err = explicit(ctx, o)
	}
	if err != nil {
		if want == "" && ctx.Err() == nil {
			return i.TransferSyntax, stored, nil
		}
		return "", nil, err
	}
	return dicom.ExplicitLittle, o.Write, nil
}

func (h *handler) copyBlob(ctx context.Context, w io.Writer, digest string) error {
	b, err := h.Store.OpenBlob(ctx, digest)
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = io.Copy(w, b)
	return err
}

// retrieveMetadata answers with the objects' data sets as DICOM JSON; large
// binary values are named by address.
func (h *handler) retrieveMetadata(w http.ResponseWriter, r *http.Request) error {
	if err := takesJSON(r); err != nil {
		return err
	}
	list, err := h.selected(r, "study.viewed")
	if err != nil {
		return err
	}
	for n, i := range list {
		text, err := h.metadata(r, i)
		if err != nil {
			return err
		}
		if n == 0 {
			w.Header().Set("Content-Type", "application/dicom+json")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
			text = append([]byte("["), text...)
		} else {
			text = append([]byte(","), text...)
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	_, err = w.Write([]byte("]"))
	return err
}

// maxInline is the longest binary value that metadata carry, in bytes.
const maxInline = 1024

func (h *handler) metadata(r *http.Request, i store.Instance) ([]byte, error) {
	b, err := h.Store.OpenBlob(r.Context(), i.Blob)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	o, err := dicom.ParseHeader(b, i.SOP)
	if err != nil {
		return nil, err
	}
	if err := o.Set(dicom.AvailableTransferSyntaxUID, o.TransferSyntax()); err != nil {
		return nil, err
	}
	return o.JSON(func(path string, length int) string {
		if length >= 0 && length <= maxInline && path != dicom.PixelData.String() {
			return ""
		}
		return h.link(r, instancePath(i)+"/bulkdata/"+path)
	})
}

// parsed reads a whole object. Few are read at once: each may be large.
func (h *handler) parsed(ctx context.Context, digest string) (*dicom.Object, error) {
	return h.recent.get(ctx, digest, func() (*dicom.Object, int64, error) {
		b, err := h.Store.OpenBlob(ctx, digest)
		if err != nil {
			return nil, 0, err
		}
		defer b.Close()
		var all bytes.Buffer
		if _, err := all.ReadFrom(io.LimitReader(b, dicom.MaxBytes+1)); err != nil {
			return nil, 0, fault.Wrap(err, fault.StoreFailed, "the object cannot be read", "try again")
		}
		size := int64(all.Len())
		o, err := dicom.ParseObject(&all, "the object")
		return o, size, err
	})
}
