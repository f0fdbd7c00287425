package panel

import (
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/intake"
	"consilium/registry"
)

// fit says whether a model may look at an item, and what had to be assumed.
// Kind and channels must agree; modality and body part must agree as far as the
// file states them. What a plain PNG does not state is assumed, and noted.
func fit(card registry.Card, item intake.Item) (notes []string, ok bool) {
	if card.Kind != item.Kind() {
		return nil, false
	}
	img := item.Image
	if img == nil {
		return nil, true // leads, rate and length are judged by the preprocessing, which says what is wrong
	}
	if len(card.Input.Shape) == 0 || card.Input.Shape[0] != img.Channels {
		return nil, false
	}
	if !states(card.Input.Modalities, img.Modality) || !states(card.Input.BodyParts, img.BodyPart) {
		return nil, false
	}
	if !said(img.Modality) && len(card.Input.Modalities) > 0 {
		notes = append(notes, "The file does not say what it shows; it was assumed to fit: "+card.Task+".")
	} else if img.BodyPart == "" && len(card.Input.BodyParts) > 0 {
		notes = append(notes, "The file does not name the body part; assumed: "+strings.ToLower(strings.Join(card.Input.BodyParts, " or "))+".")
	}
	return notes, true
}

// states says whether what the file states is one of those that a card allows.
// No statement and no restriction both pass.
func states(allowed []string, stated string) bool {
	return !said(stated) || len(allowed) == 0 || slices.ContainsFunc(allowed, func(a string) bool {
		return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(stated))
	})
}

// said tells a statement from none: OT, "other", is what a photograph of a film
// has for a modality in DICOM.
func said(stated string) bool { return stated != "" && !strings.EqualFold(stated, "OT") }

// describe names an item for a refusal: what it is, as far as the file says.
func describe(item intake.Item) string {
	img := item.Image
	if img == nil {
		if item.Kind() == clinical.KindECG {
			return "an ECG"
		}
		return "a sound recording"
	}
	what := "a grey picture"
	switch {
	case img.Frames > 1:
		what = "a volume"
	case img.Channels == 3:
		what = "a colour picture"
	}
	if img.Modality != "" {
		what += ", modality " + img.Modality
	}
	if img.BodyPart != "" {
		what += ", body part " + img.BodyPart
	}
	return what
}

// Reads says whether a model may look at something of that kind, modality and
// body part, so that nobody decodes what nobody reads. Empty means unknown.
func (p *Panel) Reads(kind clinical.Kind, modality, bodyPart string) bool {
	return slices.ContainsFunc(p.agents, func(a *agent) bool {
		c := a.bundle.Card
		if c.Kind != kind {
			return false
		}
		signal := kind == clinical.KindECG || kind == clinical.KindSound
		return signal || states(c.Input.Modalities, modality) && states(c.Input.BodyParts, bodyPart)
	})
}
