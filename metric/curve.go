package metric

import "math"

// Point is one point of a ROC curve (X false positive rate, Y sensitivity) or
// of a precision-recall curve (X recall, Y precision). Predicting "positive"
// from Threshold upwards gives it; the ROC origin has no finite threshold.
type Point struct {
	X         float64  `json:"x"`
	Y         float64  `json:"y"`
	Threshold *float64 `json:"threshold,omitempty"`
}

// BandPoint is a pointwise bootstrap interval of a curve at X.
type BandPoint struct {
	X    float64 `json:"x"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// ROC gives the ROC curve from (0,0) to (1,1), one point a distinct score,
// without the points that lie on a straight line between their neighbours.
func ROC(scores []float64, labels []int) ([]Point, error) {
	r, ones, err := binaryRanking(scores, labels)
	if err != nil {
		return nil, err
	}
	points := r.roc(ones)
	if points == nil {
		return nil, undefined("the ROC curve", "only one class is present")
	}
	return points, nil
}

// PrecisionRecall gives the precision-recall curve, one point a distinct
// score, in order of rising recall.
func PrecisionRecall(scores []float64, labels []int) ([]Point, error) {
	r, ones, err := binaryRanking(scores, labels)
	if err != nil {
		return nil, err
	}
	points := r.precisionRecall(ones)
	if points == nil {
		return nil, undefined("the precision-recall curve", "no example is positive")
	}
	return points, nil
}

func (r ranking) roc(counts []float64) []Point {
	positives, negatives := r.totals(counts)
	if positives == 0 || negatives == 0 {
		return nil
	}
	points := []Point{{}}
	tp, fp := 0.0, 0.0
	r.groups(counts, func(rank int, p, n float64) {
		tp += p
		fp += n
		threshold := r.score[rank]
		points = append(points, Point{X: fp / negatives, Y: tp / positives, Threshold: &threshold})
	})
	return dropCollinear(points)
}

func (r ranking) precisionRecall(counts []float64) []Point {
	positives, _ := r.totals(counts)
	if positives == 0 {
		return nil
	}
	var points []Point
	tp, fp := 0.0, 0.0
	r.groups(counts, func(rank int, p, n float64) {
		tp += p
		fp += n
		threshold := r.score[rank]
		points = append(points, Point{X: tp / positives, Y: tp / (tp + fp), Threshold: &threshold})
	})
	return points
}

// rocAt fills into with the sensitivity at evenly spaced false positive rates
// 0..1, linearly between points and the upper end of vertical steps. It says
// false when a class is missing.
func (r ranking) rocAt(counts, into []float64) bool {
	positives, negatives := r.totals(counts)
	if positives == 0 || negatives == 0 {
		return false
	}
	steps := float64(len(into) - 1)
	next := 0
	x0, y0, tp, fp := 0.0, 0.0, 0.0, 0.0
	r.groups(counts, func(_ int, p, n float64) {
		tp += p
		fp += n
		x, y := fp/negatives, tp/positives
		for next < len(into) && float64(next)/steps < x {
			at := float64(next) / steps
			into[next] = y0 + (y-y0)*(at-x0)/(x-x0)
			next++
		}
		x0, y0 = x, y
	})
	for ; next < len(into); next++ {
		into[next] = 1
	}
	return true
}

// dropCollinear keeps the ends and every point where the curve turns.
func dropCollinear(points []Point) []Point {
	kept := points[:1:1]
	for i := 1; i < len(points)-1; i++ {
		a, b, c := kept[len(kept)-1], points[i], points[i+1]
		if turn := (b.X-a.X)*(c.Y-a.Y) - (b.Y-a.Y)*(c.X-a.X); math.Abs(turn) > 1e-15 {
			kept = append(kept, b)
		}
	}
	return append(kept, points[len(points)-1])
}

// Thin keeps at most limit points of a curve, evenly along its length, so that
// a report of a large test set stays small. The ends stay.
func Thin(points []Point, limit int) []Point {
	if limit < 2 || len(points) <= limit {
		return points
	}
	total := 0.0
	for i := 1; i < len(points); i++ {
		total += distance(points[i-1], points[i])
	}
	kept := make([]Point, 0, limit)
	kept = append(kept, points[0])
	walked := 0.0
	for i := 1; i < len(points)-1 && len(kept) < limit-1; i++ {
		walked += distance(points[i-1], points[i])
		if walked >= total*float64(len(kept))/float64(limit-1) {
			kept = append(kept, points[i])
		}
	}
	return append(kept, points[len(points)-1])
}

func distance(a, b Point) float64 { return math.Abs(a.X-b.X) + math.Abs(a.Y-b.Y) }
