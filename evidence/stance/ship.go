package stance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"consilium/fault"
)

// Files of a trained classifier's folder.
const (
	modelFile = "stance.json"
	cardFile  = "card.json"
	cardText  = "card.md"
	shipSeed  = 1
)

// limits of every classifier of this kind.
var limits = []string{
	"It reads cues, not arguments: it is right a little more often than a majority vote, and far less often than a physician (78% on PubMedQA's test part: Jin et al. 2019).",
	"\"Maybe\" is hardly ever found: too few examples have it.",
	"Trained on abstracts of research articles with a question as title. Guidelines, reviews and patient leaflets are told otherwise.",
	"It never weighs the quality of a study. Its answer is a reading of one document, no medical advice.",
}

// Ship trains on all examples and writes weights and card into a folder; e is what cross-validation measured.
func Ship(ctx context.Context, examples []Example, e Evaluation, command, folder string) error {
	c, err := Train(ctx, examples, shipSeed)
	if err != nil {
		return err
	}
	weights, err := c.JSON()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the weights cannot be written", "please report it")
	}
	card, err := json.MarshalIndent(map[string]any{
		"name": "consilium stance", "data": dataNote, "split": splitNote(e), "evaluation": e, "penalty": c.model.Penalty,
		"command": command, "limits": limits,
	}, "", "  ")
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the card cannot be written", "please report it")
	}
	var text strings.Builder
	fmt.Fprintf(&text, "# consilium stance\n\nyes, no, maybe or \"cannot tell\" for a question and the sentences of one document.\n\n- Data: %s\n- Split: %s\n- Made by: `%s`\n\n```\n%s```\n\n## Limits\n\n",
		dataNote, splitNote(e), command, e.Text())
	for _, l := range limits {
		fmt.Fprintf(&text, "- %s\n", l)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fault.Wrap(err, fault.IO, "the folder cannot be made", "name a folder that may be written")
	}
	for name, data := range map[string][]byte{modelFile: weights, cardFile: append(card, '\n'), cardText: []byte(text.String())} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			return fault.Wrap(err, fault.IO, name+" cannot be written", "check the disk and the folder's rights")
		}
	}
	return nil
}

const dataNote = "PubMedQA, expert-labelled questions (Jin et al., EMNLP 2019; MIT licence): question and abstract without its conclusion"

func splitNote(e Evaluation) string {
	return fmt.Sprintf("the weights use all %d examples; the figures are of nested, stratified %d-fold cross-validation, repeated over %d seeds", e.Examples, e.Folds, e.Seeds)
}

// Text is the evaluation as a table.
func (e Evaluation) Text() string {
	var b strings.Builder
	row := func(name string, v Interval, trivial string) {
		fmt.Fprintf(&b, "%-32s %6.3f   %6.3f to %6.3f   %s\n", name, v.Value, v.Low, v.High, trivial)
	}
	fmt.Fprintf(&b, "%d questions, %d folds, %d seeds\n%-32s %6s   %-16s   %s\n", e.Examples, e.Folds, e.Seeds, "", "value", "95% interval", "majority vote")
	row("accuracy", e.Accuracy, fmt.Sprintf("%.3f", e.Majority))
	row("accuracy less majority (paired)", e.Gain, "")
	row("macro F1", e.MacroF1, fmt.Sprintf("%.3f", e.MajorityF1))
	row("share answered", e.Answered, "")
	row("accuracy of the answers", e.AccuracyThen, fmt.Sprintf("%.3f on the same questions", e.MajorityThen))
	row(fmt.Sprintf("sets hold the truth (of %.2f)", e.Promised), e.Covered, "")
	b.WriteString("\ntruth by answer, summed over seeds\n")
	for i, row := range e.Confusion {
		fmt.Fprintf(&b, "  %-6s %v\n", labels[i], row)
	}
	return b.String()
}
