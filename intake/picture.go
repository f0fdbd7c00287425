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

// maxValues bounds the values that a colour picture keeps. Photographs beyond
// it are averaged over blocks while they are read; models look at far fewer.
const maxValues = 16 << 20

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
	colours, ok := src.(image.RGBA64Image)
	if !ok {
		return img, false // every image of the standard library is one
	}
	depth := shades{colours, 8}
	switch src.ColorModel() {
	case color.RGBA64Model, color.NRGBA64Model:
		img.High, depth.shift = 65535, 0
	}
	grey, opaque := depth.look(b)
	if !opaque {
		return img, false
	}
	if !grey {
		img.Channels = 3
	}
	step := 1
	for (w/step)*(h/step)*img.Channels > maxValues {
		step++
	}
	img.Rows, img.Columns = h/step, w/step
	img.Pixels = make([]float32, img.Rows*img.Columns*img.Channels)
	depth.average(b.Min, step, img)
	return img, true
}

// shades reads colours as numbers of 16 bits, shifted down to the file's depth.
type shades struct {
	src   image.RGBA64Image
	shift uint
}

// look tells whether all pixels are grey and opaque.
func (s shades) look(b image.Rectangle) (grey, opaque bool) {
	grey = true
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := s.src.RGBA64At(x, y)
			if c.A != 0xffff {
				return false, false
			}
			grey = grey && c.R == c.G && c.G == c.B
		}
	}
	return grey, true
}

// average fills img.Pixels, which are zero, with the means of blocks of step x
// step pixels; with step 1 these are the pixels.
func (s shades) average(origin image.Point, step int, img clinical.Image) {
	weight := 1 / float32(step*step)
	for y := range img.Rows * step {
		for x := range img.Columns * step {
			c := s.src.RGBA64At(origin.X+x, origin.Y+y)
			at := ((y/step)*img.Columns + x/step) * img.Channels
			img.Pixels[at] += weight * float32(c.R>>s.shift)
			if img.Channels == 3 {
				img.Pixels[at+1] += weight * float32(c.G>>s.shift)
				img.Pixels[at+2] += weight * float32(c.B>>s.shift)
			}
		}
	}
}
