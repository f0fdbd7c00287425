package registry

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"consilium/fault"
)

// Bundle is a model with everything that is needed to use and to judge it.
// A bundle that came from Open or Seal also keeps the exact files that were
// signed; changing Card, Model or Gradient does not change those: Seal again.
type Bundle struct {
	Card     Card
	Model    []byte // ONNX: "input" [B, shape...] -> "logits" [B, K]
	Gradient []byte // ONNX, nil when the model brings none; see PortClass

	signer string            // KeyID
	files  map[string][]byte // as signed, by file name
}

// Names of the ports that every bundle's graphs have.
const (
	PortInput            = "input"             // [B, Input.Shape...]
	PortLogits           = "logits"            // [B, K]
	PortClass            = "class"             // [B, K], gradient only: which outputs the gradient is of, one-hot
	PortInputGradient    = "input_gradient"    // [B, Input.Shape...], gradient only
	PortFeatures         = "features"          // [B, C, spatial...], gradient only
	PortFeaturesGradient = "features_gradient" // same shape as features, gradient only
)

// Signer is the KeyID of the key that signed the bundle; "" before Seal.
func (b *Bundle) Signer() string { return b.signer }

// Digest is the SHA-256 of the signed manifest, which pins every other file:
// two bundles with one digest are the same model. "" before Seal.
func (b *Bundle) Digest() string {
	if b.files == nil {
		return ""
	}
	sum := sha256.Sum256(b.files[ManifestFile])
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Open reads a bundle and believes nothing before it is checked: file names
// and sizes, then the signature over the manifest, then every file against the
// manifest, then the card, then the structure of the ONNX graphs against the card. It runs nothing.
// Errors: MODEL_MALFORMED, MODEL_SIGNATURE, MODEL_HASH, MODEL_OPSET, MODEL_SHAPE, MODEL_UNSUPPORTED.
func Open(fsys fs.FS, trust Trust) (*Bundle, error) {
	files, signer, err := readSigned(fsys, trust)
	if err != nil {
		return nil, err
	}
	m, err := readListed(fsys, files)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Model: files[ModelFile], Gradient: files[GradientFile], signer: signer, files: files}
	if b.Card, err = ParseCard(files[CardFile]); err != nil {
		return nil, err
	}
	if m.Name != b.Card.Name || m.Version != b.Card.Version {
		return nil, fault.New(fault.ModelMalformed,
			fmt.Sprintf("the manifest is of %s@%s, the card of %s@%s", m.Name, m.Version, b.Card.Name, b.Card.Version), "make the bundle again")
	}
	if err := b.checkGraphs(); err != nil {
		return nil, err
	}
	return b, nil
}

// readSigned reads the manifest and its signature, and nothing else before that signature is good.
// The map has an entry, still empty, for every other file that is present.
func readSigned(fsys fs.FS, trust Trust) (files map[string][]byte, signer string, err error) {
	if files, err = listFiles(fsys); err != nil {
		return nil, "", err
	}
	for _, name := range []string{ManifestFile, SignatureFile} {
		if _, present := files[name]; !present {
			return nil, "", fault.New(fault.ModelSignature, "there is no "+name+": the bundle is not signed", "sign it, or get a signed bundle from its maker")
		}
		if files[name], err = readFile(fsys, name); err != nil {
			return nil, "", err
		}
	}
	signer, err = verify(files[ManifestFile], files[SignatureFile], trust)
	return files, signer, err
}

