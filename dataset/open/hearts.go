package open

import (
	"strings"

	"consilium/dataset"
	"consilium/dataset/heart"
)

// hearts opens Fed-Heart-Disease: FOLDER for all four centres, CENTRE=FOLDER for one.
func hearts(ref string, o Options) (dataset.Set, error) {
	if err := o.refuse("Fed-Heart-Disease"); err != nil {
		return nil, err
	}
	if centre, dir, ok := strings.Cut(ref, "="); ok {
		return plain(heart.Open(dir, heart.Options{Centre: centre, Seed: o.Seed}))
	}
	return plain(heart.Pooled(ref, heart.Options{Seed: o.Seed}))
}

// generateHearts makes the synthetic set of the same shape: "heart" for all four centres, "heart-CENTRE" for one.
// Count is over all centres.
func generateHearts(name string, o Options) (dataset.Set, error) {
	if err := o.refuse("a synthetic set", "Count"); err != nil {
		return nil, err
	}
	if centre, ok := strings.CutPrefix(name, "heart-"); ok {
		return plain(heart.Generate(o.Count, heart.Options{Centre: centre, Seed: o.Seed}))
	}
	return plain(heart.GeneratePooled(o.Count, heart.Options{Seed: o.Seed}))
}
