package registry

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"consilium/fault"
)

// Files of a bundle. Nothing else may lie in one.
const (
	CardFile      = "card.json"
	ReadmeFile    = "CARD.md"
	ModelFile     = "model.onnx"
	GradientFile  = "gradient.onnx"
	ManifestFile  = "manifest.json"
	SignatureFile = "manifest.sig"
)

// fileLimits is the most bytes of each file, and at the same time the list of files that may exist.
var fileLimits = map[string]int64{
	CardFile:      4 << 20,
	ReadmeFile:    4 << 20,
	ModelFile:     MaxModelBytes,
	GradientFile:  MaxModelBytes,
	ManifestFile:  64 << 10,
	SignatureFile: 4 << 10,
}

// ManifestFormat is the newest format that is read, and the one that is written.
const ManifestFormat = 1

// Manifest lists what a bundle holds. Its bytes are what is signed.
type Manifest struct {
	Format  int          `json:"format"`
	Name    string       `json:"name"`
	Version string       `json:"version"`
	Files   []FileRecord `json:"files"` // sorted by path
}

// FileRecord pins one file of a bundle.
type FileRecord struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hexadecimal
}

// Signature is the content of manifest.sig: who signed the exact bytes of manifest.json.
type Signature struct {
	Algorithm string `json:"algorithm"` // "ed25519", RFC 8032
	Key       string `json:"key"`       // KeyID of the signer
	Signature []byte `json:"signature"` // base64 in JSON
}

const algorithm = "ed25519"

// encodeManifest lists the files (without the manifest and its signature).
func encodeManifest(name, version string, files map[string][]byte) ([]byte, error) {
	m := Manifest{Format: ManifestFormat, Name: name, Version: version}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[path])
		m.Files = append(m.Files, FileRecord{Path: path, Size: int64(len(files[path])), SHA256: hex.EncodeToString(sum[:])})
	}
	return encodeJSON(m)
}

// sign makes the content of manifest.sig.
func sign(manifest []byte, key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fault.New(fault.ModelSignature, "there is no signing key", "make one with `consilium models keygen`")
	}
	return encodeJSON(Signature{
		Algorithm: algorithm,
		Key:       KeyID(key.Public().(ed25519.PublicKey)),
		Signature: ed25519.Sign(key, manifest),
	})
}

// verify checks that a trusted key signed these exact bytes, and says which.
func verify(manifest, signature []byte, trust Trust) (signer string, err error) {
	var s Signature
	if err := decodeJSON(signature, &s, SignatureFile); err != nil {
		return "", fault.Wrap(err, fault.ModelSignature, "the signature cannot be read", "get the bundle again from its maker")
	}
	if s.Algorithm != algorithm {
		return "", fault.New(fault.ModelSignature, fmt.Sprintf("the signature uses %q, not %s", s.Algorithm, algorithm), "sign the bundle again")
	}
	key, ok := trust[s.Key]
	if !ok {
		return "", fault.New(fault.ModelSignature, fmt.Sprintf("the bundle is signed by the key %q, which is not trusted", s.Key),
			"if you know the signer, put the public key into the trust folder; docs/bundle.md says how")
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, manifest, s.Signature) {
		return "", fault.New(fault.ModelSignature, "the signature does not fit the manifest: the bundle was changed after it was signed",
			"get the bundle again from its maker")
	}
	return s.Key, nil
}

// decodeManifest reads a manifest whose signature is already known to be good.
func decodeManifest(text []byte) (Manifest, error) {
	var m Manifest
	if err := decodeJSON(text, &m, ManifestFile); err != nil {
		return m, err
	}
	if m.Format < 1 || m.Format > ManifestFormat {
		return m, fault.New(fault.ModelUnsupported, fmt.Sprintf("the bundle has format %d, this program reads up to %d", m.Format, ManifestFormat), "update consilium")
	}
	for i, f := range m.Files {
		limit, known := fileLimits[f.Path]
		if !known || f.Path == ManifestFile || f.Path == SignatureFile || f.Size < 0 || f.Size > limit {
			return m, fault.New(fault.ModelMalformed, fmt.Sprintf("the manifest lists %q with %d bytes, which cannot be in a bundle", f.Path, f.Size), "make the bundle again")
		}
		if i > 0 && m.Files[i-1].Path >= f.Path {
			return m, fault.New(fault.ModelMalformed, "the files in the manifest are not in order", "make the bundle again")
		}
	}
	return m, nil
}

// matches checks a file's content against its record.
func (f FileRecord) matches(content []byte) error {
	sum := sha256.Sum256(content)
	if int64(len(content)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
		return fault.New(fault.ModelHash, fmt.Sprintf("%s is not the file that was signed", f.Path), "get the bundle again from its maker")
	}
	return nil
}

// encodeJSON writes readable JSON with a final newline; the same value gives the same bytes.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fault.Wrap(err, fault.ModelMalformed, "the bundle holds a value that JSON cannot carry", "check the card's figures for NaN and infinity")
	}
	return b.Bytes(), nil
}

// decodeJSON reads exactly one JSON value. Fields it does not know are
// tolerated: a change that old readers must not miss gets a new format number.
func decodeJSON(text []byte, into any, name string) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(into); err != nil {
		return fault.Wrap(err, fault.ModelMalformed, name+" is not the JSON that belongs there", "make the bundle again")
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.New(fault.ModelMalformed, name+" goes on after its JSON value", "make the bundle again")
	}
	return nil
}
