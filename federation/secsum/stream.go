package secsum

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"

	"consilium/fault"
)

// stream is one mask: AES-256 in counter mode over a key that is used for nothing else, read as little-endian words.
type stream struct {
	block    cipher.Block
	subtract bool
}

func newStream(key []byte, subtract bool) (stream, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return stream{}, fault.Wrap(err, fault.Internal, "no cipher could be made", "")
	}
	return stream{block, subtract}, nil
}

// chunk is the number of words that are masked at a time: they stay in the cache while stream after stream is added.
const chunk = 8192

var zeros [4 * chunk]byte

// mask adds and subtracts the streams in place. The chunks are spread over the cores: counter mode can begin anywhere.
func mask(sum []uint32, streams []stream) {
	chunks := (len(sum) + chunk - 1) / chunk
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), chunks) {
		wait.Go(func() {
			pad := make([]byte, 4*chunk)
			for {
				first := int(next.Add(1)-1) * chunk
				if first >= len(sum) {
					return
				}
				part := sum[first:min(first+chunk, len(sum))]
				for _, s := range streams {
					s.apply(part, first, pad)
				}
			}
		})
	}
	wait.Wait()
}

func (s stream) apply(part []uint32, first int, pad []byte) {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(first)*4/aes.BlockSize)
	pad = pad[:4*len(part)]
	cipher.NewCTR(s.block, counter[:]).XORKeyStream(pad, zeros[:len(pad)])
	if s.subtract {
		for i := range part {
			part[i] -= binary.LittleEndian.Uint32(pad[4*i : 4*i+4])
		}
		return
	}
	for i := range part {
		part[i] += binary.LittleEndian.Uint32(pad[4*i : 4*i+4])
	}
}
