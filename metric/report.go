package metric

import "fmt"

// Value is one metric with its interval and what a trivial model reaches.
type Value struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Value    *float64 `json:"value"` // null: undefined on these data
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
	Baseline *float64 `json:"baseline"` // the class shares as probabilities, so always the majority class
	Lower    bool     `json:"lower_is_better,omitempty"`
	Draws    int      `json:"draws"` // in which it was defined
}

// Class is what is known of one class against the rest.
type Class struct {
	Label   string      `json:"label"`
	Support int         `json:"support"`
	Values  []Value     `json:"values,omitempty"` // more than two classes only
	ROC     []Point     `json:"roc,omitempty"`
	Band    []BandPoint `json:"roc_band,omitempty"` // pointwise interval of the ROC curve
	PR      []Point     `json:"pr,omitempty"`
	Bins    []Bin       `json:"reliability,omitempty"`
	ECE     float64     `json:"ece"` // over Bins
}

// Report is an evaluation. It holds no NaN: what is undefined is null.
type Report struct {
	Examples   int      `json:"examples"`
	Groups     int      `json:"groups,omitempty"`
	Threshold  float64  `json:"threshold,omitempty"` // two classes
	Draws      int      `json:"draws"`
	Level      float64  `json:"level"`
	Seed       uint64   `json:"seed"`
	Resampling string   `json:"resampling"`
	Values     []Value  `json:"values"`
	Confusion  [][]int  `json:"confusion"` // truth by prediction (argmax)
	Classes    []Class  `json:"classes"`
	TopBins    []Bin    `json:"top_reliability"` // of the predicted class: what ECE is made of
	Notes      []string `json:"notes,omitempty"`
}

// Lookup finds an overall value by ID.
func (r Report) Lookup(id string) (Value, bool) {
	for _, v := range r.Values {
		if v.ID == id {
			return v, true
		}
	}
	return Value{}, false
}

// classes draws the curves of each class; two classes share those of class 1.
func (o Options) classes(s *sample, ones []float64, sp spread) []Class {
	out := make([]Class, s.k)
	for class := range out {
		b := s.perClass[class]
		gaps := b.equalWidth(ones, make([]gap, o.Bins))
		out[class] = Class{Label: o.Labels[class], Bins: b.diagram(gaps), ECE: expectedError(gaps)}
		for _, y := range s.labels {
			if y == class {
				out[class].Support++
			}
		}
		if s.k == 2 && class == 0 {
			continue
		}
		r := s.rankings[s.rankingOf(class)]
		out[class].ROC = Thin(r.roc(ones), o.Points)
		out[class].PR = Thin(r.precisionRecall(ones), o.Points)
		if sp.curves != nil {
			out[class].Band = o.band(sp.curves[s.rankingOf(class)])
		}
	}
	return out
}

func (o Options) band(steps [][]float64) []BandPoint {
	var out []BandPoint
	for i, draws := range steps {
		low, high, _ := percentiles(draws, o.Level)
		if low == nil {
			return nil
		}
		out = append(out, BandPoint{X: float64(i) / float64(len(steps)-1), Low: *low, High: *high})
	}
	return out
}

func (c confusion) integers() [][]int {
	m := make([][]int, c.k)
	for t := range m {
		m[t] = make([]int, c.k)
		for p := range m[t] {
			m[t][p] = int(c.at(t, p))
		}
	}
	return m
}

// notes say in words what the reader must know before believing the numbers.
func notes(r Report) []string {
	var out []string
	for _, c := range r.Classes {
		if c.Support == 0 {
			out = append(out, fmt.Sprintf("no example of class %q: its rank metrics, and their mean, are undefined", c.Label))
		} else if c.Support < 30 {
			out = append(out, fmt.Sprintf("only %d examples of class %q: read its figures with their intervals", c.Support, c.Label))
		}
	}
	for _, v := range r.Values {
		if v.Value != nil && r.Draws > 0 && v.Draws < r.Draws {
			out = append(out, fmt.Sprintf("%s was undefined in %d of %d draws", v.Name, r.Draws-v.Draws, r.Draws))
		}
	}
	return out
}
