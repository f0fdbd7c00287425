package dimse

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"consilium/dicom"
	"consilium/fault"
)

// archive is a scripted provider of queries: it answers one association with
// what the test says, message by message.
func archive(t *testing.T, script func(a *association, id byte, p presentation, c command)) Peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		s := &Server{config: Config{AETitle: "ARCHIVE", MaxPDU: DefaultMaxPDU, MaxAssociations: 9, Observe: silent{}, Private: []string{StudyRoot.class(serviceFind), StudyRoot.class(serviceMove), StudyRoot.class(serviceGet)}}}
		l := newLink(context.Background(), conn, DefaultMaxPDU, 1<<30, 10*time.Second, time.Minute)
		v := &session{link: l, server: s, config: &s.config, log: discard}
		if !v.accept() {
			return
		}
		id, c, err := v.next()
		if err != nil {
			return
		}
		if _, err := v.identifier(id, v.contexts[id]); err != nil {
			t.Error(err)
		}
		script(&association{link: l, contexts: v.contexts}, id, v.contexts[id], c)
		_, _, _ = v.next() // the release
		_ = v.writePDU(6, make([]byte, 4))
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return Peer{Address: listener.Addr().String(), AETitle: "ARCHIVE", CallingAE: "TEST", Timeout: 10 * time.Second}
}

func match(t *testing.T, name string, p presentation) *bytes.Reader {
	o := dicom.New("")
	if err := o.Set(dicom.PatientName, name); err != nil {
		t.Error(err)
	}
	r, err := encode(o, p.syntax)
	if err != nil {
		t.Error(err)
	}
	return r
}

func studies(t *testing.T) Query {
	keys := dicom.New("")
	if err := errors.Join(keys.Set(dicom.PatientName), keys.Set(dicom.StudyInstanceUID, "1.2.3")); err != nil {
		t.Fatal(err)
	}
	return Query{Level: "STUDY", Keys: keys}
}

func TestFindIsCancelled(t *testing.T) {
	stopped := errors.New("enough")
	ctx, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		ctx  context.Context
		each func(*dicom.Object) error
		ok   func(error) bool
	}{
		"by the receiver": {t.Context(), func(*dicom.Object) error { return stopped }, func(err error) bool { return errors.Is(err, stopped) }},
		"by the context":  {ctx, func(*dicom.Object) error { cancel(); return nil }, func(err error) bool { return fault.CodeOf(err) == fault.Interrupted }},
	} {
		cancelled := make(chan bool, 1)
		peer := archive(t, func(a *association, id byte, p presentation, ask command) {
			answer := ask.answer(statusPending, "")
			answer.hasData = true
			_ = a.message(id, answer, match(t, "SYNTHETIC^ONE", p))
			_, c, err := a.next()
			cancelled <- err == nil && c.field == fieldCancel && c.id == ask.id
			_ = a.message(id, ask.answer(statusCancelled, ""), nil)
		})
		err := Find(c.ctx, peer, studies(t), c.each)
		if !c.ok(err) {
			t.Errorf("%s: %v", name, err)
		}
		if !<-cancelled {
			t.Errorf("%s: no C-CANCEL came", name)
		}
	}
}

func TestFindWithoutAnswer(t *testing.T) {
	release := make(chan struct{})
	peer := archive(t, func(*association, byte, presentation, command) { <-release })
	defer close(release)
	peer.Timeout = 50 * time.Millisecond
	wantCode(t, Find(t.Context(), peer, studies(t), nil), fault.PeerUnreachable)
}

func TestFindOfNonsense(t *testing.T) {
	peer := archive(t, func(a *association, id byte, p presentation, ask command) {
		answer := ask.answer(statusPending, "")
		answer.hasData = true
		_ = a.message(id, answer, bytes.NewReader([]byte("this is no data set at all")))
		_, _, _ = a.next() // C-CANCEL
		_ = a.message(id, ask.answer(statusCancelled, ""), nil)
	})
	err := Find(t.Context(), peer, studies(t), func(*dicom.Object) error { t.Error("handed over"); return nil })
	if err == nil {
		t.Error("no error")
	}
}

func TestMoveCounts(t *testing.T) {
	for name, c := range map[string]struct {
		last command
		code fault.Code
	}{
		"all":         {command{status: statusSuccess, counts: SubOperations{Completed: 3}}, ""},
		"some":        {command{status: 0xB000, counts: SubOperations{Completed: 1, Failed: 2}}, fault.PeerRefused},
		"destination": {command{status: 0xA801}, fault.PeerRefused},
	} {
		peer := archive(t, func(a *association, id byte, p presentation, ask command) {
			answer := ask.answer(statusPending, "")
			answer.hasCounts, answer.counts = true, SubOperations{Remaining: 2, Completed: 1}
			_ = a.message(id, answer, nil)
			answer.status, answer.counts = c.last.status, c.last.counts
			_ = a.message(id, answer, nil)
		})
		var interim []SubOperations
		done, err := Move(t.Context(), peer, studies(t), "ELSEWHERE", func(s SubOperations) { interim = append(interim, s) })
		wantCode(t, err, c.code)
		if done != c.last.counts || len(interim) != 1 || interim[0].Remaining != 2 {
			t.Errorf("%s: %+v after %v", name, done, interim)
		}
	}
}

func TestBadQueries(t *testing.T) {
	peer := Peer{Address: "127.0.0.1:1", AETitle: "ARCHIVE", Timeout: time.Second}
	wantCode(t, Find(t.Context(), peer, studies(t), nil), fault.PeerUnreachable)
	wantCode(t, Echo(t.Context(), Peer{Address: "127.0.0.1:1"}), fault.Usage)
	_, err := Move(t.Context(), peer, studies(t), "", nil)
	wantCode(t, err, fault.Usage)
	_, err = Get(t.Context(), peer, studies(t), Inbox{}, nil)
	wantCode(t, err, fault.Usage)
	for _, q := range []Query{{Level: "PLANET", Keys: dicom.New("")}, {Level: "PATIENT", Keys: dicom.New("")}, {Level: "STUDY"}} {
		wantCode(t, Find(t.Context(), peer, q, nil), fault.Usage)
	}
}
