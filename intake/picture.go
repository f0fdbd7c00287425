package intake

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"consilium/clinical"
	"consilium/fault"
)

// readPicture decodes PNG or JPEG into values of the encoding's own range:
// 0..65535 for PNG with 16 bits, else 0..255. A picture whose three channels
// are equal everywhere is grey.
func readPicture(format Format, path string) (clinical.Image, error) {
	f, err := open(path)
	if err != nil {
		return clinical.Image{}, err
	}
	defer f.Close()
	config, decode := png.DecodeConfig, png.Decode
	if format == JPEG {
		config, decode = jpeg.DecodeConfig, jpeg.Decode
	}
	c, err := config(bufio.NewReader(f))
	if err != nil {
		return clinical.Image{}, broken(format, path, err)
	}
	if err := dimensions(path, c.Height, c.Width, 1); err != nil {
		return clinical.Image{}, err
	}
	if c.ColorModel == color.CMYKModel {
		return clinical.Image{}, fault.New(fault.InputUnsupported, quoted(path)+" is a JPEG for print (CMYK)", "convert it to RGB")
	}
	if err := rewind(f, path); err != nil {
		return clinical.Image{}, err
	}
	pixels, err := decode(bufio.NewReader(f))
	if err != nil {
		return clinical.Image{}, broken(format, path, err)
	}
	img, opaque := values(pixels)
	if !opaque {
		return clinical.Image{}, fault.New(fault.InputUnsupported, quoted(path)+" has transparent pixels", "flatten the picture before exporting it")
	}
	img.Source, img.Format = path, string(format)
	return img, nil
}

func rewind(f *os.File, path string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fault.Wrap(err, fault.IO, quoted(path)+" cannot be read", "check the disk")
	}
	return nil
}

func broken(format Format, path string, err error) error {
	short := png.FormatError("not enough pixel data") // what image/png says when the IDAT chunks end early
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, short) {
		return fault.New(fault.InputTruncated, quoted(path)+" ends in the middle of its "+string(format)+" data", "copy or export the file again")
	}
	var unsupported jpeg.UnsupportedError
	var unsupportedPNG png.UnsupportedError
	if errors.As(err, &unsupported) || errors.As(err, &unsupportedPNG) {
		return fault.Wrap(err, fault.InputUnsupported, quoted(path)+" uses a variant of "+string(format)+" that is not read", "convert it to 8-bit PNG")
	}
	return fault.Wrap(err, fault.InputMalformed, quoted(path)+" is broken "+string(format), "copy or export the file again")
}

// dimensions refuses what would not fit into memory, before it is allocated.
func dimensions(path string, rows, columns, frames int) error {
	if rows <= 0 || columns <= 0 || frames <= 0 {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%s says it has %d x %d x %d pixels", quoted(path), frames, rows, columns), "export the file again")
	}
	if rows > MaxPixels || columns > MaxPixels || frames > MaxPixels || int64(rows)*int64(columns) > MaxPixels || int64(rows)*int64(columns)*int64(frames) > MaxPixels {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("%s says it has %d x %d x %d pixels; the limit is %d megapixels", quoted(path), frames, rows, columns, MaxPixels>>20), "export it at a smaller size")
	}
	return nil
}

// values copies pixels channels last. The common layouts are copied row by
// row; anything else goes through the colour interface.
func values(src image.Image) (img clinical.Image, opaque bool) {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	img = clinical.Image{Frames: 1, Rows: h, Columns: w, Channels: 1, High: 255}
	switch p := src.(type) {
	case *image.Gray:
		img.Pixels = make([]float32, w*h)
		for y := range h {
			for x, v := range p.Pix[y*p.Stride:][:w] {
				img.Pixels[y*w+x] = float32(v)
			}
		}
		return img, true
	case *image.Gray16:
		img.High = 65535
		img.Pixels = make([]float32, w*h)
		for y := range h {
			row := p.Pix[y*p.Stride:][:2*w]
			for x := range w {
				img.Pixels[y*w+x] = float32(uint16(row[2*x])<<8 | uint16(row[2*x+1]))
			}
		}
		return img, true
	}
	depth := shades{at: src.At, shift: 8}
	switch src.ColorModel() {
	case color.RGBA64Model, color.NRGBA64Model:
		img.High, depth.shift = 65535, 0
	}
	if p, ok := src.(*image.YCbCr); ok {
		depth.at = func(x, y int) color.Color { return p.YCbCrAt(x, y) }
	}
	grey, opaque := depth.scan(b, nil)
	if !opaque {
		return img, false
	}
	if !grey {
		img.Channels = 3
	}
	img.Pixels = make([]float32, w*h*img.Channels)
	depth.scan(b, img.Pixels)
	return img, true
}

// shades reads colours as numbers of 16 bits, shifted down to the file's depth.
type shades struct {
	at    func(x, y int) color.Color
	shift uint
}

// scan fills into, which has one or three values a pixel, and tells whether
// all pixels are grey and opaque. With into nil it only looks.
func (s shades) scan(b image.Rectangle, into []float32) (grey, opaque bool) {
	grey, opaque = true, true
	channels := 0
	if into != nil {
		channels = len(into) / (b.Dx() * b.Dy())
	}
	i := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, a := s.at(x, y).RGBA()
			opaque = opaque && a == 0xffff
			grey = grey && r == g && g == bl
			switch channels {
			case 1:
				into[i] = float32(r >> s.shift)
			case 3:
				into[i], into[i+1], into[i+2] = float32(r>>s.shift), float32(g>>s.shift), float32(bl>>s.shift)
			}
			i += channels
		}
	}
	return grey, opaque
}
