package deid

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"consilium/dicom"
	"consilium/fault"
)

// Key is the secret of one project. Who has it can test a guess: whether this
// pseudonym belongs to that patient.
type Key [32]byte

// NewKey makes a random key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // never fails
	return k
}

// OpenKey reads a key from a file of 64 hexadecimal digits, or makes the file
// with a new key, readable by its owner alone. Errors: IO, and USAGE for a
// file that others may read or that holds no key.
func OpenKey(path string) (k Key, made bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		k = NewKey()
		return k, true, writeKey(path, k)
	}
	if err != nil {
		return k, false, fault.Wrap(err, fault.IO, "cannot read the key", "check the path")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return k, false, fault.New(fault.Usage, path+" can be read by others", "chmod 600 it")
	}
	if info.Size() > 4096 {
		return k, false, fault.New(fault.Usage, path+" is no key", "name a file of 64 hexadecimal digits")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return k, false, fault.Wrap(err, fault.IO, "cannot read the key", "check the path")
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != len(k) {
		return k, false, fault.New(fault.Usage, path+" is no key", "name a file of 64 hexadecimal digits")
	}
	return Key(raw), false, nil
}

func writeKey(path string, k Key) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = fmt.Fprintf(f, "%x\n", k[:])
		if closing := f.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot write the key", "name a file in a folder that may be written")
	}
	return nil
}

// mac is the keyed digest of what is to be replaced.
func (k Key) mac(parts ...string) string {
	h := hmac.New(sha256.New, k[:])
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint32(len(p)))
		h.Write([]byte(p))
	}
	return string(h.Sum(nil))
}

// UID gives the UID that stands for another one.
func (k Key) UID(uid string) string { return dicom.DerivedUID("deid", k.mac("uid", uid)) }

// pseudonym stands for a patient, or another identifier: a letter and 15 more.
func (k Key) pseudonym(of string) string {
	return "P" + base32.StdEncoding.EncodeToString([]byte(k.mac("pseudonym", of)))[:15]
}

// maxShift is the most days by which dates move: ten years.
const maxShift = 3650

// shift is by how many days the dates of a patient move, always back.
func (k Key) shift(patient string) int {
	return -1 - int(binary.BigEndian.Uint32([]byte(k.mac("shift", patient)))%maxShift)
}
