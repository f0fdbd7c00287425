package dimse

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"consilium/fault"
)

const spoolPattern = "cstore-*.part"

// store takes one object: socket to spool file to Receive to answer.
func (v *session) store(id byte, p presentation, c command) error {
	started := time.Now()
	if !c.hasData {
		return violation(abortInvalid, "a C-STORE without a data set")
	}
	r := Received{CallingAE: v.calling, Address: v.address, Class: c.class, SOP: c.instance, TransferSyntax: p.syntax, MoveOriginator: c.originator, MoveOriginMessage: int(c.originatorID)}
	data := v.dataSet(id, v.config.MaxObject)
	refused, err := v.spool(&r, data, p, c)
	if r.Path != "" {
		defer os.Remove(r.Path) // where Receive has not moved it
	}
	if err != nil {
		v.config.Observe.Refused(RefusedPartial)
		return err
	}
	if refused != nil { // the peer sends the rest before it hears
		if _, err := io.Copy(io.Discard, data); err != nil {
			return err
		}
	} else if err := v.hand(r); err != nil {
		status, comment := storeStatus(err)
		refused = &refusal{status, comment, RefusedStore, err}
	}
	if refused != nil {
		v.config.Observe.Refused(refused.why)
		v.log.Warn("object refused", "sop", c.instance, "status", statusText(refused.status), "error", refused.err)
		return v.reply(id, c.answer(refused.status, refused.comment))
	}
	v.config.Observe.Received(r.Size, time.Since(started))
	return v.reply(id, c.answer(statusSuccess, ""))
}

// hand gives the object to its receiver, for no longer than the association may last.
func (v *session) hand(r Received) error {
	ctx, cancel := context.WithDeadline(v.ctx, v.until)
	defer cancel()
	return v.config.Receive(ctx, r)
}

// refusal is why an object that arrived is not kept.
type refusal struct {
	status  uint16
	comment string
	why     Refusal
	err     error
}

// spool writes the file. A refusal leaves the rest of the data set unread; an
// error ends the association.
func (v *session) spool(r *Received, data io.Reader, p presentation, c command) (*refusal, error) {
	switch {
	case c.class != p.class:
		return &refusal{statusNoSuchClass, "class is not the context's", RefusedMismatch, errors.New("the command names another class than its presentation context")}, nil
	case !validUID(c.instance):
		return &refusal{statusInvalidInstance, "SOP instance UID", RefusedMalformed, errors.New("the command names no SOP instance")}, nil
	}
	if v.block == nil {
		v.block = make([]byte, blockSize)
	}
	meta := len(appendMeta(v.block[:0], c.class, c.instance, p.syntax))
	n, err := io.ReadFull(data, v.block[meta:])
	if broken(err) {
		return nil, err
	}
	if bad := check(v.block[meta:meta+n], p.syntax, c); bad != nil {
		return bad, nil
	}
	file, err := os.CreateTemp(v.config.Spool, spoolPattern)
	if err != nil {
		return diskRefusal(err), nil
	}
	defer file.Close()
	r.Path = file.Name()
	for n += meta; n > 0; {
		if _, err := file.Write(v.block[:n]); err != nil {
			return diskRefusal(err), nil
		}
		r.Size += int64(n)
		n, err = io.ReadFull(data, v.block)
		if broken(err) {
			return nil, err
		}
	}
	if err := file.Close(); err != nil {
		return diskRefusal(err), nil
	}
	return nil, nil
}

// broken tells an error of the association from the regular end of a data set
// within or at the end of a block.
func broken(err error) bool {
	return err != nil && err != io.EOF && err != io.ErrUnexpectedEOF
}

// check compares what the data set says it is with what the command says.
func check(start []byte, syntax string, c command) *refusal {
	if len(start) == 0 {
		return &refusal{statusUnderstand, "empty data set", RefusedMalformed, errors.New("the data set is empty")}
	}
	class, instance, err := identity(start, syntax)
	switch {
	case err != nil:
		return &refusal{statusUnderstand, "no SOP class and instance", RefusedMalformed, err}
	case class != c.class || instance != c.instance:
		return &refusal{statusMismatch, "not the object of the command", RefusedMismatch, errors.New("command and data set name different objects")}
	}
	return nil
}

// diskRefusal is the answer when the spool file cannot be written.
func diskRefusal(err error) *refusal {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &refusal{statusResources, string(fault.StoreFull), RefusedStore, err}
	}
	return &refusal{statusProcessing, string(fault.StoreFailed), RefusedStore, err}
}
