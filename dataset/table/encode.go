package table

import (
	"fmt"
	"math"
	"strings"

	"consilium/fault"
)

// clip bounds a standardised number: a value that the train split never came
// near must not drown the others.
const clip = 10

// encoder turns the cells of one column into values, one for each name.
type encoder struct {
	column *column
	names  []string
	mean   float64
	scale  float64        // 1/standard deviation; 0 for a constant column
	place  map[string]int // nominal: where a level's 1 goes
	absent int            // where the missing indicator goes; -1: the train split misses nothing
}

// fit derives the encoders from the train rows alone and lists the columns
// that cannot be fed. skip says which columns are not variables.
func fit(rel *relation, train []int, skip func(*column) bool) (encoders []encoder, left []string, err error) {
	width := 0
	for _, c := range rel.columns {
		if skip(c) {
			continue
		}
		e := encoder{column: c, absent: -1}
		switch {
		case identifier(c.name):
		case c.kind == numeric:
			e.fitNumbers(train)
		case c.kind == nominal:
			e.fitLevels(train)
		}
		if len(e.names) == 0 {
			left = append(left, c.name)
			continue
		}
		for _, row := range train {
			if c.text[row] == "" {
				e.absent = len(e.names)
				e.names = append(e.names, c.name+" missing")
				break
			}
		}
		if width += len(e.names); width > maxColumns {
			return nil, nil, tooLarge(fmt.Sprintf("more than %d encoded columns", maxColumns))
		}
		encoders = append(encoders, e)
	}
	if width == 0 {
		return nil, nil, fault.New(fault.InputUnsupported, "no column can be fed to a model", "the table needs numeric or nominal variables beside label and group")
	}
	return encoders, left, nil
}

// identifier tells by its name a column that numbers patients, visits or rows.
func identifier(name string) bool {
	name = strings.ToLower(name)
	return name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, " id")
}

// fitNumbers takes mean and standard deviation; a column that is always
// missing stays without a name.
func (e *encoder) fitNumbers(train []int) {
	var n, sum, squares float64
	for _, row := range train {
		if v := e.column.numbers[row]; !math.IsNaN(v) {
			n++
			sum += v
		}
	}
	if n == 0 {
		return
	}
	e.names = []string{e.column.name}
	e.mean = sum / n
	for _, row := range train {
		if v := e.column.numbers[row]; !math.IsNaN(v) {
			squares += (v - e.mean) * (v - e.mean)
		}
	}
	// Rounding leaves a trace of deviation in a constant column: below a
	// billionth of the mean it is constant.
	if deviation := math.Sqrt(squares / n); deviation > 1e-9*math.Abs(e.mean) {
		e.scale = 1 / deviation
	}
}

// fitLevels gives each level that occurs in the train split a place.
func (e *encoder) fitLevels(train []int) {
	occurs := map[string]bool{}
	for _, row := range train {
		occurs[e.column.text[row]] = true
	}
	e.place = map[string]int{}
	for _, level := range e.column.levels {
		if occurs[level] {
			e.place[level] = len(e.names)
			e.names = append(e.names, e.column.name+"="+level)
		}
	}
}

// encode writes a row's values. A missing number is the mean; a level that the
// train split does not have is all zeros.
func (e *encoder) encode(row int, into []float32) {
	clear(into)
	value := e.column.text[row]
	switch {
	case value == "":
		if e.absent >= 0 {
			into[e.absent] = 1
		}
	case e.column.kind == numeric:
		z := (e.column.numbers[row] - e.mean) * e.scale
		into[0] = float32(max(-clip, min(clip, z)))
	default:
		if k, ok := e.place[value]; ok {
			into[k] = 1
		}
	}
}
