package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // baseline and progressive
	_ "image/png"  // 1 to 16 bits
	"io"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// Limits on one picture.
const (
	maxBytes  = 256 << 20
	maxSide   = 16384
	maxPixels = 64 << 20
)

// config is what the head of a picture says.
type config struct {
	format        string // "PNG", "JPEG"
	rows, columns int
	grey, deep    bool // one channel; 16 bits
}

// readConfig reads a picture's head and refuses what is too large to decode.
func readConfig(r io.Reader, source string) (config, error) {
	c, format, err := image.DecodeConfig(r)
	if err == nil && format != "png" && format != "jpeg" {
		err = image.ErrFormat // another package of the program registered a decoder
	}
	if err != nil {
		return config{}, decodeError(err, source)
	}
	if c.Width < 1 || c.Height < 1 {
		return config{}, fault.New(fault.InputMalformed, fmt.Sprintf("%s has %d x %d pixels", source, c.Width, c.Height), "export the picture again")
	}
	if c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxPixels {
		return config{}, fault.New(fault.InputTooLarge, fmt.Sprintf("%s has %d x %d pixels", source, c.Width, c.Height),
			fmt.Sprintf("scale it down: up to %d a side and %d million in all are read", maxSide, maxPixels>>20))
	}
	out := config{format: strings.ToUpper(format), rows: c.Height, columns: c.Width}
	switch c.ColorModel {
	case color.GrayModel:
		out.grey = true
	case color.Gray16Model:
		out.grey, out.deep = true, true
	case color.RGBA64Model, color.NRGBA64Model:
		out.deep = true
	case color.CMYKModel:
		return config{}, fault.New(fault.InputUnsupported, source+" is a CMYK picture", "convert it to grey or RGB")
	}
	return out, nil
}

func decodeError(err error, source string) error {
	switch {
	case errors.Is(err, image.ErrFormat):
		return fault.New(fault.InputUnknown, source+" is neither PNG nor JPEG", "convert it to PNG or JPEG")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		strings.Contains(err.Error(), "not enough pixel data"): // what image/png says of a short IDAT
		return fault.New(fault.InputTruncated, source+" ends too early", "copy the file again")
	}
	return fault.Wrap(err, fault.InputMalformed, source+" cannot be decoded", "export the picture again")
}

// Decode reads a PNG or JPEG as grey (Low 0, High 255 or 65535) or RGB.
// Transparent parts become black. The head is checked against the limits
// before any pixel is decoded.
//
// Errors: INPUT_EMPTY, INPUT_UNKNOWN, INPUT_MALFORMED, INPUT_TRUNCATED,
// INPUT_TOO_LARGE, INPUT_UNSUPPORTED (CMYK).
func Decode(r io.Reader, source string) (clinical.Image, error) {
	limited := bufio.NewReader(io.LimitReader(r, maxBytes))
	if _, err := limited.Peek(1); err != nil {
		return clinical.Image{}, fault.New(fault.InputEmpty, source+" is empty", "copy the file again")
	}
	var head bytes.Buffer
	c, err := readConfig(io.TeeReader(limited, &head), source)
	if err != nil {
		return clinical.Image{}, err
	}
	decoded, _, err := image.Decode(io.MultiReader(&head, limited))
	if err != nil {
		return clinical.Image{}, decodeError(err, source)
	}
	if b := decoded.Bounds(); b.Dx() != c.columns || b.Dy() != c.rows {
		return clinical.Image{}, fault.New(fault.InputMalformed, source+" has another size than its head says", "export the picture again")
	}
	img := clinical.Image{Source: source, Format: c.format, Frames: 1, Rows: c.rows, Columns: c.columns, Channels: 3, Low: 0, High: 255}
	if c.deep {
		img.High = 65535
	}
	if c.grey {
		img.Channels = 1
	}
	img.Pixels = make([]float32, c.rows*c.columns*img.Channels)
	fill(img, decoded, c.deep)
	return img, nil
}

// fill copies a decoded picture row by row into channels-last floats, through
// a one-row buffer of a known layout.
func fill(img clinical.Image, decoded image.Image, deep bool) {
	b := decoded.Bounds()
	line := image.Rect(0, 0, b.Dx(), 1)
	var row draw.Image
	switch {
	case img.Channels == 1 && deep:
		row = image.NewGray16(line)
	case img.Channels == 1:
		row = image.NewGray(line)
	case deep:
		row = image.NewRGBA64(line)
	default:
		row = image.NewRGBA(line)
	}
	width := b.Dx() * img.Channels
	for y := range b.Dy() {
		draw.Draw(row, line, decoded, image.Pt(b.Min.X, b.Min.Y+y), draw.Src)
		unpack(img.Pixels[y*width:(y+1)*width], row)
	}
}

// unpack converts one row. RGBA is premultiplied: what is transparent is black.
func unpack(into []float32, row image.Image) {
	switch row := row.(type) {
	case *image.Gray:
		for i := range into {
			into[i] = float32(row.Pix[i])
		}
	case *image.Gray16:
		for i := range into {
			into[i] = float32(uint16(row.Pix[2*i])<<8 | uint16(row.Pix[2*i+1]))
		}
	case *image.RGBA:
		for i := range into {
			into[i] = float32(row.Pix[i/3*4+i%3])
		}
	case *image.RGBA64:
		for i := range into {
			k := 2 * (i/3*4 + i%3)
			into[i] = float32(uint16(row.Pix[k])<<8 | uint16(row.Pix[k+1]))
		}
	}
}
