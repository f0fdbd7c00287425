package encoder

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"consilium/evidence/benchmark"
	"consilium/fault"
)

// ModelFile is the model in the folder of a training run.
const ModelFile = "encoder.bin"

// Other files of that folder.
const (
	cardFile       = "card.json"
	cardText       = "card.md"
	checkpointFile = "checkpoint"
)

// Card says what an encoder is, what it was made of and how well it does.
type Card struct {
	Name    string             `json:"name"`
	Data    string             `json:"data"`
	Licence string             `json:"licence"` // of the data
	Split   string             `json:"split"`
	Pairs   int                `json:"pairs"` // trained on
	HeldOut int                `json:"held_out"`
	Figures []benchmark.Figure `json:"figures"` // on the pairs held out, by vectors alone among their passages
	Config  Config             `json:"config"`
	Command string             `json:"command"`
}

// limits hold for every encoder of this kind.
var limits = []string{
	"English. A bag of words: \"A causes B\" and \"B causes A\" have the same vector.",
	"Names that training never saw are matched by their spelling only; synonyms that it never saw are not matched. Use it together with BM25.",
	fmt.Sprintf("Only the first %d words of a passage count.", MaxWords),
	"It ranks passages. A high score is no statement that a passage is true, or that it answers.",
}

// write puts model and card into a folder that exists.
func (c Card) write(folder string, m *Model) error {
	data, err := json.MarshalIndent(struct {
		Card
		Limits []string `json:"limits"`
	}{c, limits}, "", "  ")
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the card cannot be written", "please report it")
	}
	if err := writeWhole(filepath.Join(folder, cardFile), append(data, '\n')); err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(folder, cardText), []byte(c.markdown())); err != nil {
		return err
	}
	return m.Save(filepath.Join(folder, ModelFile))
}

func (c Card) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nText encoder for retrieval: a question lies near the passages that answer it.\n\n", c.Name)
	fmt.Fprintf(&b, "- Data: %s\n- Licence of the data: %s\n- Split: %s\n", c.Data, c.Licence, c.Split)
	fmt.Fprintf(&b, "- Trained on %d pairs, seed %d; %d pairs held out\n- Made by: `%s`\n", c.Pairs, c.Config.Seed, c.HeldOut, c.Command)
	if len(c.Figures) > 0 {
		b.WriteString("\nOn the pairs held out, by vectors alone among their passages:\n\n| measure | value | 95% interval |\n|---|---|---|\n")
		for _, f := range c.Figures {
			fmt.Fprintf(&b, "| %s | %.3f | %.3f to %.3f |\n", f.Name, f.Value, f.Low, f.High)
		}
	}
	b.WriteString("\n## Limits\n\n")
	for _, l := range limits {
		fmt.Fprintf(&b, "- %s\n", l)
	}
	return b.String()
}
