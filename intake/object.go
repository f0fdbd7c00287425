package intake

import (
	"consilium/clinical"
	"consilium/dicom"
)

// Object turns a DICOM object into an input: a waveform into a recording,
// anything else into a picture.
// Errors: those of package dicom, and of the checks that every input passes.
func Object(o *dicom.Object, name string) (Item, error) {
	if o.Has(dicom.WaveformSequence) {
		rec, err := o.Recording()
		if err != nil {
			return Item{}, err
		}
		item := Item{Path: name, Recording: &rec}
		return item, item.check()
	}
	return imageItem(name)(o.Image())
}

// Series turns the slices of a series into one volume, in the order of space.
// Errors: those of dicom.Volume, and of the checks that every input passes.
func Series(objects []*dicom.Object, name string) (Item, error) {
	img, _, err := dicom.Volume(objects)
	return imageItem(name)(img, err)
}

func imageItem(name string) func(clinical.Image, error) (Item, error) {
	return func(img clinical.Image, err error) (Item, error) {
		if err != nil {
			return Item{}, err
		}
		item := Item{Path: name, Image: &img}
		return item, item.check()
	}
}
