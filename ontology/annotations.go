package ontology

import (
	"strconv"
	"strings"
)

// Disease is one entry of the annotation file.
type Disease struct {
	ID          string // OMIM:154700, ORPHA:558, DECIPHER:1
	Name        string
	Annotations []Annotation
	Genes       []string // symbols, sorted
}

// Annotation says that a disease has been described with a term (a line of phenotype.hpoa).
type Annotation struct {
	Term       Index
	Excluded   bool // qualifier NOT: looked for and absent
	Frequency  Frequency
	References []string // PMID:..., OMIM:..., ORPHA:...
	Evidence   string   // IEA, TAS, PCS
	Onset      Index    // None when not given
	Sex        byte     // 'M', 'F', 0
	Modifiers  []Index
	Aspect     byte // P phenotype, I inheritance, C course, M modifier, H history
}

// Frequency says in how many patients with the disease the feature was seen.
// The zero value stands for "not recorded".
type Frequency struct {
	Num, Den int     // counts of patients, when the source counts; Den 0 otherwise
	Share    float64 // 0..1; of a band its middle
	Known    bool
	Band     Band // when the source gives a range only
}

// Band is a range of frequencies, a term of HPO's "Frequency" (as in Orphanet).
type Band uint8

// The bands.
const (
	NoBand Band = iota
	Obligate
	VeryFrequent
	Frequent
	Occasional
	VeryRare
	Absent
)

var bands = [...]struct {
	id, name string
	middle   float64
}{
	Obligate:     {"HP:0040280", "obligate (100%)", 1},
	VeryFrequent: {"HP:0040281", "very frequent (80-99%)", 0.895},
	Frequent:     {"HP:0040282", "frequent (30-79%)", 0.545},
	Occasional:   {"HP:0040283", "occasional (5-29%)", 0.17},
	VeryRare:     {"HP:0040284", "very rare (1-4%)", 0.025},
	Absent:       {"HP:0040285", "excluded (0%)", 0},
}

// String names the band and its range; "" for none.
func (b Band) String() string { return bands[b].name }

func (b Band) frequency() Frequency {
	return Frequency{Share: bands[b].middle, Known: true, Band: b}
}

// maxPatients bounds the counts of a frequency.
const maxPatients = 1_000_000_000

// parseFrequency reads the frequency column: a term, n/m, or a percentage.
func parseFrequency(s string) (Frequency, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Frequency{}, true
	}
	for b := Obligate; b <= Absent; b++ {
		if s == bands[b].id {
			return b.frequency(), true
		}
	}
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		v, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(v >= 0 && v <= 100) {
			return Frequency{}, false
		}
		return Frequency{Share: v / 100, Known: true}, true
	}
	num, den, ok := strings.Cut(s, "/")
	n, err1 := strconv.Atoi(num)
	m, err2 := strconv.Atoi(den)
	if !ok || err1 != nil || err2 != nil || m <= 0 || n < 0 || n > m || m > maxPatients {
		return Frequency{}, false
	}
	return Frequency{Num: n, Den: m, Share: float64(n) / float64(m), Known: true}, true
}
