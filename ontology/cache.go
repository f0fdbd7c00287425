package ontology

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"consilium/fault"
)

// The cache is a base as it is loaded: derived from the kept originals, never the
// only copy of anything. Layout, integers little endian:
//
//	magic     8 bytes  "CNSLONTO"
//	version   uint32   of the layout and of what the parsers make of a file
//	sources   32 bytes SHA-256 over the originals' SHA-256: which files it is made of
//	length    uint64   of the payload
//	payload   strings, then terms, identifiers, diseases (encode.go)
//	checksum  32 bytes SHA-256 of all that precedes
const (
	cacheMagic   = "CNSLONTO"
	cacheVersion = 2 // raise it with every change of the layout or of a parser
	cacheHead    = len(cacheMagic) + 4 + sha256.Size + 8
	maxCache     = 256 << 20
)

// fingerprint tells which originals a base was made of.
func fingerprint(sources []Source) [sha256.Size]byte {
	h := sha256.New()
	for _, s := range sources {
		fmt.Fprintf(h, "%s %s\n", s.Kind, s.SHA256)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// encodeCache gives the bytes of a cache file.
func encodeCache(b *Base) []byte {
	payload := encode(b)
	of := fingerprint(b.Sources)
	out := make([]byte, 0, cacheHead+len(payload)+sha256.Size)
	out = append(out, cacheMagic...)
	out = binary.LittleEndian.AppendUint32(out, cacheVersion)
	out = append(out, of[:]...)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(payload)))
	out = append(out, payload...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

// decodeCache loads a cache. It refuses one that is damaged, of another version or
// made of other files: the way out is to build it again from the originals, which Open does.
func decodeCache(data []byte, sources []Source) (*Base, error) {
	if len(data) < cacheHead+sha256.Size || string(data[:len(cacheMagic)]) != cacheMagic {
		return nil, unusable("it is no cache, or cut short")
	}
	at := len(cacheMagic)
	if v := binary.LittleEndian.Uint32(data[at:]); v != cacheVersion {
		return nil, unusable(fmt.Sprintf("it has version %d instead of %d", v, cacheVersion))
	}
	of := fingerprint(sources)
	if !bytes.Equal(data[at+4:at+4+sha256.Size], of[:]) {
		return nil, unusable("it was made of other files")
	}
	end := len(data) - sha256.Size
	if binary.LittleEndian.Uint64(data[cacheHead-8:]) != uint64(end-cacheHead) {
		return nil, unusable("it is cut short")
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(data[end:], sum[:]) {
		return nil, unusable("its checksum is wrong")
	}
	b, err := decode(data[cacheHead:end])
	if err != nil {
		return nil, err
	}
	b.Sources = sources
	return b, nil
}

func unusable(why string) error {
	return fault.New(fault.StoreCorrupt, "the cache of the ontology cannot be used: "+why, "nothing is lost: it is built again from the kept originals")
}
