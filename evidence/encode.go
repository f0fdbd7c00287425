package evidence

import (
	"context"
	"fmt"
	"math"

	"consilium/fault"
)

const encodeBatch = 64 // texts for one call of an encoder

// encodeAll encodes any number of texts and checks what came back.
func encodeAll(ctx context.Context, e Encoder, texts []string, query bool) ([][]float32, error) {
	out := make([][]float32, 0, len(texts))
	for start := 0; start < len(texts); start += encodeBatch {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		batch := texts[start:min(start+encodeBatch, len(texts))]
		encoded, err := e.Encode(ctx, batch, query)
		if err != nil {
			return nil, err
		}
		if len(encoded) != len(batch) {
			return nil, wrongVectors(e, fmt.Sprintf("%d vectors for %d texts", len(encoded), len(batch)))
		}
		for _, v := range encoded {
			if len(v) != e.Dimensions() {
				return nil, wrongVectors(e, fmt.Sprintf("%d components instead of %d", len(v), e.Dimensions()))
			}
			for _, x := range v {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					return nil, wrongVectors(e, "a component that is no finite number")
				}
			}
		}
		out = append(out, encoded...)
	}
	return out, nil
}

func wrongVectors(e Encoder, what string) error {
	return fault.New(fault.ModelMalformed, "encoder "+e.Name()+" gave "+what, "take another encoder, or none")
}
