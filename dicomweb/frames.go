package dicomweb

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// imageMedia are the media types of single frames by transfer syntax, PS3.18 table 8.7.3-5.
var imageMedia = map[string]string{
	"1.2.840.10008.1.2.4.50": "image/jpeg", "1.2.840.10008.1.2.4.51": "image/jpeg", "1.2.840.10008.1.2.4.57": "image/jpeg", "1.2.840.10008.1.2.4.70": "image/jpeg",
	"1.2.840.10008.1.2.4.80": "image/jls", "1.2.840.10008.1.2.4.81": "image/jls",
	"1.2.840.10008.1.2.4.90": "image/jp2", "1.2.840.10008.1.2.4.91": "image/jp2",
	"1.2.840.10008.1.2.4.201": "image/jphc", "1.2.840.10008.1.2.4.202": "image/jphc", "1.2.840.10008.1.2.4.203": "image/jphc",
	"1.2.840.10008.1.2.5": "image/dicom-rle",
}

const octets = "application/octet-stream"

// frameForm is in which form frames are given.
type frameForm struct {
	media  string // of each
	syntax string // transfer syntax of each
	native bool   // decoded
	multi  bool
}

// retrieveFrames answers with frames of one object: uncompressed unless the
// caller asks for the stored encoding, by transfer-syntax=* or by name.
func (h *handler) retrieveFrames(w http.ResponseWriter, r *http.Request) error {
	numbers, err := frameNumbers(chi.URLParam(r, "frames"))
	if err != nil {
		return err
	}
	i, err := h.selected(r, "study.viewed")
	if err != nil {
		return err
	}
	return h.giveFrames(w, r, i[0], numbers)
}

// giveFrames writes frames, counted from 1; nil numbers are all of them.
func (h *handler) giveFrames(w http.ResponseWriter, r *http.Request, i store.Instance, numbers []int) error {
	ranges, err := accepted(r)
	if err != nil {
		return err
	}
	o, err := h.parsed(r.Context(), i.Blob)
	if err != nil {
		return err
	}
	have := o.NumberOfFrames()
	if have == 0 {
		return fault.New(fault.InputUnsupported, "the object has no frames", "retrieve it whole")
	}
	if numbers == nil {
		for n := range have {
			numbers = append(numbers, n+1)
		}
	}
	for _, n := range numbers {
		if n > have {
			return fault.New(fault.NotFound, fmt.Sprintf("there is no frame %d; the object has %d", n, have), "frames are counted from 1")
		}
	}
	form, err := chooseForm(ranges, o.TransferSyntax(), len(numbers))
	if err != nil {
		return err
	}
	return writeFrames(r.Context(), w, o, numbers, form)
}

func writeFrames(ctx context.Context, w http.ResponseWriter, o *dicom.Object, numbers []int, form frameForm) error {
	frame := func(n int) ([]byte, error) {
		if form.native {
			data, _, err := nativeFrame(ctx, o, n-1)
			return data, err
		}
		return o.Frame(n - 1)
	}
	media := form.media + "; transfer-syntax=" + form.syntax
	first, err := frame(numbers[0]) // before the answer begins: its error can still be told
	if err != nil {
		return err
	}
	if !form.multi {
		w.Header().Set("Content-Type", media)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
		_, err := w.Write(first)
		return err
	}
	parts := newParts(w, form.media)
	for k, n := range numbers {
		data := first
		if k > 0 {
			if data, err = frame(n); err != nil {
				return err
			}
		}
		part, err := parts.next(media, "")
		if err != nil {
			return err
		}
		if _, err := part.Write(data); err != nil {
			return err
		}
	}
	return parts.Close()
}

// chooseForm takes the first form that the caller takes and that can be given.
func chooseForm(ranges []mediaRange, stored string, n int) (frameForm, error) {
	compressed := dicom.Encapsulated(stored)
	for _, m := range ranges {
		multi := m.multi || m.media == "*/*"
		if !multi && n > 1 {
			continue
		}
		switch {
		case m.matches(octets):
			switch {
			case m.syntax == "" || m.syntax == dicom.ExplicitLittle, !compressed && m.syntax == anySyntax:
				if !compressed || dicom.Supported(stored) {
					return frameForm{octets, dicom.ExplicitLittle, true, multi}, nil
				}
			case m.syntax == anySyntax, compressed && m.syntax == stored:
				return frameForm{octets, stored, false, multi}, nil
			}
		case compressed && m.matches(imageMedia[stored]) && (m.syntax == "" || m.syntax == anySyntax || m.syntax == stored):
			return frameForm{imageMedia[stored], stored, false, multi}, nil
		}
	}
	return frameForm{}, fault.New(fault.InputUnsupported, "the frames are not given in what the caller takes; they are stored as "+dicom.UIDName(stored),
		`ask with Accept: multipart/related; type="application/octet-stream"; transfer-syntax=*`)
}

// frameNumbers reads "1,3,5".
func frameNumbers(s string) ([]int, error) {
	fields := strings.Split(s, ",")
	if len(fields) > dicom.MaxFrames {
		return nil, fault.New(fault.InputTooLarge, "too many frames in one request", "ask for fewer at once")
	}
	numbers := make([]int, len(fields))
	for i, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 {
			return nil, fault.New(fault.InputMalformed, fmt.Sprintf("%.40q is no list of frames", s), "write numbers from 1, joined by commas")
		}
		numbers[i] = n
	}
	return numbers, nil
}

// retrieveBulk answers with one binary value; the path is that which the
// metadata gave. Pixel data are given as their frames.
func (h *handler) retrieveBulk(w http.ResponseWriter, r *http.Request) error {
	list, err := h.selected(r, "study.viewed")
	if err != nil {
		return err
	}
	path := chi.URLParam(r, "*")
	if path == dicom.PixelData.String() {
		return h.giveFrames(w, r, list[0], nil)
	}
	ranges, err := accepted(r)
	if err != nil {
		return err
	}
	o, err := h.parsed(r.Context(), list[0].Blob)
	if err != nil {
		return err
	}
	data, err := bulkValue(o, path)
	if err != nil {
		return err
	}
	for _, m := range ranges {
		if !m.matches(octets) {
			continue
		}
		if !m.multi {
			w.Header().Set("Content-Type", octets)
			w.WriteHeader(http.StatusOK)
			_, err := w.Write(data)
			return err
		}
		parts := newParts(w, octets)
		part, err := parts.next(octets, h.link(r, instancePath(list[0])+"/bulkdata/"+path))
		if err == nil {
			_, err = part.Write(data)
		}
		if err != nil {
			return err
		}
		return parts.Close()
	}
	return fault.New(fault.InputUnsupported, "bulk data are given as application/octet-stream", "ask for that")
}

// bulkValue follows a path of tags and item numbers: "54000100/0/54001010".
func bulkValue(o *dicom.Object, path string) ([]byte, error) {
	missing := fault.New(fault.NotFound, "the object has no such value", "take the address from the metadata")
	steps := strings.Split(path, "/")
	for len(steps) >= 3 {
		t, err := dicom.ParseTag(steps[0])
		item, err2 := strconv.Atoi(steps[1])
		if err != nil || err2 != nil {
			return nil, missing
		}
		items := o.Items(t)
		if item < 0 || item >= len(items) {
			return nil, missing
		}
		o, steps = items[item], steps[2:]
	}
	t, err := dicom.ParseTag(steps[0])
	if err != nil || len(steps) != 1 || !o.Has(t) {
		return nil, missing
	}
	return o.Bytes(t), nil
}
