package npz

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
)

// archive is the ZIP with its six arrays; the image arrays' headers are read
// and agree with each other and with the sizes that the ZIP declares.
type archive struct {
	files   map[string]*zip.File
	images  map[dataset.Split]header
	example []int // shape of one example as stored: H,W or H,W,3 or D,H,W
	decoded int64 // bytes of all images
}

func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	if size == 0 {
		return nil, fault.New(fault.InputEmpty, "the file is empty", "download it again")
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, notZip(r, err)
	}
	a := &archive{files: map[string]*zip.File{}, images: map[dataset.Split]header{}}
	for _, f := range z.File {
		if a.files[f.Name] != nil {
			return nil, malformed(fmt.Sprintf("the file has two arrays %q", f.Name))
		}
		a.files[f.Name] = f
	}
	for _, split := range dataset.Splits {
		if err := a.addImages(split); err != nil {
			return nil, err
		}
	}
	if a.decoded > maxDecoded {
		return nil, tooLarge(fmt.Sprintf("the images decode to %d bytes, beyond %d", a.decoded, int64(maxDecoded)))
	}
	if len(a.images[dataset.Train].shape) > 0 && a.count(dataset.Train) == 0 {
		return nil, fault.New(fault.InputEmpty, "the train split has no images", "download the file again")
	}
	return a, nil
}

// notZip tells a ZIP whose end is missing from something else.
func notZip(r io.ReaderAt, err error) error {
	var start [4]byte
	if _, e := r.ReadAt(start[:], 0); e == nil && string(start[:]) == "PK\x03\x04" {
		return fault.Wrap(err, fault.InputTruncated, "the .npz file has no readable directory at its end", "download it again and compare its checksum")
	}
	return fault.Wrap(err, fault.InputMalformed, "the file is not a .npz archive", "name a MedMNIST .npz file")
}

// addImages reads the header of a split's images.
func (a *archive) addImages(split dataset.Split) error {
	name := string(split) + "_images.npy"
	r, h, err := a.open(name)
	if err != nil {
		return err
	}
	r.Close()
	if h.descr != "|u1" {
		return unsupported(fmt.Sprintf("an image array of type %q", h.descr))
	}
	n, err := h.size(maxDecoded)
	if err != nil {
		return err
	}
	if len(h.shape) < 3 || h.shape[0] > maxExamples || slices.Max(h.shape[1:]) > maxSide || slices.Min(h.shape[1:]) < 1 {
		return tooLarge(fmt.Sprintf("%s has shape %v, which is not up to %d images with sides 1..%d", name, h.shape, maxExamples, maxSide))
	}
	// The ZIP knows the array's size too: header and values.
	if declared := a.files[name].UncompressedSize64; uint64(n) > declared || declared > uint64(n)+maxHeader+12 {
		return malformed(fmt.Sprintf("%s declares shape %v but holds %d bytes", name, h.shape, declared))
	}
	if a.example == nil {
		a.example = h.shape[1:]
	}
	if !slices.Equal(a.example, h.shape[1:]) {
		return malformed(fmt.Sprintf("%s has images of %v, the split before of %v", name, h.shape[1:], a.example))
	}
	a.images[split] = h
	a.decoded += n
	return nil
}

// open gives an array's values, after its header.
func (a *archive) open(name string) (io.ReadCloser, header, error) {
	f := a.files[name]
	if f == nil {
		return nil, header{}, malformed(fmt.Sprintf("array %q is missing: not a MedMNIST file", name))
	}
	r, err := f.Open()
	if err != nil {
		if errors.Is(err, zip.ErrAlgorithm) {
			return nil, header{}, unsupported("a ZIP compression other than store and deflate")
		}
		return nil, header{}, cutShort(err, name)
	}
	h, err := parseHeader(r)
	if err != nil {
		r.Close()
		return nil, header{}, err
	}
	return r, h, nil
}

func (a *archive) count(split dataset.Split) int { return a.images[split].shape[0] }

func (a *archive) labels(split dataset.Split) (labels, error) {
	r, h, err := a.open(string(split) + "_labels.npy")
	if err != nil {
		return labels{}, err
	}
	defer r.Close()
	l, err := readLabels(r, h)
	if err != nil {
		return l, err
	}
	return l, atEnd(r, string(split)+"_labels")
}

// copyImages decompresses a split's images and gives their size in bytes.
func (a *archive) copyImages(ctx context.Context, w io.Writer, split dataset.Split) (int64, error) {
	name := string(split) + "_images"
	r, h, err := a.open(name + ".npy")
	if err != nil {
		return 0, err
	}
	defer r.Close()
	size, err := h.size(maxDecoded)
	if err != nil {
		return 0, err
	}
	buffer := make([]byte, 1<<20)
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return 0, stopped(err, name)
		}
		chunk := buffer[:min(left, int64(len(buffer)))]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return 0, cutShort(err, name)
		}
		if _, err := w.Write(chunk); err != nil {
			return 0, fault.Wrap(err, fault.IO, "decoded images cannot be kept", "make room in the spool directory, or choose another")
		}
		left -= int64(len(chunk))
	}
	return size, atEnd(r, name)
}

func stopped(err error, name string) error {
	code := fault.Interrupted
	if errors.Is(err, context.DeadlineExceeded) {
		code = fault.Timeout
	}
	return fault.Wrap(err, code, "decoding of "+name+" was stopped", "open the set again, with more time")
}

// atEnd holds that nothing follows, and lets the ZIP check its CRC-32.
func atEnd(r io.Reader, name string) error {
	n, err := io.ReadFull(r, make([]byte, 1))
	if n != 0 {
		return malformed(name + " holds more values than its shape")
	}
	if err != io.EOF {
		return cutShort(err, name)
	}
	return nil
}

// describe derives kind and shape from the layout: (H,W) and (H,W,1) grey, (H,W,3) RGB, (D,H,W) volume.
func (a *archive) describe(known Known) (dataset.Info, error) {
	info := dataset.Info{
		Name: known.Name, Kind: clinical.KindImage, Licence: known.Licence, Citation: known.Citation,
		SplitBy: "official", Caveats: slices.Clone(known.Caveats),
	}
	e := a.example
	switch {
	case len(e) == 2:
		info.Shape = []int{1, e[0], e[1]}
	case len(e) == 3 && (e[2] == 3 || e[2] == 1):
		info.Shape = []int{e[2], e[0], e[1]}
	case len(e) == 3:
		info.Kind, info.Shape = clinical.KindVolume, []int{1, e[0], e[1], e[2]}
	default:
		return info, unsupported(fmt.Sprintf("an image array with examples of shape %v", e))
	}
	if info.Size() > maxExample {
		return info, tooLarge(fmt.Sprintf("one example of shape %v is larger than %d bytes", e, maxExample))
	}
	if side := e[0]; side != 28 {
		info.Name = fmt.Sprintf("%s (%d pixels a side)", info.Name, side)
	}
	return info, nil
}
