package registry_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"consilium/fault"
	"consilium/registry"
)

// version gives a sealed bundle of that version.
func version(t *testing.T, v string) *registry.Bundle {
	t.Helper()
	b := bundle()
	b.Card.Version = v
	sealed, err := registry.Seal(b, maker)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func openStore(t *testing.T, dir string, shipped fstest.MapFS) *registry.Store {
	t.Helper()
	s, err := registry.OpenStore(dir, shipped, public(maker))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refs(t *testing.T, s *registry.Store) []string {
	t.Helper()
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		name := e.Ref()
		if e.Shipped {
			name += " shipped"
		}
		if e.Fault != "" {
			name += " broken"
		}
		names = append(names, name)
	}
	return names
}

func TestStoreKeepsModels(t *testing.T) {
	dir := t.TempDir()
	shipped := fstest.MapFS{"shipped.pub.pem": {}}
	for name, file := range sealed(t, bundle()) { // 1.2.0
		shipped["spots/"+name] = file
	}
	s := openStore(t, dir, shipped)
	for _, v := range []string{"1.9.0", "1.10.0", "1.10.0-rc1"} {
		if _, err := s.Install(version(t, v)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"spots@1.10.0", "spots@1.10.0-rc1", "spots@1.9.0", "spots@1.2.0 shipped"}
	if got := refs(t, s); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for ref, v := range map[string]string{"spots": "1.10.0", "spots@1.9.0": "1.9.0", "spots@1.2.0": "1.2.0"} {
		if b, err := s.Get(ref); err != nil || b.Card.Version != v {
			t.Errorf("%s: %v", ref, err)
		}
		if b, err := s.Open(ref); err != nil || b.Card.Version != v {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, ref := range []string{"spot", "spots@1", "spots@", "", "spots@../spots@1.9.0"} {
		_, err := s.Get(ref)
		wantCode(t, err, fault.ModelMissing)
	}
	if b, err := s.Open(filepath.Join(dir, "models", "spots@1.9.0")); err != nil || b.Card.Version != "1.9.0" {
		t.Error(err)
	}
	if err := s.Remove("spots@1.10.0"); err != nil {
		t.Fatal(err)
	}
	if b, err := s.Get("spots"); err != nil || b.Card.Version != "1.10.0-rc1" {
		t.Error(err)
	}
}

func TestInstall(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, nil)
	one := version(t, "1.0.0")
	for range 2 { // the second time there is nothing to do
		if _, err := s.Install(one); err != nil {
			t.Fatal(err)
		}
	}
	other := bundle()
	other.Card.Version, other.Card.Task = "1.0.0", "something else"
	changed, err := registry.Seal(other, maker)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Install(changed)
	wantCode(t, err, fault.IO)
	_, err = s.Install(&other)
	wantCode(t, err, fault.ModelSignature)
	stranger, err := registry.Seal(bundle(), seeded(9))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Install(stranger)
	wantCode(t, err, fault.ModelSignature)
	if _, err := registry.AddTrust(dir, public(seeded(9))); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(t, dir, nil).Install(stranger); err != nil {
		t.Error("a trusted stranger is no stranger:", err)
	}
	if got := refs(t, s); !slices.Equal(got, []string{"spots@1.2.0 broken", "spots@1.0.0"}) {
		t.Error("a bundle by an untrusted key must be listed as broken:", got)
	}
}

func TestInstalledFilesAreCheckedAgain(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, nil)
	if _, err := s.Install(version(t, "1.0.0")); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "models", "spots@1.0.0", "model.onnx")
	if err := os.WriteFile(model, gradient().Build(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get("spots")
	wantCode(t, err, fault.ModelHash)
	if err := os.Rename(filepath.Join(dir, "models", "spots@1.0.0"), filepath.Join(dir, "models", "other@1.0.0")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "models", "other@1.0.0", "model.onnx"), linear().Build(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.Get("other")
	wantCode(t, err, fault.ModelMalformed)
}

func TestRemoveStaysInTheStore(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, nil)
	outside := filepath.Join(dir, "precious@1")
	if err := os.MkdirAll(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	for ref, code := range map[string]fault.Code{
		"../precious@1": fault.Usage, "spots": fault.Usage, "": fault.Usage, "spots@..": fault.Usage, ".@1": fault.Usage, "spots@1.0.0": fault.ModelMissing,
	} {
		if got := fault.CodeOf(s.Remove(ref)); got != code {
			t.Errorf("%q: %s, want %s", ref, got, code)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyStore(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "not yet"), nil)
	if got := refs(t, s); got != nil {
		t.Error(got)
	}
	t.Chdir(t.TempDir())
	_, err := s.Open("spots")
	wantCode(t, err, fault.ModelMissing)
	if err := registry.Write("spots", bundle(), maker); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("spots"); err != nil {
		t.Error("a folder of that name is a bundle too:", err)
	}
}

func TestSigningKeyIsMadeOnceAndTrusted(t *testing.T) {
	dir := t.TempDir()
	key, err := registry.SigningKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := registry.SigningKey(dir)
	if err != nil || !key.Equal(again) {
		t.Fatal("another key", err)
	}
	trust, err := registry.LoadTrust(filepath.Join(dir, "trust"))
	if err != nil || len(trust) != 1 || !trust[registry.KeyID(public(key))].Equal(key.Public()) {
		t.Error(trust, err)
	}
	path := filepath.Join(dir, "keys", "signing.pem")
	if runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = registry.SigningKey(dir)
	wantCode(t, err, fault.ModelSignature)
}

func TestKeysAreNotMixedUp(t *testing.T) {
	dir := t.TempDir()
	private, pub := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := registry.SaveKey(private, maker); err != nil {
		t.Fatal(err)
	}
	if err := registry.SavePublicKey(pub, public(maker)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, registry.SaveKey(private, seeded(3)), fault.IO) // never over another key
	if err := os.Chmod(pub, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := registry.LoadPublicKey(pub); err != nil || !got.Equal(public(maker)) {
		t.Error(err)
	}
	_, err := registry.LoadKey(pub)
	wantCode(t, err, fault.ModelSignature)
	_, err = registry.LoadPublicKey(private)
	wantCode(t, err, fault.ModelSignature)
	for _, text := range []string{"", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		_, err = registry.ParsePublicKey([]byte(text), "test")
		wantCode(t, err, fault.ModelSignature)
	}
	_, err = registry.ParsePublicKey(make([]byte, 20<<10), "test")
	wantCode(t, err, fault.ModelSignature)
	if err := os.WriteFile(filepath.Join(dir, "x.pem"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = registry.LoadTrust(dir)
	wantCode(t, err, fault.ModelSignature)
	if id := registry.KeyID(make(ed25519.PublicKey, 32)); id != "66687aadf862bd77" { // SHA-256 of 32 zero bytes
		t.Error(id)
	}
}

func TestCompareVersions(t *testing.T) {
	rising := []string{"0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1", "1.0.1", "1.2", "1.10"}
	for i, a := range rising {
		for j, b := range rising {
			want := min(max(i-j, -1), 1)
			if got := registry.CompareVersions(a, b); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
	if registry.CompareVersions("1", "1.0.0") != 0 {
		t.Error("parts left out count as 0")
	}
	gen := rapid.StringMatching(`[0-9]{1,3}(\.[0-9]{1,3}){0,2}(-[0-9a-b]{1,3}(\.[0-9a-b]{1,2})?)?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := gen.Draw(t, "a"), gen.Draw(t, "b"), gen.Draw(t, "c")
		if registry.CompareVersions(a, b) != -registry.CompareVersions(b, a) {
			t.Fatal("not antisymmetric")
		}
		if registry.CompareVersions(a, b) <= 0 && registry.CompareVersions(b, c) <= 0 && registry.CompareVersions(a, c) > 0 {
			t.Fatal("not transitive")
		}
	})
}
