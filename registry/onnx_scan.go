package registry

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"consilium/fault"
)

// Limits on the encoding of an ONNX file. They are checked on the wire, before
// anything is allocated: two bytes of protobuf can ask for a few hundred bytes
// of memory, so a small hostile file could otherwise fill the machine.
const (
	MaxModelBytes    = 256 << 20 // of one ONNX file
	maxNesting       = 24        // messages within messages
	maxMessages      = 1 << 18   // messages and strings, all together
	maxPackedNumbers = 16 << 20  // numbers in packed lists of variable length; weights are stored as raw data or fixed32
)

// scan walks the wire encoding of a message and counts what decoding it would allocate.
type scan struct {
	messages int
	packed   int
}

// check refuses bytes that are no encoding of the message, that nest too
// deeply, hold too many parts, or carry fields that this version of ONNX does
// not know: a runtime that knows them would read another model than the one that was inspected.
func (s *scan) check(b []byte, md protoreflect.MessageDescriptor, depth int) error {
	if depth > maxNesting {
		return malformed("it nests deeper than %d messages", maxNesting)
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return malformed("%v", protowire.ParseError(n))
		}
		field := md.Fields().ByNumber(number)
		if field == nil {
			return malformed("%s has an unknown field %d", md.Name(), number)
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return malformed("%s.%s: %v", md.Name(), field.Name(), protowire.ParseError(n))
		}
		if err := s.field(field, kind, b[:n], depth); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// field counts one field's value, and walks into it when it is a message.
func (s *scan) field(field protoreflect.FieldDescriptor, kind protowire.Type, value []byte, depth int) error {
	if kind == protowire.StartGroupType {
		return malformed("%s is encoded as a group", field.Name())
	}
	if kind != protowire.BytesType {
		if field.Kind() == protoreflect.MessageKind {
			return malformed("%s is not encoded as a message", field.Name())
		}
		if field.IsList() {
			s.packed++
		}
		return s.within()
	}
	content, _ := protowire.ConsumeBytes(value)
	switch field.Kind() {
	case protoreflect.MessageKind:
		s.messages++
		if err := s.within(); err != nil {
			return err
		}
		return s.check(content, field.Message(), depth+1)
	case protoreflect.StringKind, protoreflect.BytesKind:
		s.messages++
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		// as large in memory as on the wire
	default:
		s.packed += len(content) // at least a byte each
	}
	return s.within()
}

func (s *scan) within() error {
	if s.messages > maxMessages {
		return malformed("it has more than %d parts", maxMessages)
	}
	if s.packed > maxPackedNumbers {
		return malformed("it lists more than %d numbers outside of its raw weights", maxPackedNumbers)
	}
	return nil
}

// malformed says what is wrong with the encoding of an ONNX file.
func malformed(format string, args ...any) error {
	return fault.New(fault.ModelMalformed, "not a sound ONNX file: "+fmt.Sprintf(format, args...),
		"export the model again, or get it again from its maker")
}
