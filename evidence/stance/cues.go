package stance

import (
	"slices"
	"strconv"
	"strings"
)

// cue is a class of words that results are told in. A * stands for any ending.
type cue struct {
	name  string
	words []string
	plain bool // negation before it makes no second class
}

// cues of sentences. The classes follow the usual accounts of hedging and negation in
// biomedical text (BioScope: Vincze et al., BMC Bioinformatics 2008) and of how results are reported.
var cues = []cue{
	{name: "significance", words: []string{"significan*", "statistically"}},
	{name: "association", words: []string{"associat*", "correlat*", "related", "relation*", "predict*", "predictor*", "link*", "determinant*", "independent*"}},
	{name: "increase", words: []string{"increas*", "higher", "greater", "rise", "rose", "elevat*", "larger", "longer", "more"}},
	{name: "decrease", words: []string{"decreas*", "lower", "reduc*", "less", "fewer", "shorter", "smaller", "declin*"}},
	{name: "benefit", words: []string{"improv*", "better", "benefi*", "effective*", "superior*", "success*", "useful", "helpful", "efficac*"}},
	{name: "soundness", words: []string{"accura*", "reliab*", "feasib*", "safe*", "valid*", "sensitiv*", "specific*", "agreement", "tolerated"}},
	{name: "harm", words: []string{"worse*", "poor*", "adverse*", "complicat*", "fail*", "inferior*", "mortality", "death*", "died", "delay*"}},
	{name: "difference", words: []string{"differ*", "discrepan*", "varied", "variab*"}},
	{name: "equality", words: []string{"similar*", "comparabl*", "equal*", "equivalen*", "same", "identical*", "unchanged", "regardless", "irrespective"}},
	{name: "effect", words: []string{"effect", "effects", "affect*", "influenc*", "impact*", "chang*", "role", "caus*"}},
	{name: "evidence", words: []string{"demonstrat*", "confirm*", "show*", "reveal*", "evidence", "found", "detect*", "observed", "identified"}},
	{name: "hedge", plain: true, words: []string{"may", "might", "could", "suggest*", "possib*", "potential*", "trend*", "tend*", "appear*", "seem*", "likely"}},
	{name: "contrast", plain: true, words: []string{"however", "although", "but", "whereas", "while", "despite", "though", "except", "nevertheless", "contrary"}},
	{name: "restriction", plain: true, words: []string{"only", "limited", "small", "further", "unclear", "inconsistent*", "insufficient*", "few", "some", "moderate*", "partial*", "slight*", "subgroup*"}},
	{name: "comparison", plain: true, words: []string{"versus", "vs", "compared", "comparison", "than"}},
	{name: "model", plain: true, words: []string{"multivari*", "regression", "adjust*", "odds", "hazard", "ratio", "confidence", "ci", "or", "hr", "rr"}},
	{name: "share", plain: true, words: []string{"%", "percent"}},
	{name: "all", plain: true, words: []string{"all", "most", "majority", "every", "always"}},
	{name: "design", plain: true, words: []string{"randomi*", "prospective*", "retrospective*", "trial", "cohort", "questionnaire*", "survey*", "underwent", "enrolled", "assigned"}},
}

// negations turn the cues that follow within scope words (NegEx: Chapman et al., J Biomed Inform 2001).
var negations = []string{"no", "not", "without", "neither", "nor", "never", "cannot", "none", "failed", "lack", "absence", "non", "nonsignificant", "unlikely"}

const scope = 5

// What a sentence is described by: each cue, each cue under negation, and these.
const (
	negated = iota
	significantP
	insignificantP
	otherFeatures
)

var sentenceFeatures = func() []string {
	var names []string
	for _, c := range cues {
		names = append(names, c.name)
	}
	for _, c := range cues {
		if !c.plain {
			names = append(names, "no "+c.name)
		}
	}
	return append(names, "negation", "p < 0.05", "p >= 0.05")
}()

