package registry

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/fault"
)

// CardFormat is the newest card that is read, and the one that is written.
const CardFormat = 1

// Limits on a card.
const (
	maxLabels    = calibration.MaxClasses
	maxText      = 4096 // characters of one field
	maxListed    = 256  // limits, caveats, figures, leads ...
	maxCells     = 1 << 26
	maxParameter = 1 << 40
)

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	versionPattern = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,6}){0,2}(-[0-9A-Za-z][0-9A-Za-z.]{0,19})?$`)
)

// ranks is how many dimensions an input of each kind has, without the batch.
var ranks = map[clinical.Kind]int{
	clinical.KindImage: 3, clinical.KindVolume: 4, clinical.KindECG: 2, clinical.KindSound: 2, clinical.KindTable: 1,
}

// ParseCard reads and checks card.json. Unknown fields are tolerated: a change
// that older programs must not overlook gets a new format number, which they refuse.
func ParseCard(text []byte) (Card, error) {
	var c Card
	if int64(len(text)) > fileLimits[CardFile] {
		return c, badCard("it has more than %d bytes", fileLimits[CardFile])
	}
	if err := decodeJSON(text, &c, CardFile); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// Validate checks that a card is complete enough to run its model and safe to show.
func (c Card) Validate() error {
	if c.Format > CardFormat {
		return fault.New(fault.ModelUnsupported, fmt.Sprintf("the card has format %d, this program reads up to %d", c.Format, CardFormat), "update consilium")
	}
	if c.Format < 1 {
		return badCard("format must be %d", CardFormat)
	}
	for _, check := range []func() error{c.checkIdentity, c.checkText, c.checkLabels, c.checkInput, c.checkFigures, c.checkCalibration} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func badCard(format string, args ...any) error {
	return fault.New(fault.ModelMalformed, "the card is wrong: "+fmt.Sprintf(format, args...), "correct the card; docs/bundle.md describes its fields")
}

// checkName refuses names that could leave the store's folder or confuse a reader.
func checkName(name, version string) error {
	if !namePattern.MatchString(name) {
		return badCard("name %.80q must be lower-case letters, digits, - and _, at most 64", name)
	}
	if !versionPattern.MatchString(version) {
		return badCard("version %.80q must look like 1.2.3 or 1.2.3-rc1", version)
	}
	return nil
}

func (c Card) checkIdentity() error {
	if err := checkName(c.Name, c.Version); err != nil {
		return err
	}
	if _, ok := ranks[c.Kind]; !ok {
		return badCard("kind %.80q is none of image, volume, ecg, sound, table", c.Kind)
	}
	for field, text := range map[string]string{"task": c.Task, "licence": c.Licence, "intended_use": c.IntendedUse} {
		if text == "" {
			return badCard("%s is missing", field)
		}
	}
	if len(c.Limits) == 0 {
		return badCard("limits is empty: every model has limits, name them")
	}
	if c.Parameters < 0 || c.Parameters > maxParameter {
		return badCard("parameters is %d", c.Parameters)
	}
	return nil
}

// checkText bounds every text, and refuses characters that could deceive on a terminal.
func (c Card) checkText() error {
	texts := []string{c.Task, c.Arch, c.IntendedUse, c.Licence, c.MadeBy, c.Trained, c.Data.Name, c.Data.Licence, c.Data.Citation, c.Data.SplitBy, c.Input.Port}
	lists := [][]string{c.Limits, c.Data.Caveats, c.Input.Leads, c.Input.Modalities, c.Input.BodyParts}
	if o := c.Origin; o != nil {
		lists = append(lists, []string{o.Output, o.Layout, o.InputPort, o.OutputPort, o.SHA256, o.Producer})
	}
	for _, label := range c.Labels {
		texts = append(texts, label.Name, label.Code, label.System)
	}
	for _, f := range c.Figures {
		texts = append(texts, f.Metric, f.Split, f.Note)
	}
	for split := range c.Data.Splits {
		texts = append(texts, split)
	}
	for _, list := range lists {
		if len(list) > maxListed {
			return badCard("a list has %d entries, the limit is %d", len(list), maxListed)
		}
		texts = append(texts, list...)
	}
	for _, text := range texts {
		if len(text) > maxText {
			return badCard("a text has more than %d bytes: %.40q...", maxText, text)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return !printable(r) }) {
			return badCard("%.80q has a control character", text)
		}
	}
	return nil
}

// printable is false for terminal escapes and for invisible or direction-changing characters.
func printable(r rune) bool {
	return r == '\n' || r == '\t' || r == '\u00a0' || (unicode.IsPrint(r) && r != unicode.ReplacementChar)
}

func (c Card) checkLabels() error {
	if len(c.Labels) < 2 || len(c.Labels) > maxLabels {
		return badCard("it has %d labels, 2 to %d are possible", len(c.Labels), maxLabels)
	}
	seen := make(map[string]bool, len(c.Labels))
	for _, label := range c.Labels {
		if label.Name == "" || seen[label.Name] {
			return badCard("a label is empty or comes twice: %.80q", label.Name)
		}
		seen[label.Name] = true
	}
	return nil
}

func (c Card) checkInput() error {
	in := c.Input
	if len(in.Shape) != ranks[c.Kind] {
		return badCard("an input of kind %s has %d dimensions without the batch, the card lists %d", c.Kind, ranks[c.Kind], len(in.Shape))
	}
	cells := 1
	for _, d := range in.Shape {
		if d < 1 || d > maxCells {
			return badCard("the input shape is %v", in.Shape)
		}
		if cells *= d; cells > maxCells {
			return badCard("the input %v is too large", in.Shape)
		}
	}
	if c.Kind == clinical.KindImage && in.Shape[0] != 1 && in.Shape[0] != 3 {
		return badCard("an image has 1 or 3 channels, the shape %v says %d; it runs channels, height, width", in.Shape, in.Shape[0])
	}
	if len(in.Mean) != len(in.Std) || (len(in.Mean) != 0 && len(in.Mean) != in.Shape[0]) {
		return badCard("mean and std need one value for each of the %d channels, or none", in.Shape[0])
	}
	for i := range in.Mean {
		if !finite(float64(in.Mean[i]), float64(in.Std[i])) || in.Std[i] <= 0 {
			return badCard("mean %v and std %v are not usable", in.Mean, in.Std)
		}
	}
	if !finite(in.Low, in.High, in.MeanLow, in.MeanHigh, in.Rate, in.MinRate, in.Seconds) || in.Low >= in.High || in.MeanLow > in.MeanHigh {
		return badCard("the input's low must be below high, and mean_low not above mean_high")
	}
	return c.checkSignal()
}

// checkSignal checks what only recordings have.
func (c Card) checkSignal() error {
	in := c.Input
	if c.Kind != clinical.KindECG && c.Kind != clinical.KindSound {
		return nil
	}
	if in.Rate <= 0 || in.Rate > 1e6 || in.Seconds <= 0 || in.Seconds > 86400 || in.MinRate < 0 {
		return badCard("a recording needs rate (Hz) and seconds, here %g and %g", in.Rate, in.Seconds)
	}
	if c.Kind == clinical.KindECG && len(in.Leads) != in.Shape[0] {
		return badCard("it names %d leads for an input of %d", len(in.Leads), in.Shape[0])
	}
	if c.Kind == clinical.KindSound && in.Mels != in.Shape[1] {
		return badCard("it says %d mel bands for an input of %d", in.Mels, in.Shape[1])
	}
	return nil
}

func (c Card) checkFigures() error {
	if len(c.Figures) > maxListed || len(c.Data.Splits) > maxListed {
		return badCard("it has more than %d figures or splits", maxListed)
	}
	for _, f := range c.Figures {
		if f.Metric == "" || !finite(f.Value, f.Low, f.High) || f.Low > f.Value || f.Value > f.High {
			return badCard("the figure %.80q must have a name and lie in its interval: %g in %g to %g", f.Metric, f.Value, f.Low, f.High)
		}
		if f.Baseline != nil && !finite(*f.Baseline) {
			return badCard("the baseline of %.80q is no number", f.Metric)
		}
	}
	for split, n := range c.Data.Splits {
		if n < 0 {
			return badCard("the split %.80q has %d examples", split, n)
		}
	}
	return nil
}

func (c Card) checkCalibration() error {
	if err := c.Calibration.Validate(len(c.Labels)); err != nil {
		return err
	}
	if f := c.Conformal; f.Coverage == 0 && f.Examples == 0 {
		return nil // no rule
	}
	return c.Conformal.Validate(len(c.Labels))
}

// Calibrated tells whether the model's probabilities were made to mean what
// they say; when not, a verdict has to say "uncalibrated".
func (c Card) Calibrated() bool {
	return c.Calibration.Method != calibration.None && c.Calibration.Method != ""
}

// Conforms tells whether the card carries a conformal rule; without one there is no set and no promised coverage.
func (c Card) Conforms() bool { return c.Conformal.Examples > 0 }

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
