package dicom

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"consilium/dataset/settest"
)

// realFiles calls visit with every file of the collection that parses.
func realFiles(t *testing.T, visit func(name string, raw []byte, o *Object)) {
	t.Helper()
	folder := settest.Data(t, "dicom")
	seen := 0
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".csv") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		o, err := ParseObject(bytes.NewReader(raw), name)
		if err != nil {
			t.Log(err)
			return nil
		}
		seen++
		visit(name, raw, o)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files", seen)
}

// same compares two objects, element by element.
func same(t *testing.T, name string, a, b *Object) {
	t.Helper()
	if !reflect.DeepEqual(a.Tags(), b.Tags()) {
		t.Errorf("%s: tags %v, want %v", name, b.Tags(), a.Tags())
		return
	}
	for i := range a.elements {
		x, y := &a.elements[i], &b.elements[i]
		if x.vr != y.vr || !bytes.Equal(padded(x.value, x.vr.trait().pad), y.value) || len(a.Items(x.tag)) != len(b.Items(x.tag)) || len(a.Fragments(x.tag)) != len(b.Fragments(x.tag)) {
			t.Errorf("%s: %s %s %.40q, want %s %.40q", name, x.tag, y.vr, y.value, x.vr, x.value)
			continue
		}
		for k, item := range a.Items(x.tag) {
			same(t, name, item, b.Items(x.tag)[k])
		}
		for k, f := range a.Fragments(x.tag) {
			if !bytes.Equal(padded(f, 0), b.Fragments(x.tag)[k]) {
				t.Errorf("%s: fragment %d of %s differs", name, k, x.tag)
			}
		}
	}
}

// TestWriteReadsBack: what is written under every encoding is what was read.
func TestWriteReadsBack(t *testing.T) {
	realFiles(t, func(name string, _ []byte, o *Object) {
		if o.IDs().SOP == "" || o.IDs().Class == "" {
			return
		}
		syntaxes := []string{ExplicitLittle, ExplicitBig, Deflated}
		if Encapsulated(o.TransferSyntax()) {
			syntaxes = []string{o.TransferSyntax()}
		}
		for _, syntax := range syntaxes {
			var b bytes.Buffer
			c := o.Clone()
			c.SetTransferSyntax(syntax)
			if err := c.Write(&b); err != nil {
				t.Error(err)
				continue
			}
			back, err := ParseObject(&b, name)
			if err != nil {
				t.Error(err)
				continue
			}
			same(t, name+" "+syntax, o, back)
		}
	})
}

// TestHeaderSaysTheSame: a header has what the object has, but for large values.
func TestHeaderSaysTheSame(t *testing.T) {
	realFiles(t, func(name string, raw []byte, o *Object) {
		h, err := ParseHeader(bytes.NewReader(raw), name)
		if err != nil {
			t.Error(err)
			return
		}
		if h.IDs() != o.IDs() || h.Text(PatientName) != o.Text(PatientName) || h.Has(PixelData) != o.Has(PixelData) {
			t.Errorf("%s: %+v, want %+v", name, h.IDs(), o.IDs())
		}
	})
}

func TestJSONReadsBack(t *testing.T) {
	realFiles(t, func(name string, _ []byte, o *Object) {
		text, err := o.JSON(nil)
		if err != nil {
			t.Error(err)
			return
		}
		if !json.Valid(text) {
			t.Errorf("%s: not JSON", name)
			return
		}
		back, err := ParseJSON(text, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		again, err := back.JSON(nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		var a, b map[string]any
		_ = json.Unmarshal(text, &a)
		_ = json.Unmarshal(again, &b)
		delete(a, SpecificCharacterSet.String()) // added or dropped with the need for it
		delete(b, SpecificCharacterSet.String())
		for k := range a {
			if !reflect.DeepEqual(a[k], b[k]) {
				t.Errorf("%s: %s %.200v, want %.200v", name, k, b[k], a[k])
			}
		}
	})
}
