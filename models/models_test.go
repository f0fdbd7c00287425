package models_test

import (
	"io/fs"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/fault"
	"consilium/models"
	"consilium/registry"
)

// maxShipped is the most bytes of one shipped bundle, all files together.
const maxShipped = 2 << 20

// TestShippedModels holds every embedded bundle to what the README promises.
func TestShippedModels(t *testing.T) {
	for _, name := range models.Names() {
		t.Run(name, func(t *testing.T) {
			b, err := models.Open(name) // signature, hashes, card, graphs
			if err != nil {
				t.Fatal(err)
			}
			for _, flaw := range flaws(name, b.Card, size(t, name)) {
				t.Error(flaw)
			}
			readme, err := fs.ReadFile(models.FS(), name+"/"+registry.ReadmeFile)
			if err != nil || string(readme) != b.Card.Markdown() {
				t.Error("CARD.md is not what the card says now: sign the bundle again", err)
			}
		})
	}
}

// flaws lists what keeps a bundle from being shipped.
func flaws(name string, c registry.Card, bytes int64) []string {
	list := c.Gaps()
	if c.Name != name {
		list = append(list, "the folder "+name+" holds "+c.Name)
	}
	if bytes > maxShipped {
		list = append(list, "larger than 2 MiB")
	}
	if strings.Contains(strings.ToLower(c.Data.Name), "synthetic") && !c.Synthetic {
		list = append(list, "trained on synthetic data, but not marked so")
	}
	if c.Synthetic && !strings.Contains(c.Markdown(), clinical.SyntheticNotice) {
		list = append(list, "CARD.md does not warn of synthetic data")
	}
	if !strings.Contains(c.Markdown(), clinical.Disclaimer) {
		list = append(list, "CARD.md has no disclaimer")
	}
	return list
}

func size(t *testing.T, name string) (total int64) {
	t.Helper()
	err := fs.WalkDir(models.FS(), name, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func TestFlawsAreFound(t *testing.T) {
	poor := registry.Card{Name: "other", Data: registry.Data{Name: "Synthetic hearts"}}
	if got := flaws("ecg", poor, maxShipped+1); len(got) < 9 {
		t.Error(got)
	}
}

func TestOpenOfAnUnknownName(t *testing.T) {
	for _, name := range []string{"none", "", "..", "models.go"} {
		if _, err := models.Open(name); fault.CodeOf(err) != fault.ModelMissing {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestStoreListsWhatIsShipped(t *testing.T) {
	t.Setenv("CONSILIUM_DATA_DIR", t.TempDir())
	s, err := models.Store()
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(models.Names()) {
		t.Fatalf("%d models in the store, %d shipped", len(list), len(models.Names()))
	}
	for _, e := range list {
		if !e.Shipped || e.Fault != "" {
			t.Errorf("%+v", e)
		}
	}
}