// describe gives the features of a sentence, each 0 or 1.
func describe(tokens []string) []float64 {
	f := make([]float64, len(sentenceFeatures))
	others := f[len(f)-otherFeatures:]
	reach := 0 // words that the last negation still reaches
	for i, w := range tokens {
		if w == "." || w == ";" || w == "but" {
			reach = 0
		}
		denied := reach > 0
		reach--
		if slices.Contains(negations, w) {
			others[negated], reach = 1, scope
		}
		under := len(cues)
		for c := range cues {
			if matches(w, cues[c].words) {
				if denied && !cues[c].plain {
					f[under] = 1
				} else {
					f[c] = 1
				}
			}
			if !cues[c].plain {
				under++
			}
		}
		if significant, ok := pValue(tokens[i:]); ok && significant {
			others[significantP] = 1
		} else if ok {
			others[insignificantP] = 1
		}
	}
	return f
}

func matches(word string, patterns []string) bool {
	for _, p := range patterns {
		if stem, open := strings.CutSuffix(p, "*"); open && strings.HasPrefix(word, stem) || word == p {
			return true
		}
	}
	return false
}

// pValue reads "p < 0.05", "P=.3" and the like at the start of tokens.
func pValue(tokens []string) (significant, ok bool) {
	if len(tokens) < 3 || tokens[0] != "p" {
		return false, false
	}
	rest := tokens[1:]
	for len(rest) > 0 && (rest[0] == "-" || rest[0] == "value") {
		rest = rest[1:]
	}
	if len(rest) < 2 || !slices.Contains([]string{"<", ">", "=", "≤", "≥"}, rest[0]) {
		return false, false
	}
	sign := rest[0]
	v, err := strconv.ParseFloat(rest[1], 64)
	if err != nil || v < 0 || v > 1 {
		return false, false
	}
	if sign == ">" || sign == "≥" {
		return false, true
	}
	return v < 0.05 || sign != "=" && v == 0.05, true
}

// questionCues are what a question asks for.
var questionCues = []cue{
	{name: "asks whether it is", words: []string{"is", "are", "was", "were"}},
	{name: "asks whether it does", words: []string{"does", "do", "did"}},
	{name: "asks whether it can", words: []string{"can", "could", "may", "will"}},
	{name: "asks whether one should", words: []string{"should", "need*", "necessar*", "worth*", "justif*", "required", "recommended"}},
	{name: "asks for an alternative", words: []string{"or", "versus", "vs"}},
	{name: "asks for a difference", words: []string{"differ*", "disparit*", "matter*"}},
	{name: "asks for an association", words: []string{"associat*", "correlat*", "related", "relation*", "link*"}},
	{name: "asks for a prediction", words: []string{"predict*", "risk", "factor*", "marker*", "prognos*", "indicat*"}},
	{name: "asks for an effect", words: []string{"effect", "effects", "affect*", "influenc*", "impact*", "chang*", "caus*", "role"}},
	{name: "asks for a benefit", words: []string{"improv*", "better", "benefi*", "effective*", "superior", "useful*", "help*", "enhanc*", "reduc*", "prevent*"}},
	{name: "asks for soundness", words: []string{"accura*", "reliab*", "feasib*", "safe*", "valid*", "adequate*", "appropriate*", "possible"}},
	{name: "asks for equality", words: []string{"same", "similar*", "equal*", "equivalen*", "as", "comparab*"}},
	{name: "asks for harm", words: []string{"worse*", "harm*", "adverse*", "increas*", "complicat*", "mortality", "death*"}},
	{name: "is itself negative", words: []string{"not", "no", "without", "still", "really", "overestimat*", "myth", "only", "any", "all"}},
	{name: "asks about populations", words: []string{"patients", "children", "women", "men", "elderly", "adults", "adolescents"}},
}

func describeQuestion(tokens []string) []float64 {
	f := make([]float64, len(questionCues))
	for _, w := range tokens {
		for c := range questionCues {
			if matches(w, questionCues[c].words) {
				f[c] = 1
			}
		}
	}
	return f
}
