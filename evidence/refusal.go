package evidence

import (
	"errors"
	"fmt"
	"runtime/debug"

	bolterrors "go.etcd.io/bbolt/errors"

	"consilium/fault"
)

// damaged is the error of an index whose documents cannot be read.
func damaged(err error) error {
	return fault.Wrap(err, fault.StoreCorrupt, "the index is damaged", "delete its folder and index the original files again")
}

// wordsDamaged is the error of an index whose documents are whole, and whose word index is not.
func wordsDamaged(err error) error {
	return fault.Wrap(err, fault.StoreCorrupt, "the word index is damaged; the documents are whole", "make it again: consilium evidence index --rebuild")
}

func cannotWrite(err error) error {
	return fault.Wrap(err, fault.StoreFailed, "the index cannot be written", "check the disk's space and the folder's rights; then start again, what was stored is kept")
}

// openFailure codes what opening the documents file said.
func openFailure(dir string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fault.New(fault.Conflict, "the index in "+dir+" is in use by another process", "wait for it to end")
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return damaged(err)
	}
	return fault.Wrap(err, fault.StoreFailed, "the index in "+dir+" cannot be opened", "check the folder's rights")
}

// contained runs f and turns a panic, which is how bbolt and bleve answer damaged
// pages, and a fault of mapped memory into an error: the one boundary for both.
func contained(failure func(error) error, f func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			err = failure(fmt.Errorf("%v", p))
		}
	}()
	return f()
}
