package panel

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/engine"
	"consilium/explain"
	"consilium/fault"
	"consilium/intake"
	"consilium/registry"
)

// Choices of Options.Method beside those of package explain.
const (
	MethodAuto = "auto" // the best that the model allows
	MethodOff  = "off"  // no heat maps
)

// Methods lists what Options.Method may be.
func Methods() []string {
	return []string{MethodAuto, explain.MethodGradCAM, explain.MethodIntegrated, explain.MethodOcclusion, MethodOff}
}

func methodOf(name string) (string, error) {
	name = cmp.Or(name, MethodAuto)
	if !slices.Contains(Methods(), name) {
		return "", fault.New(fault.Usage, fmt.Sprintf("there is no method %q", name), "choose one of "+strings.Join(Methods(), ", "))
	}
	return name, nil
}

// explainer gives the explainer of a method for the agent's model.
func (a *agent) explainer(method string) (explain.Explainer, error) {
	if a.explained != nil {
		return a.explained, nil
	}
	if a.bundle.Gradient != nil && a.gradient == nil && method != explain.MethodOcclusion {
		g, err := engine.OpenSession(a.bundle.Gradient, a.engine)
		if err != nil {
			return nil, err
		}
		a.gradient = g
	}
	m, err := explain.NewModel(a.bundle.Card.Kind, a.session, a.gradient)
	if err != nil {
		return nil, err
	}
	if method == MethodAuto {
		method = best(m.Methods())
	}
	a.explained, err = explain.New(method, m, nil)
	return a.explained, err
}

// best prefers integrated gradients: by deletion and insertion they are faithful on the shipped image model where
// Grad-CAM is not (docs/explain.md). Occlusion, the last, needs no gradient and is always there.
func best(methods []string) string {
	if slices.Contains(methods, explain.MethodIntegrated) {
		return explain.MethodIntegrated
	}
	return methods[len(methods)-1]
}

// explain makes the map of the label of that index for the item that was
// examined last.
func (a *agent) explain(ctx context.Context, method string, class int) (explain.Map, string, error) {
	e, err := a.explainer(method)
	if err != nil {
		return explain.Map{}, "", err
	}
	m, err := e.Explain(ctx, a.into, class)
	return m, e.Name(), err
}

// classOf is the index of a label, -1 when the model does not have it.
func classOf(card registry.Card, label string) int {
	return slices.IndexFunc(card.Labels, func(c clinical.Concept) bool { return strings.EqualFold(c.Name, label) })
}

// illustrate adds a heat map to a finding: of the label that was asked for, or
// of the most probable one. A model that cannot be explained by the chosen
// method gets a note instead.
func (p *Panel) illustrate(ctx context.Context, a *agent, item intake.Item, f *clinical.Finding) error {
	if p.out == nil {
		return nil
	}
	label := cmp.Or(p.label, f.Outcomes[0].Name)
	class := classOf(a.bundle.Card, label)
	if class < 0 {
		return nil
	}
	m, method, err := a.explain(ctx, p.method, class)
	if fault.CodeOf(err) == fault.ModelUnsupported {
		f.Notes = append(f.Notes, "No heat map: "+fault.Of(err).What+".")
		return nil
	}
	if err != nil {
		return err
	}
	picture, caption, err := draw(a, item, m, *f, label, method)
	if err != nil {
		return err
	}
	path, err := p.out.save(picture, item.Path, f.Model, method)
	if err != nil {
		return err
	}
	shown := clinical.Picture{Method: method, Outcome: label, Path: path, Caption: caption}
	if over := overlay(a.bundle.Card, item, m); over != nil {
		if shown.Overlay, err = p.out.saveOverlay(over, path); err != nil {
			return err
		}
	}
	f.Pictures = append(f.Pictures, shown)
	f.Regions, f.Segments = regions(a.bundle.Card, item, m), segments(a.bundle.Card, item, m)
	return nil
}

// gallery is the folder with the pictures of one run.
type gallery struct {
	dir  string
	used map[string]int
}

func newGallery(dir string) *gallery { return &gallery{dir: dir, used: map[string]int{}} }

// save writes PNG bytes under a name made of input, model and method. Inputs
// of one name from several folders are told apart by a number.
func (g *gallery) save(png []byte, input, model, method string) (string, error) {
	base := strings.TrimSuffix(filepath.Base(input), filepath.Ext(input))
	name := strings.Map(safeRune, base) + "-" + model + "-" + method
	g.used[name]++
	if n := g.used[name]; n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	path := filepath.Join(g.dir, name+".png")
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		return "", fault.Wrap(err, fault.IO, "the folder for heat maps cannot be made", "choose another with --out, or --method off")
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		return "", fault.Wrap(err, fault.IO, "a heat map cannot be written", "choose another folder with --out, or --method off")
	}
	return path, nil
}

// saveOverlay writes the map alone beside the annotated picture.
func (g *gallery) saveOverlay(over image.Image, beside string) (string, error) {
	var b bytes.Buffer
	if err := explain.WritePNG(&b, over); err != nil {
		return "", err
	}
	path := strings.TrimSuffix(beside, ".png") + ".overlay.png"
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return "", fault.Wrap(err, fault.IO, "a heat map cannot be written", "choose another folder with --out, or --method off")
	}
	return path, nil
}

func safeRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		return r
	}
	return '_'
}
