package registry_test

import (
	"archive/zip"
	"bytes"
	"testing"

	"consilium/fault"
	"consilium/registry"
)

// FuzzOpenZip: no zip file but the signed one opens, and none ends in anything but a coded error.
func FuzzOpenZip(f *testing.F) {
	good, err := registry.Seal(bundle(), maker)
	if err != nil {
		f.Fatal(err)
	}
	var deflated bytes.Buffer
	if err := good.WriteZip(&deflated); err != nil {
		f.Fatal(err)
	}
	f.Add(deflated.Bytes())
	var stored bytes.Buffer
	z := zip.NewWriter(&stored)
	for name, file := range sealed(f, bundle()) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write(file.Data); err != nil {
			f.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(stored.Bytes())
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := registry.OpenZip(bytes.NewReader(b), int64(len(b)), trusts)
		if err == nil && got.Digest() != good.Digest() {
			t.Fatal("a forged bundle was opened")
		}
		if fault.CodeOf(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}
