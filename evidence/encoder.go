package evidence

import "context"

// Encoder turns texts into vectors whose inner product says how well a query
// and a passage fit. It is safe for concurrent use.
type Encoder interface {
	// Name identifies model and version, such as "medquad-small@1". An index
	// records it and refuses vectors of any other encoder.
	Name() string
	// Dimensions is the length of every vector.
	Dimensions() int
	// Encode gives one vector for each text, in order, of Euclidean length 1
	// (all zeros for a text without a known word). query tells questions from
	// passages, for encoders that treat them differently.
	Encode(ctx context.Context, texts []string, query bool) ([][]float32, error)
}
