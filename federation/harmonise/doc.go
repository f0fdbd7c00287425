// Package harmonise brings the features of sites that measure differently to one scale: another scanner is brighter,
// another laboratory counts higher, and a network that learns at both should not learn which is which.
//
// It is ComBat (Johnson, Li and Rabinovic, "Adjusting batch effects in microarray expression data using empirical Bayes
// methods", Biostatistics 2007) in federated form: a location and a scale a site and feature. Each site measures the
// Moments of its own training examples, and puts them into one sum (Share), which may be a secure one. The sum gives
// every site the mean over all, the spread within sites and the spread over all; the rest needs nothing from others:
//   - "standardise" takes the same mean and spread from every site's features. It keeps what tells the sites apart.
//   - "combat" takes a site's own shift and spread out. Both are shrunk by empirical Bayes over the site's features
//     towards their mean, more so at a small site: the effect of a device is alike in many features, chance is not.
//
// No label is used, since an example to be diagnosed does not know its own. So combat also takes out what truly differs
// between the patients of two sites: where one sees the sick and the other the healthy, that difference goes too. The
// per-site figures of a job say whether it paid.
//
// A feature is a column of a table or of any vector, each with its own moments. In images and volumes ([C,H,W],
// [C,D,H,W]) it is a channel: one shift and one scale for all of its pixels, because a device shifts them together and
// single pixels have no meaning of their own. With two axes it is the shorter one: the leads of an ECG, the bands of
// a sound.
package harmonise

// Kinds, as Plan.Harmonise names them.
const (
	Standardise = "standardise"
	Combat      = "combat"
)

// Reach is the largest mean and the largest standard deviation of a feature, in the units that the data set reads it
// in: those are of order 1 (standard deviations, brightness from 0 to 1, millivolt). With it, every number of a Share
// lies in -1..1, and no secure sum cuts it.
const Reach = 8

// features says how a shape is cut: how many features, and how to find a value's own.
type features struct {
	count int
	inner int // values of one feature that lie side by side
}

func (f features) of(value int) int { return value / f.inner % f.count }

func cut(shape []int) features {
	size := 1
	for _, d := range shape {
		size *= d
	}
	switch {
	case len(shape) == 0 || size < 1:
		return features{0, 1}
	case len(shape) == 1:
		return features{shape[0], 1}
	case len(shape) == 2 && shape[1] < shape[0]:
		return features{shape[1], 1}
	}
	return features{shape[0], size / shape[0]}
}

// Features is how many features examples of a shape have.
func Features(shape []int) int { return cut(shape).count }
