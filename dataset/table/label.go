package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// outcome is the label column made into classes.
type outcome struct {
	column  int
	labels  []clinical.Concept
	classes []int // by row; -1: missing
	dropped int   // rows without a label
}

// chooseLabel reads "", "column" or "column>number". A column whose own name
// has a > is found by its full name first.
func chooseLabel(rel *relation, spec string, names map[string]clinical.Concept) (outcome, error) {
	if spec == "" {
		spec = rel.columns[len(rel.columns)-1].name
	}
	k, err := rel.find(spec)
	name, limit, isThreshold := strings.Cut(spec, ">")
	if err != nil && isThreshold {
		if k, err = rel.find(strings.TrimSpace(name)); err == nil {
			return above(rel, k, strings.TrimSpace(limit))
		}
	}
	if err != nil {
		return outcome{}, err
	}
	return classes(rel, k, names)
}

// above makes two classes of a numeric column.
func above(rel *relation, k int, limitText string) (outcome, error) {
	c := rel.columns[k]
	limit, err := number(limitText)
	if err != nil {
		return outcome{}, fault.New(fault.Usage, fmt.Sprintf("label limit %q is %v", limitText, err), "write COLUMN>NUMBER, such as num>0")
	}
	o := outcome{column: k, classes: make([]int, rel.rows), labels: []clinical.Concept{
		{Name: fmt.Sprintf("%s up to %s", c.name, limitText)}, {Name: fmt.Sprintf("%s above %s", c.name, limitText)}}}
	var seen [2]bool
	for i, s := range c.text {
		if s == "" {
			o.classes[i] = -1
			o.dropped++
			continue
		}
		v, err := number(s)
		if err != nil {
			return outcome{}, fault.New(fault.Usage, fmt.Sprintf("label %q has the value %.40q, which is %v", c.name, s, err), "a limit needs a numeric column")
		}
		if v > limit {
			o.classes[i] = 1
		}
		seen[o.classes[i]] = true
	}
	if !seen[0] || !seen[1] {
		return outcome{}, oneClass(c.name)
	}
	return o, nil
}

// classes makes one class of each value: in declared order (ARFF), by number, or by name.
func classes(rel *relation, k int, names map[string]clinical.Concept) (outcome, error) {
	c := rel.columns[k]
	keys := c.classKeys()
	values := c.levels
	if c.kind != nominal {
		values = distinct(keys)
		if c.kind == numeric {
			slices.SortFunc(values, byNumber)
		}
	}
	if len(values) > maxClasses || !whole(c) {
		return outcome{}, fault.New(fault.InputUnsupported, fmt.Sprintf("label %q has %d values and is no class", c.name, len(values)),
			"choose another column, or make classes with COLUMN>NUMBER")
	}
	o := outcome{column: k, classes: make([]int, rel.rows)}
	place := map[string]int{}
	for i, v := range values {
		place[v] = i
		concept, ok := names[v]
		if !ok {
			concept.Name = v
			if _, err := number(v); err == nil {
				concept.Name = c.name + " " + v
			}
		}
		o.labels = append(o.labels, concept)
	}
	occurs := map[int]bool{}
	for i, key := range keys {
		class, ok := place[key]
		if !ok {
			o.classes[i] = -1
			o.dropped++
			continue
		}
		o.classes[i] = class
		occurs[class] = true
	}
	if len(occurs) < 2 {
		return outcome{}, oneClass(c.name)
	}
	return o, nil
}

// classKeys gives the cells so that equal numbers are equal text: 3 and 3.0.
func (c *column) classKeys() []string {
	if c.kind != numeric {
		return c.text
	}
	keys := make([]string, len(c.numbers))
	for i, v := range c.numbers {
		if !math.IsNaN(v) {
			keys[i] = strconv.FormatFloat(v+0, 'f', -1, 64) // +0 makes -0 a 0
		}
	}
	return keys
}

func oneClass(name string) error {
	return fault.New(fault.InputUnsupported, fmt.Sprintf("all rows have the same label %q, or none", name), "choose a label column with at least two classes")
}

// whole tells classes coded as numbers from measurements.
func whole(c *column) bool {
	for _, v := range c.numbers {
		if !math.IsNaN(v) && v != math.Trunc(v) {
			return false
		}
	}
	return true
}

func byNumber(a, b string) int {
	x, _ := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return cmp.Compare(x, y)
}
