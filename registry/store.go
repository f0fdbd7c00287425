package registry

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/fault"
)

// Store is where models are kept: models/NAME@VERSION in the data directory,
// and the bundles shipped inside the program.
type Store struct {
	dir     string
	shipped fs.FS // a folder a bundle; may be nil
	trust   Trust
}

// Entry is one model in a store.
type Entry struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Shipped bool   `json:"shipped"` // inside the program, not in the data directory
	Fault   string `json:"fault,omitempty"`

	Bundle *Bundle `json:"-"` // nil when it does not open; Fault says why
}

// Ref is how the entry is asked for: "name@version".
func (e Entry) Ref() string { return e.Name + "@" + e.Version }

// DataDir is the data directory: $CONSILIUM_DATA_DIR, or "consilium" in the user's configuration folder.
func DataDir() (string, error) {
	if dir := os.Getenv("CONSILIUM_DATA_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fault.Wrap(err, fault.IO, "there is no folder for models and keys", "set CONSILIUM_DATA_DIR to a folder")
	}
	return filepath.Join(base, "consilium"), nil
}

// OpenStore opens the store in a data directory, which need not exist yet.
// shipped (may be nil) has one folder for each bundle inside the program.
// Bundles by the given keys and by those in the folder trust/ are opened.
func OpenStore(dataDir string, shipped fs.FS, keys ...ed25519.PublicKey) (*Store, error) {
	trust, err := LoadTrust(trustDir(dataDir))
	if err != nil {
		return nil, err
	}
	return &Store{dir: filepath.Join(dataDir, "models"), shipped: shipped, trust: trust.With(NewTrust(keys...))}, nil
}

func trustDir(dataDir string) string { return filepath.Join(dataDir, "trust") }

// SigningKey gives this machine's signing key, keys/signing.pem in the data
// directory. The first call makes it, and trusts it here.
func SigningKey(dataDir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dataDir, "keys", "signing"+keySuffix)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return LoadKey(path)
	}
	key, err := GenerateKey()
	if err != nil {
		return nil, err
	}
	if err := SaveKey(path, key); err != nil {
		return nil, err
	}
	_, err = AddTrust(dataDir, key.Public().(ed25519.PublicKey))
	return key, err
}

// AddTrust puts a public key into the trust folder and gives its KeyID.
func AddTrust(dataDir string, key ed25519.PublicKey) (string, error) {
	id := KeyID(key)
	path := filepath.Join(trustDir(dataDir), id+keySuffix)
	if have, err := LoadPublicKey(path); err == nil && have.Equal(key) {
		return id, nil
	}
	return id, SavePublicKey(path, key)
}

// Trust is the set of keys whose bundles this store opens.
func (s *Store) Trust() Trust { return s.trust }

// List opens every model, sorted by name and then newest first. A bundle that
// does not open is listed with its fault, so that it is seen and can be removed.
func (s *Store) List() ([]Entry, error) {
	list, err := s.entries()
	if err != nil {
		return nil, err
	}
	for i := range list {
		b, err := s.open(list[i])
		if err != nil {
			list[i].Fault = err.Error()
			continue
		}
		list[i].Bundle = b
	}
	return list, nil
}

// entries lists names and versions without opening the installed bundles.
func (s *Store) entries() ([]Entry, error) {
	var list []Entry
	installed, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.IO, "the model store cannot be read", "check the permissions of the data directory")
	}
	for _, e := range installed {
		name, version, _ := strings.Cut(e.Name(), "@")
		if e.IsDir() && checkName(name, version) == nil {
			list = append(list, Entry{Name: name, Version: version})
		}
	}
	shipped, err := s.shippedEntries()
	if err != nil {
		return nil, err
	}
	for _, e := range shipped {
		same := func(have Entry) bool { return have.Ref() == e.Ref() }
		if !slices.ContainsFunc(list, same) { // what was installed goes before what was shipped
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), CompareVersions(b.Version, a.Version))
	})
	return list, nil
}

