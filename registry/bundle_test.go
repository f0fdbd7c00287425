package registry_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/engine/onnxtest"
	"consilium/fault"
	"consilium/registry"
)

// seeded makes a key that is the same in every run.
func seeded(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

var (
	maker  = seeded(1)
	trusts = registry.NewTrust(public(maker))
)

// linear is a classifier of 1x2x2 images: flatten, then a 4x2 matrix.
func linear() *onnxtest.Graph {
	return onnxtest.New(17).Input("input", -1, 1, 2, 2).Output("logits", -1, 2).
		Weights("w", []int{4, 2}, []float32{1, 0, 0, 1, 2, 0, 0, 2}).
		Node("Flatten", []string{"input"}, []string{"flat"}, nil).
		Node("MatMul", []string{"flat", "w"}, []string{"logits"}, nil)
}

func gradient() *onnxtest.Graph {
	return onnxtest.New(17).Input("input", -1, 1, 2, 2).Input("class", -1, 2).
		Output("logits", -1, 2).Output("input_gradient", -1, 1, 2, 2).Output("features", -1, 1, 2, 2).Output("features_gradient", -1, 1, 2, 2).
		Weights("w", []int{4, 2}, make([]float32, 8)).
		Node("Flatten", []string{"input"}, []string{"flat"}, nil).
		Node("MatMul", []string{"flat", "w"}, []string{"z"}, nil).
		Node("Mul", []string{"z", "class"}, []string{"logits"}, nil).
		Node("Identity", []string{"input"}, []string{"input_gradient"}, nil).
		Node("Identity", []string{"input"}, []string{"features"}, nil).
		Node("Identity", []string{"input"}, []string{"features_gradient"}, nil)
}

func card() registry.Card {
	baseline := 0.5
	return registry.Card{
		Format: 1, Name: "spots", Version: "1.2.0", Task: "spots on a synthetic 2x2 picture", Kind: clinical.KindImage,
		Arch: "linear", Parameters: 8,
		Labels:      []clinical.Concept{{Name: "no spot"}, {Name: "spot", Code: "R21", System: "ICD-10"}},
		IntendedUse: "Tests of the registry.", Limits: []string{"Nothing clinical.", "Only 2x2 pictures."},
		Licence: "Apache-2.0", Synthetic: true,
		Data:        registry.Data{Name: "Synthetic spots", Licence: "CC0-1.0", Citation: "none", Splits: map[string]int{"train": 80, "val": 10, "test": 10}, SplitBy: "hash", Caveats: []string{"Drawn by a program."}},
		Figures:     []registry.Figure{{Metric: "auc", Split: "test", Value: 0.9, Low: 0.8, High: 0.95, Baseline: &baseline, Note: "95% bootstrap, 1000 draws"}},
		Input:       registry.Input{Port: "input", Shape: []int{1, 2, 2}, Low: 0, High: 1},
		Calibration: calibration.Map{Method: "temperature", Temperature: 1.5},
		Conformal:   calibration.Conformal{Coverage: 0.9, Threshold: 0.7, Examples: 100},
		MadeBy:      "consilium train --data synthetic:spots", Trained: "2025-01-01",
	}
}

func bundle() registry.Bundle {
	return registry.Bundle{Card: card(), Model: linear().Build(), Gradient: gradient().Build()}
}

// sealed gives the files of a good bundle.
func sealed(t testing.TB, b registry.Bundle) fstest.MapFS {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "b")
	if err := registry.Write(dir, b, maker); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: content}
	}
	return files
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got %v, want the code %s", err, code)
	}
}

