package registry

import (
	"archive/zip"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"consilium/fault"
)

// Seal checks a bundle as Open would, renders its CARD.md and signs it.
func Seal(b Bundle, key ed25519.PrivateKey) (*Bundle, error) {
	if err := b.Card.Validate(); err != nil {
		return nil, err
	}
	if err := b.checkGraphs(); err != nil {
		return nil, err
	}
	card, err := encodeJSON(b.Card)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{CardFile: card, ReadmeFile: []byte(b.Card.Markdown()), ModelFile: b.Model}
	if b.Gradient != nil {
		files[GradientFile] = b.Gradient
	}
	for name, content := range files {
		if int64(len(content)) > fileLimits[name] {
			return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("%s has %d bytes, the limit is %d", name, len(content), fileLimits[name]), "use a smaller model or a shorter card")
		}
	}
	manifest, err := encodeManifest(b.Card.Name, b.Card.Version, files)
	if err != nil {
		return nil, err
	}
	signature, err := sign(manifest, key)
	if err != nil {
		return nil, err
	}
	files[ManifestFile], files[SignatureFile] = manifest, signature
	b.files, b.signer = files, KeyID(key.Public().(ed25519.PublicKey))
	return &b, nil
}

// Write seals a bundle and puts it into the folder dir, whole or not at all. A
// bundle that is already there is replaced; a folder that holds anything else is left alone.
func Write(dir string, b Bundle, key ed25519.PrivateKey) error {
	sealed, err := Seal(b, key)
	if err != nil {
		return err
	}
	return sealed.save(dir)
}

// save puts the signed files into dir by way of a temporary folder beside it.
func (b *Bundle) save(dir string) error {
	if err := replaceable(dir); err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fault.Wrap(err, fault.IO, "the folder for the bundle could not be made", "check its permissions")
	}
	temp, err := os.MkdirTemp(parent, ".bundle-*")
	if err != nil {
		return fault.Wrap(err, fault.IO, "the bundle could not be written", "check the folder's permissions")
	}
	defer os.RemoveAll(temp)
	fresh := filepath.Join(temp, "new")
	if err = b.saveFiles(fresh); err == nil {
		err = swap(fresh, dir, filepath.Join(temp, "old"))
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "the bundle could not be written", "check the disk's space and permissions")
	}
	return nil
}

// replaceable refuses to write over a folder that is not a bundle.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "the bundle cannot be written there", "choose a folder")
	}
	for _, e := range entries {
		if _, known := fileLimits[e.Name()]; !known {
			return fault.New(fault.IO, fmt.Sprintf("%s holds %q and is no bundle", dir, e.Name()), "choose an empty or a new folder")
		}
	}
	return nil
}

func (b *Bundle) saveFiles(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for name, content := range b.files {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// swap puts fresh in the place of dir; what was there goes to old, and comes back when the swap fails.
func swap(fresh, dir, old string) error {
	moved := os.Rename(dir, old)
	if moved != nil && !errors.Is(moved, fs.ErrNotExist) {
		return moved
	}
	err := os.Rename(fresh, dir)
	if err != nil && moved == nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return err
}

// WriteZip writes a sealed bundle as a zip file with the files at its root.
// The same bundle gives the same bytes.
func (b *Bundle) WriteZip(w io.Writer) error {
	if b.files == nil {
		return fault.New(fault.ModelSignature, "the bundle is not signed", "seal it first")
	}
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(b.files)) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err == nil {
			_, err = f.Write(b.files[name])
		}
		if err != nil {
			return fault.Wrap(err, fault.IO, "the zip file could not be written", "check the disk's space")
		}
	}
	if err := z.Close(); err != nil {
		return fault.Wrap(err, fault.IO, "the zip file could not be written", "check the disk's space")
	}
	return nil
}