// readListed fills in the files that the manifest lists, each checked against
// its record; a file too many or too few is an error.
func readListed(fsys fs.FS, files map[string][]byte) (Manifest, error) {
	m, err := decodeManifest(files[ManifestFile])
	if err != nil {
		return m, err
	}
	listed := map[string]bool{ManifestFile: true, SignatureFile: true}
	for _, record := range m.Files {
		if _, present := files[record.Path]; !present {
			return m, fault.New(fault.ModelHash, record.Path+" is listed in the manifest but missing", "get the bundle again from its maker")
		}
		content, err := readFile(fsys, record.Path)
		if err != nil {
			return m, err
		}
		if err := record.matches(content); err != nil {
			return m, err
		}
		files[record.Path], listed[record.Path] = content, true
	}
	for name := range files {
		if !listed[name] {
			return m, fault.New(fault.ModelHash, name+" lies in the bundle but is not listed in the manifest", "get the bundle again from its maker")
		}
	}
	for _, name := range []string{CardFile, ReadmeFile, ModelFile} {
		if !listed[name] {
			return m, fault.New(fault.ModelMalformed, "the bundle has no "+name, "make the bundle again")
		}
	}
	return m, nil
}

// listFiles refuses everything that cannot be part of a bundle before any of it is read.
func listFiles(fsys fs.FS) (map[string][]byte, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelMalformed, "the bundle cannot be listed", "check that it is a folder or a zip file of a bundle")
	}
	present := make(map[string][]byte, len(entries))
	for _, e := range entries {
		limit, known := fileLimits[e.Name()]
		if !known || !e.Type().IsRegular() { // a named pipe would block, a link could lead anywhere
			return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("%q does not belong in a bundle", e.Name()), "check that this is a bundle; docs/bundle.md lists what is in one")
		}
		info, err := e.Info()
		if err != nil {
			return nil, fault.Wrap(err, fault.IO, e.Name()+" cannot be read", "check the disk")
		}
		if info.Size() > limit {
			return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("%s has %d bytes, the limit is %d", e.Name(), info.Size(), limit), "use a smaller model")
		}
		present[e.Name()] = nil
	}
	return present, nil
}

// readFile reads one file within its limit, whatever size the directory promised.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, name+" cannot be opened", "check the bundle's permissions")
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, fileLimits[name]+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelMalformed, name+" cannot be read", "get the bundle again from its maker")
	}
	if int64(len(content)) > fileLimits[name] {
		return nil, fault.New(fault.ModelMalformed, name+" is larger than its limit", "use a smaller model")
	}
	return content, nil
}

// OpenPath opens the bundle in a folder or a zip file. A zip may hold the files
// at its root or in one folder.
func OpenPath(path string, trust Trust) (*Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelMissing, "there is no bundle at this path", "check the path; `consilium models list` shows what is installed")
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path) // links inside cannot lead out
		if err != nil {
			return nil, fault.Wrap(err, fault.IO, "the bundle's folder cannot be opened", "check its permissions")
		}
		defer root.Close()
		return Open(root.FS(), trust)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.ModelMalformed, "this is neither a folder nor a file", "give a bundle's folder or zip file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the bundle cannot be opened", "check its permissions")
	}
	defer f.Close()
	return OpenZip(f, info.Size(), trust)
}

// maxZipEntries leaves room for folder entries beside the files.
const maxZipEntries = 16

// OpenZip opens the bundle in a zip file of that many bytes, which need not be on disk.
func OpenZip(r io.ReaderAt, size int64, trust Trust) (*Bundle, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelMalformed, "this file is no zip file of a bundle", "give a bundle's folder or zip file; an ONNX file alone needs `consilium models import`")
	}
	if len(z.File) > maxZipEntries {
		return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("the zip file has %d entries, a bundle has at most %d files", len(z.File), len(fileLimits)), "give the zip file of one bundle")
	}
	for _, f := range z.File {
		if !fs.ValidPath(strings.TrimSuffix(f.Name, "/")) { // archive/zip would clean it, another unpacker might follow it
			return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("the zip file has the entry %.80q", f.Name), "do not unpack this file: the path leads out of it")
		}
	}
	entries, err := fs.ReadDir(z, ".")
	if err == nil && len(entries) == 1 && entries[0].IsDir() {
		sub, err := fs.Sub(z, entries[0].Name())
		if err != nil {
			return nil, fault.Wrap(err, fault.ModelMalformed, "the zip file's folder cannot be opened", "pack the bundle again")
		}
		return Open(sub, trust)
	}
	return Open(z, trust)
}
