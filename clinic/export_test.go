package clinic

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"consilium/fhir"
	"consilium/store"
)

// RecordText gives the resources of a kind, one a line.
func (c *Clinic) RecordText(t testing.TB, kind string) string {
	t.Helper()
	config := c.fhirConfig()
	config.Reader = func(*http.Request) (store.Reader, error) { return store.Care, nil }
	config.Allow, config.Observe, config.Actor = nil, nil, nil
	w := httptest.NewRecorder()
	fhir.Handler(config).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+kind, nil))
	var bundle struct {
		Entry []struct{ Resource json.RawMessage } `json:"entry"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &bundle); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, e := range bundle.Entry {
		text += string(e.Resource) + "\n"
	}
	return text
}
