package dicomweb

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"golang.org/x/image/draw"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// look is how a picture is drawn, PS3.18 section 8.3.5.
type look struct {
	media         string // "image/jpeg" or "image/png"
	quality       int
	window        *dicom.Window
	width, height int // the picture fits into this; 0 = its own size
}

const (
	maxViewport   = 4096 // pixels a side
	thumbnailSide = 128
)

func parseLook(r *http.Request) (look, error) {
	l := look{quality: 90}
	q := r.URL.Query()
	var err error
	if v := q.Get("quality"); v != "" {
		if l.quality, err = strconv.Atoi(v); err != nil || l.quality < 1 || l.quality > 100 {
			return l, fault.New(fault.InputMalformed, fmt.Sprintf("quality is %.20q", v), "give a number from 1 to 100")
		}
	}
	if l.window, err = parseWindow(q); err != nil {
		return l, err
	}
	if v := q.Get("viewport"); v != "" {
		width, height, _ := strings.Cut(v, ",")
		l.width, err = strconv.Atoi(width)
		if err == nil {
			l.height, err = strconv.Atoi(height)
		}
		if err != nil || l.width < 1 || l.height < 1 || l.width > maxViewport || l.height > maxViewport {
			return l, fault.New(fault.InputMalformed, fmt.Sprintf("viewport is %.40q", v), fmt.Sprintf("give width,height of 1 to %d; parts of a picture are not cut out", maxViewport))
		}
	}
	ranges, err := accepted(r)
	if err != nil {
		return l, err
	}
	for _, m := range ranges {
		for _, media := range []string{"image/jpeg", "image/png"} {
			if m.matches(media) {
				l.media = media
				return l, nil
			}
		}
	}
	return l, fault.New(fault.InputUnsupported, "pictures are given as image/jpeg or image/png", "ask for one of these")
}

func parseWindow(q url.Values) (*dicom.Window, error) {
	v := q.Get("window")
	if v == "" {
		return nil, nil
	}
	f := strings.Split(v, ",")
	bad := fault.New(fault.InputMalformed, fmt.Sprintf("window is %.60q", v), "write center,width,function; function is linear, linear-exact or sigmoid")
	if len(f) < 2 || len(f) > 3 {
		return nil, bad
	}
	center, err1 := strconv.ParseFloat(f[0], 64)
	width, err2 := strconv.ParseFloat(f[1], 64)
	if err1 != nil || err2 != nil || !(width > 0) || width > 1e12 || center != center || center > 1e12 || center < -1e12 {
		return nil, bad
	}
	w := &dicom.Window{Center: center, Width: width, Function: "LINEAR"}
	if len(f) == 3 {
		name, known := map[string]string{"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}[strings.ToLower(f[2])]
		if !known {
			return nil, bad
		}
		w.Function = name
	}
	return w, nil
}

// retrieveRendered answers with pictures for people: one for an object or a
// frame, one for each image of a series or study.
func (h *handler) retrieveRendered(w http.ResponseWriter, r *http.Request) error {
	l, frame, list, err := h.toRender(r)
	if err != nil {
		return err
	}
	if chi.URLParam(r, "instance") != "" {
		return h.writePicture(w, r, list[0], frame, l)
	}
	parts := newParts(w, l.media)
	for _, i := range list {
		img, err := h.draw(r.Context(), i, frame, l)
		if err != nil {
			return err
		}
		part, err := parts.next(l.media, h.link(r, instancePath(i)+"/rendered"))
		if err != nil {
			return err
		}
		if err := encode(part, img, l); err != nil {
			return err
		}
	}
	return parts.Close()
}

// retrieveThumbnail answers with one small picture: that of the object, or of
// the one in the middle of the first series that has images.
func (h *handler) retrieveThumbnail(w http.ResponseWriter, r *http.Request) error {
	l, frame, list, err := h.toRender(r)
	if err != nil {
		return err
	}
	if l.width == 0 {
		l.width, l.height = thumbnailSide, thumbnailSide
	}
	first := 0
	for first < len(list) && list[first].Series == list[0].Series {
		first++
	}
	return h.writePicture(w, r, list[first/2], frame, l)
}

// toRender reads a request for pictures: how, which frame (from 0), and of
// which objects, images alone.
func (h *handler) toRender(r *http.Request) (l look, frame int, images []store.Instance, err error) {
	if l, err = parseLook(r); err != nil {
		return l, 0, nil, err
	}
	if text := chi.URLParam(r, "frames"); text != "" {
		numbers, err := frameNumbers(text)
		if err != nil {
			return l, 0, nil, err
		}
		if len(numbers) > 1 {
			return l, 0, nil, fault.New(fault.InputUnsupported, "pictures of frames are given one at a time", "ask for each")
		}
		frame = numbers[0] - 1
	}
	list, err := h.selected(r, "study.viewed")
	if err != nil {
		return l, 0, nil, err
	}
	for _, i := range list {
		if i.Rows > 0 && i.Columns > 0 {
			images = append(images, i)
		}
	}
	if len(images) == 0 {
		return l, 0, nil, fault.New(fault.InputUnsupported, "there is no image to draw", "retrieve the object itself")
	}
	return l, frame, images, nil
}

func (h *handler) writePicture(w http.ResponseWriter, r *http.Request, i store.Instance, frame int, l look) error {
	img, err := h.draw(r.Context(), i, frame, l)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", l.media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return encode(w, img, l)
}

func (h *handler) draw(ctx context.Context, i store.Instance, frame int, l look) (image.Image, error) {
	o, err := h.parsed(ctx, i.Blob)
	if err != nil {
		return nil, err
	}
	img, err := o.Render(frame, l.window)
	if err != nil {
		return nil, err
	}
	return fit(img, l.width, l.height), nil
}

// fit scales a picture into a box, keeping its shape.
func fit(img image.Image, width, height int) image.Image {
	b := img.Bounds()
	if width == 0 || b.Empty() {
		return img
	}
	scale := min(float64(width)/float64(b.Dx()), float64(height)/float64(b.Dy()))
	size := image.Rect(0, 0, max(1, int(float64(b.Dx())*scale+0.5)), max(1, int(float64(b.Dy())*scale+0.5)))
	var out draw.Image = image.NewNRGBA(size)
	if _, grey := img.(*image.Gray); grey {
		out = image.NewGray(size)
	}
	draw.ApproxBiLinear.Scale(out, size, img, b, draw.Src, nil)
	return out
}

func encode(w io.Writer, img image.Image, l look) error {
	if l.media == "image/png" {
		return png.Encode(w, img)
	}
	return jpeg.Encode(w, img, &jpeg.Options{Quality: l.quality})
}
