package link

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
	"consilium/federation"
)

func TestHeadIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := federation.Mail{
			ID:      rapid.StringN(1, 40, maxID).Draw(t, "id"),
			Kind:    rapid.StringMatching(`[a-z0-9-]{1,64}`).Draw(t, "kind"),
			Job:     rapid.StringMatching(`[a-z0-9-]{0,64}`).Draw(t, "job"),
			Round:   rapid.IntRange(0, 1<<30).Draw(t, "round"),
			Attempt: rapid.IntRange(0, 1<<30).Draw(t, "attempt"),
			Body:    rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "body"),
		}
		if rapid.Bool().Draw(t, "long") {
			m.Body = pattern(pieceBytes*rapid.IntRange(1, 4).Draw(t, "pieces")+1, 0)
		}
		h, err := newHead(m, federation.Protocol)
		if err != nil {
			t.Fatal(err)
		}
		text, err := h.marshal(m.Body)
		if err != nil || len(text) > maxMessage {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		got, body, err := parseHead(text)
		if err != nil || got != h {
			t.Fatalf("%+v became %+v: %v", h, got, err)
		}
		total := 0
		for i := range h.Pieces {
			total += h.pieceLen(i)
		}
		if h.Pieces == 0 && !bytes.Equal(body, m.Body) || h.Pieces > 0 && total != len(m.Body) {
			t.Fatalf("the body is not the one that was written: %d of %d bytes", total, len(m.Body))
		}
		// One flipped bit of a body is seen.
		if n := len(body); n > 0 {
			text[len(text)-1-rapid.IntRange(0, n-1).Draw(t, "at")] ^= 1
			if _, _, err := parseHead(text); fault.CodeOf(err) != fault.UpdateRefused {
				t.Fatalf("a changed body passes: %v", err)
			}
		}
	})
}

func FuzzHead(f *testing.F) {
	for _, body := range [][]byte{nil, []byte("body"), pattern(pieceBytes+1, 1)} {
		h, err := newHead(federation.Mail{ID: "id", Kind: "update", Job: "job", Body: body}, 2)
		if err != nil {
			f.Fatal(err)
		}
		text, err := h.marshal(body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, body, err := parseHead(data)
		if err != nil {
			if fault.CodeOf(err) != fault.UpdateRefused {
				t.Fatal(err)
			}
			return
		}
		if h.wrong() != "" || int64(len(body)) > h.Size || h.Pieces > federation.MaxUpdateBytes/pieceBytes {
			t.Fatalf("%+v with %d bytes", h, len(body))
		}
	})
}

func validRequest(t testing.TB) request {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, csr, err := askCertificate("north")
	if err != nil {
		t.Fatal(err)
	}
	_, user, err := userKeys()
	if err != nil {
		t.Fatal(err)
	}
	q := request{Kind: "join", Site: "north", Protocol: 2, Secret: make([]byte, secretBytes), Request: csr, User: user, Identity: public}
	q.Proof = ed25519.Sign(private, q.proven())
	return q
}

func TestRequestsThatLie(t *testing.T) {
	framed := func(q request) *bytes.Buffer {
		var b bytes.Buffer
		if err := writeFrame(&b, q); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	if _, err := parseRequest(framed(validRequest(t))); err != nil {
		t.Fatal(err)
	}
	other := validRequest(t)
	for name, lie := range map[string]func(*request){
		"another's certificate request": func(q *request) { q.Request = other.Request },
		"another's identity":            func(q *request) { q.Identity = other.Identity },
		"another's user":                func(q *request) { q.User = other.User },
		"another site":                  func(q *request) { q.Site = "south" },
		"no site":                       func(q *request) { q.Site = "" },
		"no secret":                     func(q *request) { q.Secret = nil },
		"no request":                    func(q *request) { q.Request = nil },
		"a broken request":              func(q *request) { q.Request = append([]byte{}, q.Request...); q.Request[len(q.Request)-1] ^= 1 },
		"an account for a user":         func(q *request) { q.User = "A" + q.User[1:] },
		"no identity":                   func(q *request) { q.Identity = nil },
		"no proof":                      func(q *request) { q.Proof = nil },
		"no kind":                       func(q *request) { q.Kind = "" },
	} {
		q := validRequest(t)
		lie(&q)
		if _, err := parseRequest(framed(q)); fault.CodeOf(err) != fault.JoinRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	var whole bytes.Buffer
	if err := writeFrame(&whole, validRequest(f)); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add([]byte{0, 0, 0, 29, '{', '}'})
	f.Add([]byte("\x00\x00\x00\x1d{\"kind\":\"ask\",\"site\":\"north\"}"))
	f.Add([]byte{255, 255, 255, 255, 'x'})
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := parseRequest(bytes.NewReader(data))
		if err != nil {
			if fault.CodeOf(err) != fault.JoinRefused {
				t.Fatal(err)
			}
			return
		}
		if !federation.Word(q.Site) || (q.Kind != "ask" && q.Kind != "join") {
			t.Fatalf("%+v", q)
		}
	})
}

func FuzzAnswersAndPulses(f *testing.F) {
	f.Add([]byte(`{"refused":{"code":"SITE_REVOKED","what":"x","do":"y"}}`))
	f.Add([]byte(`{"protocol":2,"version":"a\u001bb","memory":-5,"doing":"\n"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := parsePulse(data); ok && (len(p.Doing) > 4*maxDoing || p.Memory < 0) {
			t.Fatalf("%+v", p)
		}
		var r reply
		if json.Unmarshal(data, &r) == nil {
			if err := r.Refused.fault(); (err == nil) != (r.Refused == nil) || err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%v", err)
			}
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"hub:4747", "hub", "wss://hub", "wss://hub:443/", "[::1]:1", "::1", "a@b", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAddress(s)
		if err == nil && (a.url().Host != a.host || a.url().Port() == "") {
			t.Fatalf("%q became %q", s, a.url())
		}
	})
}
