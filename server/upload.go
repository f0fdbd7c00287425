package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"consilium/fault"
	"consilium/node"
)

// Uploaded names the study that the files became.
type Uploaded struct {
	StudyUID string `json:"studyUID"`
}

// upload takes files of one study in, straight to the spool: no size of an
// upload costs memory.
func (s *Server) upload(ctx context.Context, _ *none) (*body[Uploaded], error) {
	dir, err := os.MkdirTemp(s.Spool, "upload-")
	if err != nil {
		return nil, fault.Wrap(err, fault.StoreFailed, "the spool cannot be written", "look at the data directory's disk")
	}
	defer os.RemoveAll(dir)
	files, err := receive(exchangeOf(ctx).r, dir)
	if err != nil {
		return nil, err
	}
	study, err := s.Node.Upload(ctx, actor(ctx), files)
	return &body[Uploaded]{Uploaded{study}}, err
}

// receive writes every file of a form into dir, under names of ours: what the
// sender calls it is told to the node and never used as a path.
func receive(r *http.Request, dir string) ([]node.Upload, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMalformed, "the upload is not a form with files", "send multipart/form-data with the field files")
	}
	var files []node.Upload
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, uploadFault(err)
		}
		if part.FileName() == "" {
			continue // other fields of the form
		}
		if len(files) == maxFiles {
			return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("an upload holds at most %d files", maxFiles), "send the study in parts, or by DICOM")
		}
		path := filepath.Join(dir, fmt.Sprintf("%05d", len(files)))
		if err := save(part, path); err != nil {
			return nil, err
		}
		files = append(files, node.Upload{Name: baseName(part.FileName()), Path: path})
	}
	if len(files) == 0 {
		return nil, fault.New(fault.InputEmpty, "the upload holds no file", "choose at least one file")
	}
	return files, nil
}

func save(part *multipart.Part, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.StoreFailed, "the spool cannot be written", "look at the data directory's disk")
	}
	_, err = io.Copy(f, part)
	if err = errors.Join(err, f.Close()); err != nil {
		return uploadFault(err)
	}
	return nil
}

func uploadFault(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err // problemOf tells it
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.StoreFull, "no room for the upload", "free some room on the disk of the data directory")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "the upload stalled", "try again on a better connection")
	}
	return fault.Wrap(err, fault.InputTruncated, "the upload ended too early", "send it again")
}

// baseName is a file's own name, without the folders that a browser may send
// and without anything that a page or terminal would obey.
func baseName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if runes := []rune(name); len(runes) > 128 {
		name = string(runes[len(runes)-128:])
	}
	if name == "" || name == "." || name == ".." {
		return "file"
	}
	return name
}