// shippedEntries reads names and versions from the shipped manifests; they are verified when the bundle is opened.
func (s *Store) shippedEntries() ([]Entry, error) {
	if s.shipped == nil {
		return nil, nil
	}
	folders, err := fs.ReadDir(s.shipped, ".")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the shipped models cannot be listed", "build the program again")
	}
	var list []Entry
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		sub, err := fs.Sub(s.shipped, folder.Name())
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "a shipped model cannot be read", "build the program again")
		}
		text, err := readFile(sub, ManifestFile)
		if err != nil {
			return nil, err
		}
		m, err := decodeManifest(text)
		if err != nil {
			return nil, err
		}
		if err := checkName(m.Name, m.Version); err != nil || m.Name != folder.Name() {
			return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("the shipped folder %q holds %s@%s", folder.Name(), m.Name, m.Version), "build the program again")
		}
		list = append(list, Entry{Name: m.Name, Version: m.Version, Shipped: true})
	}
	return list, nil
}

// open opens an entry and checks that it is what its folder says.
func (s *Store) open(e Entry) (*Bundle, error) {
	b, err := s.openEntry(e)
	if err != nil {
		return nil, err
	}
	if b.Card.Name != e.Name || b.Card.Version != e.Version {
		return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("the folder of %s holds %s@%s", e.Ref(), b.Card.Name, b.Card.Version), "remove it and install the model again")
	}
	return b, nil
}

func (s *Store) openEntry(e Entry) (*Bundle, error) {
	if !e.Shipped {
		return OpenPath(filepath.Join(s.dir, e.Ref()), s.trust)
	}
	sub, err := fs.Sub(s.shipped, e.Name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a shipped model cannot be read", "build the program again")
	}
	return Open(sub, s.trust)
}

// Get opens a model by "name" (its newest version) or "name@version".
func (s *Store) Get(ref string) (*Bundle, error) {
	name, version, exact := strings.Cut(ref, "@")
	list, err := s.entries()
	if err != nil {
		return nil, err
	}
	for _, e := range list { // newest first
		if e.Name == name && (!exact || e.Version == version) {
			return s.open(e)
		}
	}
	return nil, fault.New(fault.ModelMissing, fmt.Sprintf("there is no model %.80q", ref), "`consilium models list` shows what there is")
}

// Open opens what a user names: a folder or a zip file, or a model in the store.
// A bare name is looked up in the store first.
func (s *Store) Open(ref string) (*Bundle, error) {
	if strings.ContainsAny(ref, `/\`) || strings.HasPrefix(ref, ".") || strings.HasSuffix(strings.ToLower(ref), ".zip") {
		return OpenPath(ref, s.trust)
	}
	b, err := s.Get(ref)
	if fault.CodeOf(err) == fault.ModelMissing {
		if _, statErr := os.Stat(ref); statErr == nil {
			return OpenPath(ref, s.trust)
		}
	}
	return b, err
}

// Install puts a sealed bundle into the store, with the signature it came
// with. Installing the same bundle again does nothing; another bundle of the same name and version is refused.
func (s *Store) Install(b *Bundle) (Entry, error) {
	e := Entry{Name: b.Card.Name, Version: b.Card.Version, Bundle: b}
	if b.files == nil {
		return e, fault.New(fault.ModelSignature, "the bundle is not signed", "seal it first")
	}
	if _, err := verify(b.files[ManifestFile], b.files[SignatureFile], s.trust); err != nil {
		return e, err
	}
	if err := checkName(e.Name, e.Version); err != nil {
		return e, err
	}
	dir := filepath.Join(s.dir, e.Ref())
	if _, err := os.Lstat(dir); err == nil {
		have, err := s.open(e)
		if err == nil && have.Digest() == b.Digest() {
			return e, nil
		}
		return e, fault.New(fault.IO, fmt.Sprintf("another %s is installed already", e.Ref()), "remove it first, or give the new model a new version")
	}
	return e, b.save(dir)
}

// Remove deletes an installed model, named exactly: "name@version".
func (s *Store) Remove(ref string) error {
	name, version, _ := strings.Cut(ref, "@")
	if err := checkName(name, version); err != nil {
		return fault.Wrap(err, fault.Usage, fmt.Sprintf("%.80q does not name one version of a model", ref), "give name@version")
	}
	dir := filepath.Join(s.dir, name+"@"+version)
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return fault.New(fault.ModelMissing, fmt.Sprintf("%s is not installed", ref), "`consilium models list` shows what there is; shipped models cannot be removed")
	}
	if err := os.RemoveAll(dir); err != nil {
		return fault.Wrap(err, fault.IO, "the model could not be removed", "check the permissions of the data directory")
	}
	return nil
}
