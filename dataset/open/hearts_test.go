package open_test

import (
	"testing"

	"consilium/dataset"
	"consilium/dataset/open"
	"consilium/dataset/settest"
	"consilium/fault"
)

func TestHearts(t *testing.T) {
	for ref, test := range map[string]int{"synthetic:heart": 254, "synthetic:heart-va": 45} {
		set, err := open.Set(ref, open.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if set.Len(dataset.Test) != test || !set.Info().Synthetic {
			t.Errorf("%s: %d test rows, want %d", ref, set.Len(dataset.Test), test)
		}
	}
	for ref, code := range map[string]fault.Code{
		"synthetic:heart-basel": fault.Usage,
		"heart:basel=x":         fault.Usage,
		"heart:no/such/folder":  fault.DataMissing,
	} {
		if _, err := open.Set(ref, open.Options{}); fault.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", ref, err, code)
		}
	}
	if _, err := open.Set("heart:x", open.Options{Label: "num"}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an option that does not fit: %v", err)
	}
	dir := settest.Data(t, "uci_heart")
	for ref, test := range map[string]int{"heart:" + dir: 254, "heart:hungarian=" + dir: 89} {
		set, err := open.Set(ref, open.Options{})
		if err != nil || set.Len(dataset.Test) != test {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
