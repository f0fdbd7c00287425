package ontology

import "testing"

func TestTheSampleIsReadByTheParsersOfHPO(t *testing.T) {
	b, err := Sample()
	if err != nil {
		t.Fatal(err)
	}
	if !b.Synthetic || b.Len() < 80 || len(b.Diseases) < 40 {
		t.Fatalf("synthetic %v, %d terms, %d diseases", b.Synthetic, b.Len(), len(b.Diseases))
	}
	t.Log(b.Sources, b.Label(b.Abnormality()), b.Resolve("EXAMPLE:0000901"), b.Resolve("EXAMPLE:0000902"), b.Resolve("EXAMPLE:0000903"))
}
