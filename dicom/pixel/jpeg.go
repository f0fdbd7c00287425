package pixel

import (
	"context"
	"encoding/binary"
	"fmt"

	"consilium/dicom/pixel/jpeg"
	"consilium/dicom/pixel/jpegls"
	"consilium/dicom/pixel/raster"
	"consilium/fault"
)

// shape is what a codestream must be to fit the format.
func (f Format) shape() raster.Shape {
	return raster.Shape{Rows: f.Rows, Columns: f.Columns, Components: f.Samples, Bits: f.BitsAllocated}
}

// decodeJPEG goes by the stream, not by the transfer syntax, as to which process it is.
func decodeJPEG(ctx context.Context, f Format, frame []byte) (Frame, error) {
	img, err := jpeg.Decode(ctx, frame, f.shape())
	if err != nil {
		return Frame{}, err
	}
	out := Frame{Format: f.decoded()}
	if f.Samples == 3 {
		switch img.Colour {
		case jpeg.RGB:
			out.Photometric = "RGB"
		case jpeg.YCbCr:
			if f.Photometric == "RGB" {
				out.Photometric = "YBR_FULL"
			}
		}
	}
	out.Data, err = narrow(img.Samples, out.BitsAllocated)
	return out, err
}

func decodeJPEGLS(ctx context.Context, f Format, frame []byte) (Frame, error) {
	img, err := jpegls.Decode(ctx, frame, f.shape())
	if err != nil {
		return Frame{}, err
	}
	out := Frame{Format: f.decoded()}
	out.Data, err = narrow(img.Samples, out.BitsAllocated)
	return out, err
}

// narrow lays samples out in little-endian bytes.
func narrow(samples []uint16, bits int) ([]byte, error) {
	switch bits {
	case 8:
		out := make([]byte, len(samples))
		for i, v := range samples {
			out[i] = byte(v)
		}
		return out, nil
	case 16:
		out := make([]byte, 2*len(samples))
		for i, v := range samples {
			binary.LittleEndian.PutUint16(out[2*i:], v)
		}
		return out, nil
	case 32:
		out := make([]byte, 4*len(samples))
		for i, v := range samples {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(v))
		}
		return out, nil
	}
	return nil, fault.New(fault.InputUnsupported, fmt.Sprintf("compressed samples of %d bits", bits), "convert the image to an uncompressed transfer syntax")
}
