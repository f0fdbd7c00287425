package metric

import (
	"fmt"
	"math"

	"consilium/fault"
)

// confusion counts examples by truth (row) and prediction (column).
type confusion struct {
	k     int
	cells []float64
}

func newConfusion(k int) confusion { return confusion{k, make([]float64, k*k)} }

func (c confusion) at(truth, predicted int) float64 { return c.cells[truth*c.k+predicted] }

func (c confusion) truth(class int) float64 {
	sum := 0.0
	for p := range c.k {
		sum += c.at(class, p)
	}
	return sum
}

func (c confusion) predicted(class int) float64 {
	sum := 0.0
	for t := range c.k {
		sum += c.at(t, class)
	}
	return sum
}

func (c confusion) total() float64 {
	sum := 0.0
	for _, v := range c.cells {
		sum += v
	}
	return sum
}

func (c confusion) accuracy() float64 {
	right := 0.0
	for i := range c.k {
		right += c.at(i, i)
	}
	return ratio(right, c.total())
}

// Of one class against the rest; each is NaN when its denominator is empty.

func (c confusion) sensitivity(class int) float64 {
	return ratio(c.at(class, class), c.truth(class))
}

func (c confusion) ppv(class int) float64 {
	return ratio(c.at(class, class), c.predicted(class))
}

func (c confusion) specificity(class int) float64 {
	negatives := c.total() - c.truth(class)
	return ratio(negatives-(c.predicted(class)-c.at(class, class)), negatives)
}

func (c confusion) npv(class int) float64 {
	refused := c.total() - c.predicted(class)
	return ratio(refused-(c.truth(class)-c.at(class, class)), refused)
}

func (c confusion) f1(class int) float64 {
	return ratio(2*c.at(class, class), c.truth(class)+c.predicted(class))
}

// balancedAccuracy is the mean sensitivity over the classes that occur.
func (c confusion) balancedAccuracy() float64 {
	return meanDefined(c.k, c.sensitivity)
}

// macroF1 is the mean F1 over the classes that occur in truth or prediction.
func (c confusion) macroF1() float64 {
	return meanDefined(c.k, c.f1)
}

// kappa is Cohen's kappa with quadratic weights, for classes in an order:
// one minus observed over expected squared distance (Cohen 1968). NaN when
// all truth and all predictions are one and the same class.
func (c confusion) kappa() float64 {
	n := c.total()
	observed, expected := 0.0, 0.0
	rows, columns := make([]float64, c.k), make([]float64, c.k)
	for i := range c.k {
		rows[i], columns[i] = c.truth(i), c.predicted(i)
	}
	for i := range c.k {
		for j := range c.k {
			d := float64((i - j) * (i - j))
			observed += d * c.at(i, j)
			expected += d * rows[i] * columns[j] / n
		}
	}
	if expected == 0 {
		return math.NaN()
	}
	return 1 - observed/expected
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// meanDefined averages over the classes for which value is not NaN.
func meanDefined(classes int, value func(int) float64) float64 {
	sum, n := 0.0, 0.0
	for class := range classes {
		if v := value(class); !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return ratio(sum, n)
}

// ConfusionMatrix counts examples by true class (row) and predicted class (column).
func ConfusionMatrix(predicted, labels []int, classes int) ([][]int, error) {
	if err := checkLengths(len(predicted), len(labels)); err != nil {
		return nil, err
	}
	if classes < 2 || classes > MaxClasses {
		return nil, fault.New(fault.InputMalformed, fmt.Sprintf("a confusion matrix of %d classes", classes),
			fmt.Sprintf("give between 2 and %d classes", MaxClasses))
	}
	if err := checkLabels(labels, classes); err != nil {
		return nil, err
	}
	if err := checkLabels(predicted, classes); err != nil {
		return nil, err
	}
	m := make([][]int, classes)
	for i := range m {
		m[i] = make([]int, classes)
	}
	for i, y := range labels {
		m[y][predicted[i]]++
	}
	return m, nil
}

// QuadraticKappa is Cohen's kappa with quadratic weights over ordered classes.
func QuadraticKappa(predicted, labels []int, classes int) (float64, error) {
	m, err := ConfusionMatrix(predicted, labels, classes)
	if err != nil {
		return 0, err
	}
	c := newConfusion(classes)
	for i, row := range m {
		for j, n := range row {
			c.cells[i*classes+j] = float64(n)
		}
	}
	v := c.kappa()
	if math.IsNaN(v) {
		return 0, undefined("kappa", "truth and predictions are all one class")
	}
	return v, nil
}
