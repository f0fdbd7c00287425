package local

type alone struct {
	key     string
	weights []float32
}
