// Package intake turns files handed in by a user into clinical material. It
// decides what a file is by its content first and its name second, refuses
// with a coded error whatever cannot become an input, and never blocks: pipes,
// devices and folders are turned away before anything is opened.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"consilium/clinical"
	"consilium/fault"
)

// Limits of one input. They keep `consilium diagnose` inside a small machine.
const (
	MaxFileBytes  = 512 << 20 // of any one file
	MaxPixels     = 32 << 20  // rows x columns x frames of a picture
	MaxFolderSize = 10_000    // entries of a folder that are looked at
	headBytes     = 4 << 10   // read to decide what a file is
)

// Item is one input as read: exactly one of Image and Recording is set.
type Item struct {
	Path      string // as shown to the user
	Image     *clinical.Image
	Recording *clinical.Recording
}

// Kind says which models may look at the item.
func (i Item) Kind() clinical.Kind {
	switch {
	case i.Recording != nil:
		return i.Recording.Kind
	case i.Image != nil && i.Image.Frames > 1:
		return clinical.KindVolume
	default:
		return clinical.KindImage
	}
}

// Synthetic says whether the input declares that a program made it.
func (i Item) Synthetic() bool {
	if i.Recording != nil {
		return i.Recording.Synthetic
	}
	return i.Image != nil && i.Image.Synthetic
}

// Patient gives what the file says about the person.
func (i Item) Patient() clinical.Patient {
	if i.Recording != nil {
		return i.Recording.Patient
	}
	if i.Image != nil {
		return i.Image.Patient
	}
	return clinical.Patient{}
}

// Refusal puts an error in the words of an assessment.
func Refusal(path string, err error) clinical.Refusal {
	e := fault.Of(err)
	what := e.What
	if e.Err != nil {
		what += ": " + e.Err.Error()
	}
	return clinical.Refusal{Input: path, Code: string(e.Code), What: what, Do: e.Do}
}

// Read decides what the file at path is and decodes it. A WFDB record may be
// named by its header, its signal file or its base name. Errors are coded:
// INPUT_MISSING, INPUT_EMPTY, INPUT_UNKNOWN, INPUT_UNSUPPORTED,
// INPUT_TRUNCATED, INPUT_MALFORMED, INPUT_TOO_LARGE, INPUT_NOT_FINITE, and
// what the readers of the formats add.
func Read(ctx context.Context, path string) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, fault.Wrap(err, fault.Interrupted, "reading was stopped", "start it again")
	}
	if header, ok := recordHeader(path); ok {
		path = header
	}
	head, err := readHead(path)
	if err != nil {
		return Item{}, err
	}
	format, err := Sniff(head, path)
	if err != nil {
		return Item{}, err
	}
	item, err := decode(ctx, format, path)
	if err != nil {
		return Item{}, err
	}
	item.Path = path
	return item, item.check()
}

// readHead opens path without ever blocking and gives its first bytes.
func readHead(path string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fault.Wrap(err, fault.IO, quoted(path)+" cannot be read", "check the disk and the file")
	}
	return head[:n], nil
}

// open gives a regular file of acceptable size. The non-blocking flag covers a
// file that becomes a pipe between the look and the opening.
func open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, missing(path, err)
	}
	if err := regular(path, info); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, missing(path, err)
	}
	if info, err = f.Stat(); err == nil {
		err = regular(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func regular(path string, info fs.FileInfo) error {
	mode := info.Mode()
	switch {
	case mode.IsDir():
		return fault.New(fault.InputUnsupported, quoted(path)+" is a folder", "name the files in it")
	case mode&fs.ModeNamedPipe != 0:
		return fault.New(fault.InputUnsupported, quoted(path)+" is a pipe, not a file", "save it to a file first")
	case !mode.IsRegular():
		return fault.New(fault.InputUnsupported, quoted(path)+" is a device or a socket, not a file", "name a regular file")
	case info.Size() == 0:
		return fault.New(fault.InputEmpty, quoted(path)+" is empty", "export or copy the file again")
	case info.Size() > MaxFileBytes:
		return fault.New(fault.InputTooLarge,
			fmt.Sprintf("%s has %d MiB; the limit is %d MiB", quoted(path), info.Size()>>20, MaxFileBytes>>20),
			"export a single picture or a shorter recording")
	}
	return nil
}

func missing(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.InputMissing, quoted(path)+" does not exist", "check the spelling and the folder")
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.InputMissing, quoted(path)+" may not be opened by this user", "change its permissions, or run as a user who may read it")
	case errors.Is(err, syscall.ELOOP):
		return fault.New(fault.InputMissing, quoted(path)+" is a symbolic link that leads back to itself", "name the file that the link should lead to")
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return fault.New(fault.InputMissing, quoted(path)+" is not a usable file name", "check the spelling")
	default:
		return fault.Wrap(err, fault.InputMissing, quoted(path)+" cannot be opened", "check the path")
	}
}

// quoted keeps control characters of hostile file names off the terminal.
func quoted(path string) string {
	const longest = 200
	if len(path) > longest {
		path = "..." + path[len(path)-longest:]
	}
	return fmt.Sprintf("%q", path)
}

// recordHeader gives the .hea file of a WFDB record that is named by its
// signal file, by its annotations or by its base name.
func recordHeader(path string) (string, bool) {
	ext := strings.ToLower(filepath.Ext(path))
	base := strings.TrimSuffix(path, filepath.Ext(path))
	switch ext {
	case ".dat", ".mat", ".atr":
		if exists(base + ".hea") {
			return base + ".hea", true
		}
	case ".hea":
	default:
		if !exists(path) && exists(path+".hea") {
			return path + ".hea", true
		}
	}
	return "", false
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
