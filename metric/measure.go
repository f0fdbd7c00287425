package metric

import "math"

// IDs of the metrics in a Report. They are stable: cards and scripts use them.
const (
	IDAUC              = "auc"
	IDAveragePrecision = "average_precision"
	IDAccuracy         = "accuracy"
	IDBalancedAccuracy = "balanced_accuracy"
	IDMacroF1          = "macro_f1"
	IDSensitivity      = "sensitivity"
	IDSpecificity      = "specificity"
	IDPPV              = "ppv"
	IDNPV              = "npv"
	IDF1               = "f1"
	IDKappa            = "quadratic_kappa"
	IDBrier            = "brier"
	IDLogLoss          = "log_loss"
	IDECE              = "ece"
	IDECEMass          = "ece_equal_mass"
	IDECEClasswise     = "ece_classwise"
)

// overall marks a measure that is not about one class.
const overall = -1

// measure is one metric as a function of a sample under counts; NaN where undefined.
type measure struct {
	id    string
	name  string
	class int  // overall, or the class against the rest
	lower bool // lower is better
	of    func(*sample, *tally) float64
	// inflated: repeated examples raise the draws of this metric above its value.
	inflated bool
}

// measures lists what applies to a sample: all of the overall metrics, the
// operating point of two classes, or a row of metrics for each of more.
func measures(s *sample, ordinal bool) []measure {
	list := []measure{
		{id: IDAUC, name: "ROC AUC", class: overall, of: meanRanking(ranking.auc)},
		{id: IDAveragePrecision, name: "Average precision", class: overall, of: meanRanking(ranking.averagePrecision)},
		{id: IDAccuracy, name: "Accuracy", class: overall, of: func(_ *sample, t *tally) float64 { return t.matrix.accuracy() }},
		{id: IDBalancedAccuracy, name: "Balanced accuracy", class: overall, of: func(_ *sample, t *tally) float64 { return t.matrix.balancedAccuracy() }},
		{id: IDMacroF1, name: "Macro F1", class: overall, of: func(_ *sample, t *tally) float64 { return t.matrix.macroF1() }},
	}
	if s.k == 2 {
		list = append(list, decisionMeasures()...)
	}
	if ordinal {
		list = append(list, measure{id: IDKappa, name: "Quadratic weighted kappa", class: overall,
			of: func(_ *sample, t *tally) float64 { return t.matrix.kappa() }})
	}
	list = append(list, probabilityMeasures(s)...)
	if s.k > 2 {
		for class := range s.k {
			list = append(list, classMeasures(class)...)
		}
	}
	return list
}

func decisionMeasures() []measure {
	at := func(f func(confusion, int) float64) func(*sample, *tally) float64 {
		return func(_ *sample, t *tally) float64 { return f(t.decision, 1) }
	}
	return []measure{
		{id: IDSensitivity, name: "Sensitivity", class: overall, of: at(confusion.sensitivity)},
		{id: IDSpecificity, name: "Specificity", class: overall, of: at(confusion.specificity)},
		{id: IDPPV, name: "Positive predictive value", class: overall, of: at(confusion.ppv)},
		{id: IDNPV, name: "Negative predictive value", class: overall, of: at(confusion.npv)},
	}
}

func probabilityMeasures(s *sample) []measure {
	scratch := make([]gap, s.bins)
	return []measure{
		{id: IDBrier, name: "Brier score", class: overall, lower: true, of: func(s *sample, t *tally) float64 { return weightedMean(s.squared, t.counts) }},
		{id: IDLogLoss, name: "Log loss", class: overall, lower: true, of: func(s *sample, t *tally) float64 { return weightedMean(s.surprise, t.counts) }},
		{id: IDECE, name: "Expected calibration error", class: overall, lower: true, inflated: true, of: func(s *sample, t *tally) float64 {
			return expectedError(s.top.equalWidth(t.counts, scratch))
		}},
		{id: IDECEMass, name: "Calibration error, equal-mass bins", class: overall, lower: true, inflated: true, of: func(s *sample, t *tally) float64 {
			return expectedError(s.top.equalMass(t.counts, scratch))
		}},
		{id: IDECEClasswise, name: "Calibration error, mean of classes", class: overall, lower: true, inflated: true, of: func(s *sample, t *tally) float64 {
			return meanDefined(s.k, func(class int) float64 {
				return expectedError(s.perClass[class].equalWidth(t.counts, scratch))
			})
		}},
	}
}

func classMeasures(class int) []measure {
	by := func(f func(confusion, int) float64) func(*sample, *tally) float64 {
		return func(_ *sample, t *tally) float64 { return f(t.matrix, class) }
	}
	return []measure{
		{id: IDAUC, name: "ROC AUC", class: class, of: func(s *sample, t *tally) float64 { return s.rankings[s.rankingOf(class)].auc(t.counts) }},
		{id: IDAveragePrecision, name: "Average precision", class: class, of: func(s *sample, t *tally) float64 {
			return s.rankings[s.rankingOf(class)].averagePrecision(t.counts)
		}},
		{id: IDSensitivity, name: "Sensitivity", class: class, of: by(confusion.sensitivity)},
		{id: IDSpecificity, name: "Specificity", class: class, of: by(confusion.specificity)},
		{id: IDPPV, name: "Positive predictive value", class: class, of: by(confusion.ppv)},
		{id: IDNPV, name: "Negative predictive value", class: class, of: by(confusion.npv)},
		{id: IDF1, name: "F1", class: class, of: by(confusion.f1)},
	}
}

// meanRanking averages a rank metric over the classes. A class that is absent
// makes the mean undefined: leaving it out would change what is measured.
func meanRanking(f func(ranking, []float64) float64) func(*sample, *tally) float64 {
	return func(s *sample, t *tally) float64 {
		sum := 0.0
		for _, r := range s.rankings {
			sum += f(r, t.counts)
		}
		return sum / float64(len(s.rankings))
	}
}

// values measures a sample under counts, in the order of the list.
func values(list []measure, s *sample, t *tally, counts []float64, into []float64) {
	s.count(t, counts)
	for i, m := range list {
		into[i] = m.of(s, t)
	}
}

// defined turns NaN into the nil of a report.
func defined(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