func TestWriteThenOpenGivesTheSameBundle(t *testing.T) {
	files := sealed(t, bundle())
	got, err := registry.Open(files, trusts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(card(), got.Card); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(got.Model, linear().Build()) || !bytes.Equal(got.Gradient, gradient().Build()) {
		t.Error("the graphs changed")
	}
	if got.Signer() != registry.KeyID(public(maker)) {
		t.Error("signer", got.Signer())
	}
	again, err := registry.Seal(bundle(), maker)
	if err != nil || again.Digest() != got.Digest() || len(got.Digest()) != 71 {
		t.Errorf("digest %q, again %q, %v", got.Digest(), again.Digest(), err)
	}
	want := []string{"CARD.md", "card.json", "gradient.onnx", "manifest.json", "manifest.sig", "model.onnx"}
	if names := slices.Sorted(maps.Keys(files)); !slices.Equal(names, want) {
		t.Error(names)
	}
}

func TestAnyChangedByteIsRefused(t *testing.T) {
	good := sealed(t, bundle())
	for name, file := range good {
		for _, at := range []int{0, len(file.Data) / 2, len(file.Data) - 1} {
			files := maps.Clone(good)
			changed := bytes.Clone(file.Data)
			changed[at] ^= 1
			files[name] = &fstest.MapFile{Data: changed}
			if _, err := registry.Open(files, trusts); err == nil && !equalSignature(file.Data, changed) {
				t.Errorf("byte %d of %s was changed and nobody noticed", at, name)
			} else if code := fault.CodeOf(err); err != nil && code != fault.ModelSignature && code != fault.ModelHash {
				t.Errorf("byte %d of %s: %v", at, name, err)
			}
		}
	}
}

// equalSignature tells whether two texts of manifest.sig mean the same: a changed space is no forgery.
func equalSignature(a, b []byte) bool {
	var x, y registry.Signature
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}

// resign makes manifest and signature fit the files again, so that later checks are reached.
func resign(t *testing.T, files fstest.MapFS, edit func(*registry.Manifest)) {
	t.Helper()
	var m registry.Manifest
	if err := json.Unmarshal(files["manifest.json"].Data, &m); err != nil {
		t.Fatal(err)
	}
	edit(&m)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := json.Marshal(registry.Signature{Algorithm: "ed25519", Key: registry.KeyID(public(maker)), Signature: ed25519.Sign(maker, text)})
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"], files["manifest.sig"] = &fstest.MapFile{Data: text}, &fstest.MapFile{Data: signature}
}

func TestOpenRefuses(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	manifest := func(edit func(*registry.Manifest)) func(*testing.T, fstest.MapFS) {
		return func(t *testing.T, f fstest.MapFS) { resign(t, f, edit) }
	}
	for name, c := range map[string]struct {
		spoil func(*testing.T, fstest.MapFS)
		code  fault.Code
	}{
		"an unlisted file that may exist":  {manifest(func(m *registry.Manifest) { m.Files = m.Files[:2] }), fault.ModelHash},
		"a file of another name":           {func(_ *testing.T, f fstest.MapFS) { f["run.py"] = file("import os") }, fault.ModelMalformed},
		"a folder inside":                  {func(_ *testing.T, f fstest.MapFS) { f["card.json/x"] = file(""); delete(f, "card.json") }, fault.ModelMalformed},
		"a link":                           {func(_ *testing.T, f fstest.MapFS) { f["model.onnx"].Mode = fs.ModeSymlink }, fault.ModelMalformed},
		"a named pipe":                     {func(_ *testing.T, f fstest.MapFS) { f["model.onnx"].Mode = fs.ModeNamedPipe }, fault.ModelMalformed},
		"a missing file":                   {func(_ *testing.T, f fstest.MapFS) { delete(f, "gradient.onnx") }, fault.ModelHash},
		"no signature":                     {func(_ *testing.T, f fstest.MapFS) { delete(f, "manifest.sig") }, fault.ModelSignature},
		"no manifest":                      {func(_ *testing.T, f fstest.MapFS) { delete(f, "manifest.json") }, fault.ModelSignature},
		"an empty folder":                  {func(_ *testing.T, f fstest.MapFS) { clear(f) }, fault.ModelSignature},
		"a huge manifest":                  {func(_ *testing.T, f fstest.MapFS) { f["manifest.json"] = file(strings.Repeat(" ", 65<<10)) }, fault.ModelMalformed},
		"a signature by nobody":            {func(_ *testing.T, f fstest.MapFS) { f["manifest.sig"] = file("{}") }, fault.ModelSignature},
		"a signature that is no JSON":      {func(_ *testing.T, f fstest.MapFS) { f["manifest.sig"] = file("hello") }, fault.ModelSignature},
		"a newer manifest":                 {manifest(func(m *registry.Manifest) { m.Format = 2 }), fault.ModelUnsupported},
		"a path that leads out":            {manifest(func(m *registry.Manifest) { m.Files[0].Path = "../CARD.md" }), fault.ModelMalformed},
		"files out of order":               {manifest(func(m *registry.Manifest) { slices.Reverse(m.Files) }), fault.ModelMalformed},
		"a file listed twice":              {manifest(func(m *registry.Manifest) { m.Files[1] = m.Files[0] }), fault.ModelMalformed},
		"another version than in the card": {manifest(func(m *registry.Manifest) { m.Version = "9" }), fault.ModelMalformed},
		"no model": {func(t *testing.T, f fstest.MapFS) {
			delete(f, "model.onnx")
			resign(t, f, func(m *registry.Manifest) { m.Files = m.Files[:len(m.Files)-1] })
		}, fault.ModelMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			files := sealed(t, bundle())
			c.spoil(t, files)
			_, err := registry.Open(files, trusts)
			wantCode(t, err, c.code)
		})
	}
	t.Run("an unknown key", func(t *testing.T) {
		_, err := registry.Open(sealed(t, bundle()), registry.NewTrust(public(seeded(2))))
		wantCode(t, err, fault.ModelSignature)
	})
	t.Run("a known key's name on another's signature", func(t *testing.T) {
		_, err := registry.Open(sealed(t, bundle()), registry.Trust{registry.KeyID(public(maker)): public(seeded(2))})
		wantCode(t, err, fault.ModelSignature)
	})
}

func TestSealRefusesWhatDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*registry.Bundle)
		code fault.Code
	}{
		"one label too many":      {func(b *registry.Bundle) { b.Card.Labels = append(b.Card.Labels, clinical.Concept{Name: "x"}) }, fault.ModelShape},
		"another input shape":     {func(b *registry.Bundle) { b.Card.Input.Shape = []int{1, 3, 2} }, fault.ModelShape},
		"another input name":      {func(b *registry.Bundle) { b.Card.Input.Port = "x" }, fault.ModelShape},
		"a gradient as the model": {func(b *registry.Bundle) { b.Model = b.Gradient }, fault.ModelShape},
		"a model as the gradient": {func(b *registry.Bundle) { b.Gradient = b.Model }, fault.ModelShape},
		"no model":                {func(b *registry.Bundle) { b.Model = nil }, fault.ModelMalformed},
		"a path for a name":       {func(b *registry.Bundle) { b.Card.Name = "../x" }, fault.ModelMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			b := bundle()
			c.edit(&b)
			_, err := registry.Seal(b, maker)
			wantCode(t, err, c.code)
		})
	}
	_, err := registry.Seal(bundle(), nil)
	wantCode(t, err, fault.ModelSignature)
}

func TestWriteReplacesABundleAndNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	first := bundle()
	if err := registry.Write(dir, first, maker); err != nil {
		t.Fatal(err)
	}
	second := bundle()
	second.Card.Version, second.Gradient = "1.3.0", nil
	if err := registry.Write(dir, second, maker); err != nil {
		t.Fatal(err)
	}
	got, err := registry.OpenPath(dir, trusts)
	if err != nil || got.Card.Version != "1.3.0" || got.Gradient != nil {
		t.Fatalf("%v %v", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".bundle-*")); len(left) > 0 {
		t.Error("left behind:", left)
	}
	precious := filepath.Join(dir, "thesis.tex")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantCode(t, registry.Write(dir, first, maker), fault.IO)
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestZip(t *testing.T) {
	b, err := registry.Seal(bundle(), maker)
	if err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	if err := b.WriteZip(&one); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteZip(&two); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same bundle gave another zip", err)
	}
	path := filepath.Join(t.TempDir(), "b.zip")
	if err := os.WriteFile(path, one.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := registry.OpenPath(path, trusts)
	if err != nil || got.Digest() != b.Digest() {
		t.Fatal(got, err)
	}
	wantCode(t, (&registry.Bundle{}).WriteZip(&one), fault.ModelSignature)
}

func TestZipRefusals(t *testing.T) {
	good := sealed(t, bundle())
	for name, c := range map[string]struct {
		entries []string // in place of the good ones; content by base name
		code    fault.Code
	}{
		"in a folder":     {[]string{"f/CARD.md", "f/card.json", "f/gradient.onnx", "f/manifest.json", "f/manifest.sig", "f/model.onnx"}, ""},
		"a path outwards": {[]string{"../CARD.md", "card.json", "gradient.onnx", "manifest.json", "manifest.sig", "model.onnx"}, fault.ModelMalformed},
		"a file twice":    {[]string{"CARD.md", "CARD.md", "card.json", "gradient.onnx", "manifest.json", "manifest.sig", "model.onnx"}, fault.ModelMalformed},
		"many entries":    {slices.Repeat([]string{"CARD.md"}, 100), fault.ModelMalformed},
		"two bundles":     {[]string{"f/card.json", "g/card.json"}, fault.ModelMalformed},
		"nothing":         {nil, fault.ModelSignature},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			z := zip.NewWriter(&b)
			for _, name := range c.entries {
				w, err := z.Create(name)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write(good[filepath.Base(name)].Data); err != nil {
					t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "x.zip")
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := registry.OpenPath(path, trusts)
			wantCode(t, err, c.code)
		})
	}
	path := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(path, []byte("no zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := registry.OpenPath(path, trusts)
	wantCode(t, err, fault.ModelMalformed)
	_, err = registry.OpenPath(path+"x", trusts)
	wantCode(t, err, fault.ModelMissing)
}
