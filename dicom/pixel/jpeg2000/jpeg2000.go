// Package jpeg2000 decodes JPEG 2000 (ITU-T T.800) and HTJ2K (T.814) with
// OpenJPEG, compiled to WebAssembly: a codec that others have tested for twenty
// years, in a sandbox that cannot reach anything. All that the module can ask
// the host is whether to go on. Each call gets an instance of its own, with
// bounded memory, and ends with its context. docs/adr/0006-jpeg2000.md tells why, scripts/openjpeg.sh makes openjpeg.wasm.
package jpeg2000

import (
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"consilium/dicom/pixel/raster"
	"consilium/fault"
)

const codec = "JPEG 2000"

// Longest bounds the decoding of one frame, whatever the context allows.
const Longest = time.Minute

//go:embed openjpeg.wasm
var binaryModule []byte

// Image is a decoded frame: the samples of a pixel side by side, in two's complement, little
// endian, as many bytes each as the shape's bits need (1, 2 or 4).
type Image struct {
	Data []byte
	Bits int // of a sample
}

// What decode in openjpeg/decode.c returns.
const (
	statusOK = iota
	statusMalformed
	statusMisfit
	statusSubsampled
	statusMemory
)

type sandbox struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

// compile translates the module to machine code, once a process.
//
// wazero could look at the context at every turn of every loop; that more than doubles the time. The
// module asks by itself instead, a few thousand calls apart (openjpeg/decode.c).
var compile = sync.OnceValues(func() (sandbox, error) {
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	alive := func(ctx context.Context) uint32 {
		if ctx.Err() != nil {
			return 0
		}
		return 1
	}
	_, err := r.NewHostModuleBuilder("consilium").NewFunctionBuilder().WithFunc(alive).Export("alive").Instantiate(ctx)
	if err != nil {
		return sandbox{}, broken(err)
	}
	m, err := r.CompileModule(ctx, binaryModule)
	if err != nil {
		return sandbox{}, broken(err)
	}
	return sandbox{r, m}, nil
})

// Prepare compiles the module, so that the first frame need not wait for it.
func Prepare() error {
	_, err := compile()
	return err
}

func broken(err error) error {
	return fault.Wrap(err, fault.Internal, "the JPEG 2000 decoder cannot be compiled", "please report it with the machine's type")
}

// Decode decodes one frame, a bare codestream or a JP2 file. The stream must have the wanted shape;
// it may have fewer bits.
func Decode(ctx context.Context, data []byte, want raster.Shape) (Image, error) {
	s, err := compile()
	if err != nil {
		return Image{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, Longest)
	defer cancel()
	if err := raster.Alive(ctx); err != nil {
		return Image{}, err
	}
	memory := newMemory(len(data), want)
	instance, err := s.runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, memory), s.module, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return Image{}, failure(ctx, memory, err)
	}
	defer instance.Close(context.WithoutCancel(ctx))
	img, err := decode(ctx, instance, data, want)
	if err != nil {
		return Image{}, failure(ctx, memory, err)
	}
	return img, nil
}

// failure says why an instance failed: its time or its memory is at an end, or
// the codestream broke it, which harms nobody but the instance.
func failure(ctx context.Context, m *memory, err error) error {
	if stopped := raster.Alive(ctx); stopped != nil {
		return stopped
	}
	if m.refused {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("%s: decoding needs more than %d MiB", codec, m.limit>>20), "convert the image to another transfer syntax")
	}
	if fault.CodeOf(err) != fault.Internal {
		return err
	}
	return fault.Wrap(err, fault.InputMalformed, codec+": the decoder failed", "export the image again")
}

// decode runs the instance.
func decode(ctx context.Context, instance api.Module, data []byte, want raster.Shape) (Image, error) {
	width := 1
	for width*8 < want.Bits {
		width *= 2
	}
	room, err := instance.ExportedFunction("take").Call(ctx, uint64(len(data)))
	if err != nil {
		return Image{}, err
	}
	mem := instance.Memory()
	if room[0] == 0 || !mem.Write(uint32(room[0]), data) {
		return Image{}, outOfMemory()
	}
	status, err := instance.ExportedFunction("decode").Call(ctx, room[0], uint64(len(data)),
		uint64(want.Columns), uint64(want.Rows), uint64(want.Components), uint64(want.Bits), uint64(width))
	if err != nil {
		return Image{}, err
	}
	at, err := instance.ExportedFunction("result").Call(ctx)
	if err != nil {
		return Image{}, err
	}
	r, ok := readResult(mem, uint32(at[0]))
	if !ok {
		return Image{}, outOfMemory()
	}
	switch status[0] {
	case statusOK:
	case statusMisfit:
		return Image{}, want.Match(codec, r.rows, r.columns, r.components, r.bits)
	case statusSubsampled:
		return Image{}, raster.Unsupported(codec, "subsampled components")
	case statusMemory:
		return Image{}, outOfMemory()
	default:
		return Image{}, raster.Malformed(codec, "%s", r.message)
	}
	samples, ok := mem.Read(r.samples, r.size)
	if !ok || len(samples) != want.Rows*want.Columns*want.Components*width {
		return Image{}, raster.Malformed(codec, "the decoder gave %d bytes", r.size)
	}
	return Image{Data: append([]byte(nil), samples...), Bits: r.bits}, nil
}

func outOfMemory() error {
	return fault.New(fault.InputTooLarge, codec+": decoding needs more memory than a frame may", "convert the image to another transfer syntax")
}

// result mirrors the structure of that name in openjpeg/decode.c.
type result struct {
	columns, rows, components, bits int
	samples, size                   uint32
	message                         string
}

func readResult(mem api.Memory, at uint32) (result, bool) {
	const fields, message = 7 * 4, 160
	b, ok := mem.Read(at, fields+message)
	if !ok {
		return result{}, false
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
	text := b[fields:]
	n := 0
	for n < len(text) && text[n] >= ' ' && text[n] < 127 {
		n++
	}
	return result{
		columns: int(word(0)), rows: int(word(1)), components: int(word(2)), bits: int(word(3)),
		samples: word(5), size: word(6), message: string(text[:n]),
	}, true
}

// memory is the linear memory of one instance.
type memory struct {
	limit   uint64
	refused bool
	buffer  []byte
}

// newMemory bounds the memory by what the frame can need: its samples as OpenJPEG holds them, 4
// bytes each, twice for tiles, with the book-keeping of their blocks, and packed. It starts with
// what most frames take.
func newMemory(stream int, s raster.Shape) *memory {
	const most, start = 2 << 30, 64 << 20
	samples := uint64(s.Rows) * uint64(s.Columns) * uint64(s.Components)
	m := &memory{limit: min(32<<20+3*uint64(stream)+16*samples, most)}
	m.buffer = make([]byte, 0, min(3<<20+uint64(stream)+8*samples, start))
	return m
}

// Allocate implements wazero's allocator: there is one memory a module.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate grows the memory, twice as much at a time as asked for, so that it is rarely copied.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.refused = true
		return nil
	}
	if size > uint64(cap(m.buffer)) {
		grown := make([]byte, size, min(2*size, m.limit))
		copy(grown, m.buffer)
		m.buffer = grown
	}
	m.buffer = m.buffer[:size]
	return m.buffer
}

// Free implements wazero's allocator.
func (m *memory) Free() { m.buffer = nil }
