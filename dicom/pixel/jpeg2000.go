package pixel

import (
	"context"
	"fmt"

	"consilium/dicom/pixel/jpeg2000"
	"consilium/fault"
)

// Prepare does beforehand what the first JPEG 2000 frame would have to wait for (some 0.4 s of
// compilation). A program that lives long calls it in the background when it starts.
func Prepare() error { return jpeg2000.Prepare() }

// decodeJPEG2000 undoes the colour transform that the codestream announces;
// the photometric interpretations that speak of it become RGB (PS3.5 8.2.4).
func decodeJPEG2000(ctx context.Context, f Format, frame []byte) (Frame, error) {
	if f.BitsAllocated > 32 {
		return Frame{}, fault.New(fault.InputUnsupported, fmt.Sprintf("JPEG 2000 samples of %d bits", f.BitsAllocated), "convert the image to an uncompressed transfer syntax")
	}
	img, err := jpeg2000.Decode(ctx, frame, f.shape())
	if err != nil {
		return Frame{}, err
	}
	out := Frame{Format: f.decoded(), Data: img.Data}
	if f.Photometric == "YBR_RCT" || f.Photometric == "YBR_ICT" {
		out.Photometric = "RGB"
	}
	return out, nil
}
