package dimse

import (
	"bytes"
	"io"

	"consilium/dicom"
	"consilium/fault"
)

// identifier reads the data set that follows a command: a query, an answer to
// one, a commitment list. Those are small.
func (l *link) identifier(id byte, p presentation) (*dicom.Object, error) {
	body, err := io.ReadAll(l.dataSet(id, maxIdentifier))
	if err != nil {
		return nil, err
	}
	file := append(appendMeta(nil, "", "", p.syntax), body...)
	o, err := dicom.ParseObject(bytes.NewReader(file), "the peer's data set")
	if err != nil {
		return nil, &unreadable{err}
	}
	return o, nil
}

// unreadable is a data set that arrived whole and makes no sense; the
// association itself goes on.
type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }

// encode writes an identifier in the context's transfer syntax.
func encode(o *dicom.Object, syntax string) (*bytes.Reader, error) {
	c := o.Clone()
	c.SetTransferSyntax(syntax)
	var b bytes.Buffer
	if err := c.WriteDataSet(&b); err != nil {
		return nil, err
	}
	if b.Len() > maxIdentifier {
		return nil, fault.New(fault.InputTooLarge, "the query or list is too large for one message", "ask for less at a time")
	}
	return bytes.NewReader(b.Bytes()), nil
}
