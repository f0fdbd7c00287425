package table

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"consilium/fault"
)

var (
	errNotNumber = errors.New("not a number")
	errNotFinite = errors.New("not finite")
	errRange     = fmt.Errorf("beyond ±%g", maxNumber)
)

// number parses a cell; what is a number but not usable gets its own error.
func number(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errRange
	case err != nil:
		return 0, errNotNumber
	case math.IsNaN(v) || math.IsInf(v, 0):
		return 0, errNotFinite
	case math.Abs(v) > maxNumber:
		return 0, errRange
	}
	return v, nil
}

// add appends a row; "" is missing.
func (r *relation) add(values []string) error {
	if len(values) != len(r.columns) {
		return fmt.Errorf("the row has %d cells, the table %d columns", len(values), len(r.columns))
	}
	for i, c := range r.columns {
		c.text = append(c.text, values[i])
	}
	r.rows++
	return nil
}

// finish parses the numbers and checks the levels.
func (r *relation) finish() error {
	if r.rows == 0 {
		return fault.New(fault.InputEmpty, "the table has no rows", "name a file with rows")
	}
	for _, c := range r.columns {
		var err error
		switch c.kind {
		case numeric:
			err = c.parse()
		case nominal:
			err = c.checkLevels()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *column) parse() error {
	c.numbers = make([]float64, len(c.text))
	for i, s := range c.text {
		if s == "" {
			c.numbers[i] = math.NaN()
			continue
		}
		v, err := number(s)
		if err != nil {
			code := fault.InputMalformed
			switch err {
			case errNotFinite:
				code = fault.InputNotFinite
			case errRange:
				code = fault.InputRange
			}
			return fault.New(code, fmt.Sprintf("row %d, column %q: %.40q is %v", i+1, c.name, s, err), "correct the cell, or leave it empty for a missing value")
		}
		c.numbers[i] = v
	}
	return nil
}

func (c *column) checkLevels() error {
	declared := make(map[string]bool, len(c.levels))
	for _, level := range c.levels {
		declared[level] = true
	}
	for i, s := range c.text {
		if s != "" && !declared[s] {
			return malformed(fmt.Sprintf("row %d, column %q: %.40q is not a declared level", i+1, c.name, s))
		}
	}
	return nil
}

// distinct gives the values that occur, sorted; "" does not count.
func distinct(values []string) []string {
	seen := map[string]bool{}
	var list []string
	for _, v := range values {
		if v != "" && !seen[v] {
			seen[v] = true
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}
