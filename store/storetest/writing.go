package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"consilium/fault"
	"consilium/store"
)

// transactions: all or nothing.
func transactions(t *testing.T, s *store.Store) {
	ctx := within(t)
	stop := errors.New("stop")
	err := s.Tx(ctx, func(tx *store.Tx) error {
		if added, err := tx.AddInstance(ctx, Instance(1, 1, 1)); err != nil || !added {
			t.Fatal(added, err)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("the cause is lost: %v", err)
	}
	_, err = s.Study(ctx, store.Care, Instance(1, 1, 1).Study)
	wantCode(t, err, fault.NotFound)
}

// writersAtOnce: many writers to the same studies lose and double nothing.
func writersAtOnce(t *testing.T, s *store.Store) {
	ctx := within(t)
	const writers, studies, each = 8, 3, 10
	var wg sync.WaitGroup
	errs := make(chan error, writers*studies*each)
	for w := range writers {
		wg.Go(func() {
			for n := range studies * each {
				// Two writers bring each object; one of them is first.
				_, err := s.AddInstance(ctx, Instance(n%studies+1, w/2+1, n+1))
				if err != nil {
					errs <- fmt.Errorf("writer %d: %w", w, err)
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	for n := range studies {
		got, err := s.Study(ctx, store.Care, Instance(n+1, 1, 1).Study)
		if err != nil || got.Instances != writers/2*each || got.Series != writers/2 || got.Bytes != int64(1000*got.Instances) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func blobs(t *testing.T, s *store.Store) {
	ctx := within(t)
	content := bytes.Repeat([]byte("synthetic "), 1000)
	digest, size, err := s.PutBlob(ctx, bytes.NewReader(content))
	if err != nil || size != int64(len(content)) {
		t.Fatal(digest, size, err)
	}
	if again, _, err := s.PutBlob(ctx, bytes.NewReader(content)); again != digest || err != nil {
		t.Errorf("the same bytes are %s and %s, %v", digest, again, err)
	}
	path := filepath.Join(s.DataDir(), "received")
	if err := os.WriteFile(path, append(content, '!'), 0o600); err != nil {
		t.Fatal(err)
	}
	adopted, size, err := s.AdoptBlob(ctx, path)
	if err != nil || adopted == digest || size != int64(len(content)+1) {
		t.Fatal(adopted, size, err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the adopted file is still there")
	}
	for d, want := range map[string][]byte{digest: content, adopted: append(content, '!')} {
		r, err := s.OpenBlob(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if !bytes.Equal(got, want) || err != nil {
			t.Errorf("%d bytes come back, %v", len(got), err)
		}
		if at, err := r.Seek(-5, io.SeekEnd); err != nil || at != int64(len(want)-5) {
			t.Errorf("Seek = %d, %v", at, err)
		}
		if tail, err := io.ReadAll(r); !bytes.Equal(tail, want[len(want)-5:]) || err != nil {
			t.Errorf("the end is %q, %v", tail, err)
		}
		r.Close()
		if err := s.VerifyBlob(ctx, d); err != nil {
			t.Error(err)
		}
	}
	broken := errors.New("the line broke")
	if _, _, err := s.PutBlob(ctx, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	for _, d := range []string{"", "..", "../../index.db", digest[:63] + "/", digest[:63] + "G", digest + "0", "ABCDEF" + digest[6:]} {
		_, err := s.OpenBlob(ctx, d)
		wantCode(t, err, fault.NotFound)
	}
	_, err = s.OpenBlob(ctx, Instance(9, 9, 9).Blob)
	wantCode(t, err, fault.NotFound)
}

// sweep takes what nothing names, and nothing else.
func sweep(t *testing.T, s *store.Store) {
	ctx := within(t)
	kept, _, err := s.PutBlob(ctx, bytes.NewReader([]byte("kept")))
	if err != nil {
		t.Fatal(err)
	}
	orphan, _, err := s.PutBlob(ctx, bytes.NewReader([]byte("orphan")))
	if err != nil {
		t.Fatal(err)
	}
	i := Instance(1, 1, 1)
	i.Blob = kept
	add(t, s, i)
	if n, _, err := s.Sweep(ctx, store.SweepGrace); n != 0 || err != nil {
		t.Errorf("the sweep took %d young blobs, %v", n, err)
	}
	if n, size, err := s.Sweep(ctx, -store.SweepGrace); n != 1 || size != 6 || err != nil {
		t.Errorf("the sweep took %d blobs of %d bytes, %v", n, size, err)
	}
	if err := s.VerifyBlob(ctx, kept); err != nil {
		t.Error(err)
	}
	wantCode(t, s.VerifyBlob(ctx, orphan), fault.NotFound)
}
