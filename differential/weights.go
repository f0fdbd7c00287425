package differential

// Weights is what the second pass learned.
type Weights struct {
	Mean, Scale, Weight [features]float64
}

var shipped Weights
