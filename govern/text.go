package govern

import (
	"embed"
	"fmt"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// The consent texts: one file a purpose and version, in English, written so
// that a pupil of the eighth grade understands it. A version that was shown to
// a patient is never edited; a new one gets a new file.
//
//go:embed text/*.txt
var texts embed.FS

// present version of each purpose's text.
var versions = map[clinical.Purpose]string{
	clinical.PurposeCare: "care-1", clinical.PurposeQuality: "quality-1", clinical.PurposeResearch: "research-1",
	clinical.PurposeTraining: "training-1", clinical.PurposeFederation: "federation-1",
}

// Text is what a patient reads before deciding.
type Text struct {
	Purpose    clinical.Purpose `json:"purpose"`
	Version    string           `json:"version"`
	Title      string           `json:"title"`
	Paragraphs []string         `json:"paragraphs"`
}

// TextFor gives the present text of a purpose.
func TextFor(purpose clinical.Purpose) (Text, error) {
	version, ok := versions[purpose]
	if !ok {
		return Text{}, fault.New(fault.NotFound, fmt.Sprintf("there is no consent text for %q", purpose), "name one of care, quality, research, training, federation")
	}
	return TextOf(version)
}

// TextOf gives a text by its version, as a consent record names it.
func TextOf(version string) (Text, error) {
	raw, err := texts.ReadFile("text/" + version + ".txt")
	if err != nil {
		return Text{}, fault.New(fault.NotFound, fmt.Sprintf("there is no consent text %q", version), "take the version from the consent record")
	}
	purpose, _, _ := strings.Cut(version, "-")
	t := Text{Purpose: clinical.Purpose(purpose), Version: version}
	for i, paragraph := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
		paragraph = strings.Join(strings.Fields(paragraph), " ")
		if i == 0 {
			t.Title = paragraph
		} else {
			t.Paragraphs = append(t.Paragraphs, paragraph)
		}
	}
	return t, nil
}
