package dicom

import (
	"bytes"
	"testing"

	"github.com/cocosip/go-dicom/pkg/dicom/dataset"
	"github.com/cocosip/go-dicom/pkg/dicom/parser"
	"github.com/cocosip/go-dicom/pkg/io/buffer"
)

// TestAgainstLibrary compares every element that our reader and go-dicom's
// find in the real files, where both read them and the file is little endian.
func TestAgainstLibrary(t *testing.T) {
	files, elements := 0, 0
	var compare func(name string, o *Object, ds *dataset.Dataset)
	compare = func(name string, o *Object, ds *dataset.Dataset) {
		for _, theirs := range ds.Elements() {
			tag := Tag(theirs.Tag().ToUint32())
			if tag.Element() == 0 {
				continue // group lengths
			}
			elements++
			if sequence, ok := theirs.(*dataset.Sequence); ok {
				items := o.Items(tag)
				if len(items) != sequence.Count() {
					t.Errorf("%s %s: %d items, the library finds %d", name, tag, len(items), sequence.Count())
					continue
				}
				for i, item := range items {
					compare(name, item, sequence.GetItem(i))
				}
				continue
			}
			if f, ok := theirs.(interface{ Fragments() []buffer.ByteBuffer }); ok {
				ours := o.Fragments(tag)
				if len(ours) != len(f.Fragments())+1 {
					t.Errorf("%s %s: %d fragments, the library finds %d", name, tag, len(ours)-1, len(f.Fragments()))
				}
				continue
			}
			raw, ok := theirs.(interface{ Buffer() buffer.ByteBuffer })
			if ok && len(o.Items(tag)) == 0 && !bytes.Equal(o.Bytes(tag), raw.Buffer().Data()) {
				t.Errorf("%s %s: %.40q, the library reads %.40q", name, tag, o.Bytes(tag), raw.Buffer().Data())
			}
		}
	}
	realFiles(t, func(name string, raw []byte, o *Object) {
		result, err := parser.Parse(bytes.NewReader(raw), parser.WithReadOption(parser.ReadAll), parser.WithMaxElementSize(uint32(len(raw))))
		if err != nil || o.swapped {
			return
		}
		files++
		compare(name, o, result.Dataset)
	})
	t.Logf("%d files, %d elements", files, elements)
	if files < 200 {
		t.Errorf("only %d files were compared", files)
	}
}
