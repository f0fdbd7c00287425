package evidence

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Vectors are kept as bytes: each component is an int8 times a scale of the
// vector's own, so 1 million vectors of 128 components are 132 MB and one look at
// all of them is a few milliseconds (ADR 8 says why there is no graph index).
const lane = 16 // components that one step of the inner product takes

// vectors are all vectors of an index in memory, in rows of width bytes.
type vectors struct {
	dimensions, width int
	passages          []uint64
	scales            []float32
	rows              []int8
}

func newVectors(dimensions int) *vectors {
	return &vectors{dimensions: dimensions, width: (dimensions + lane - 1) / lane * lane}
}

// quantise appends a vector as scale (float32, little-endian) and one signed byte a component.
func quantise(into []byte, v []float32) []byte {
	largest := float32(0)
	for _, x := range v {
		largest = max(largest, float32(math.Abs(float64(x))))
	}
	scale := largest / 127
	into = binary.LittleEndian.AppendUint32(into, math.Float32bits(scale))
	for _, x := range v {
		q := float32(0)
		if scale > 0 {
			q = x / scale
		}
		into = append(into, byte(int8(math.Round(float64(q)))))
	}
	return into
}

// add appends the quantised vectors of one document.
func (m *vectors) add(n number, raw []byte) error {
	size := 4 + m.dimensions
	if len(raw)%size != 0 {
		return damaged(fmt.Errorf("vectors of %d bytes do not fit %d dimensions", len(raw), m.dimensions))
	}
	for i := 0; i*size < len(raw); i++ {
		one := raw[i*size : (i+1)*size]
		m.passages = append(m.passages, n.passage(i))
		m.scales = append(m.scales, math.Float32frombits(binary.LittleEndian.Uint32(one)))
		for _, b := range one[4:] {
			m.rows = append(m.rows, int8(b))
		}
		m.rows = append(m.rows, make([]int8, m.width-m.dimensions)...)
	}
	return nil
}

// drop forgets the vectors of documents.
func (m *vectors) drop(gone map[number]bool) {
	kept := 0
	for i, p := range m.passages {
		if n, _ := ofPassage(p); gone[n] {
			continue
		}
		m.passages[kept], m.scales[kept] = p, m.scales[i]
		copy(m.rows[kept*m.width:(kept+1)*m.width], m.rows[i*m.width:(i+1)*m.width])
		kept++
	}
	m.passages, m.scales, m.rows = m.passages[:kept], m.scales[:kept], m.rows[:kept*m.width]
}

// loadVectors reads all vectors of an index.
func loadVectors(tx *bolt.Tx, s state) (*vectors, error) {
	m := newVectors(s.Dimensions)
	m.passages = make([]uint64, 0, s.Passages)
	m.scales = make([]float32, 0, s.Passages)
	m.rows = make([]int8, 0, s.Passages*m.width)
	c := tx.Bucket(bucketVectors).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := m.add(numberOf(k), v); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// queryLevels is how finely a query is quantised: 14 bits beside the passages' 8.
const queryLevels = 8191

// quantisedQuery is a query as the scan takes it.
type quantisedQuery struct {
	levels []int16
	scale  float32 // 0 for a query without a known word: near nothing
}

func (m *vectors) quantise(query []float32) quantisedQuery {
	largest := float32(0)
	for _, x := range query {
		largest = max(largest, float32(math.Abs(float64(x))))
	}
	q := quantisedQuery{make([]int16, m.width), largest / queryLevels}
	for i, x := range query {
		if largest > 0 {
			q.levels[i] = int16(math.Round(float64(x / largest * queryLevels)))
		}
	}
	return q
}

// product is the inner product of a query with the passage in row i.
func (m *vectors) product(q quantisedQuery, i int) float32 {
	return float32(dot(q.levels, m.rows[i*m.width:(i+1)*m.width])) * m.scales[i] * q.scale
}

// of gives the inner product with one passage. Passages lie in ascending order.
func (m *vectors) of(q quantisedQuery, passage uint64) float32 {
	if i, ok := slices.BinarySearch(m.passages, passage); ok {
		return m.product(q, i)
	}
	return 0
}

// search gives the k passages with the largest inner product, by looking at all.
func (m *vectors) search(ctx context.Context, q quantisedQuery, k int) ([]scored, error) {
	if q.scale == 0 {
		return nil, nil
	}
	best := newTop(k)
	floor := float32(math.Inf(-1))
	for i, p := range m.passages {
		if i%ctxPeriod == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		score := m.product(q, i)
		if score < floor {
			continue
		}
		best.add(p, score)
		if len(best.kept) == k && k > 0 {
			floor = best.kept[0].score
		}
	}
	return best.sorted(), nil
}
