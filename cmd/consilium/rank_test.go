package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
)

// manyFindings is a phenopacket with n findings; the sample knows about a hundred terms.
func manyFindings(n int) []byte {
	type class struct {
		ID string `json:"id"`
	}
	type feature struct {
		Type class `json:"type"`
	}
	p := struct {
		ID       string         `json:"id"`
		Features []feature      `json:"phenotypicFeatures"`
		Meta     map[string]any `json:"metaData"`
	}{ID: "huge", Meta: map[string]any{}}
	for i := range n {
		p.Features = append(p.Features, feature{class{fmt.Sprintf("EXAMPLE:%07d", i)}})
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings only
	}
	return b
}

// cutZip is the first half of an archive of a case.
func cutZip() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("case.json")
	if err == nil {
		_, err = w.Write(manyFindings(50))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // into memory: cannot fail
	}
	return b.Bytes()[:b.Len()/2]
}
