package clinic_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/clinic"
	"consilium/hl7"
	"consilium/node"
	"consilium/server"
	"consilium/store"
)

// running opens a node and sets it to work until the test ends.
func running(t *testing.T, o clinic.Options) (*clinic.Clinic, clinic.Addresses) {
	t.Helper()
	c, err := clinic.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan clinic.Addresses, 1), make(chan error, 1)
	go func() { done <- c.Run(ctx, func(at clinic.Addresses) { ready <- at }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Close()
	})
	select {
	case at := <-ready:
		return c, at
	case err := <-done:
		done <- err
		t.Fatal(err)
		return nil, clinic.Addresses{}
	}
}

// record is a FHIR server that keeps the bundle it was sent last.
type record struct {
	mu     sync.Mutex
	bundle map[string]any
}

func (r *record) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	raw, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = json.Unmarshal(raw, &r.bundle)
	entries, _ := r.bundle["entry"].([]any)
	var answers []any
	for range entries {
		answers = append(answers, map[string]any{"response": map[string]any{"status": "201 Created"}})
	}
	w.Header().Set("Content-Type", "application/fhir+json")
	_ = json.NewEncoder(w).Encode(map[string]any{"resourceType": "Bundle", "type": "transaction-response", "entry": answers})
}

func (r *record) kinds() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	entries, _ := r.bundle["entry"].([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		resource, _ := entry["resource"].(map[string]any)
		kind, _ := resource["resourceType"].(string)
		out[kind]++
	}
	return out
}

// ris takes HL7 messages and says AA to each.
func ris(t *testing.T) (address string, got chan hl7.Message) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got = make(chan hl7.Message, 4)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			raw, _ := bufio.NewReader(conn).ReadBytes(0x1c)
			m, err := hl7.Parse(bytes.Trim(raw, "\x0b\x1c\r"))
			answer := hl7.Acknowledge(m, "RIS", "SITE", time.Now(), err)
			conn.Write(append(append([]byte{0x0b}, answer.Bytes()...), 0x1c, '\r'))
			conn.Close()
			got <- m
		}
	}()
	return l.Addr().String(), got
}

func TestSignedResultGoesToTheRecordAndTheRIS(t *testing.T) {
	r := &record{}
	fhirServer := httptest.NewServer(r)
	defer fhirServer.Close()
	address, messages := ris(t)
	o := options(t.TempDir(), "")
	o.Peers = []server.Peer{{Name: "record", Kind: node.KindFHIR, Address: fhirServer.URL}, {Name: "ris", Kind: node.KindHL7, Address: address}}
	c, at := running(t, o)
	send(t, dimseAddress(at.DICOM), films(t, 1))
	study := awaitReady(t, c)
	signAll(t, c, study)
	select {
	case m := <-messages:
		if kind, event := m.Kind(); kind != "ORU" || event != "R01" || m.Of("OBR", 25, 1) != "F" {
			t.Errorf("message %s^%s, status %q", kind, event, m.Of("OBR", 25, 1))
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no message came")
	}
	deadline := time.Now().Add(30 * time.Second)
	for r.kinds()["DiagnosticReport"] == 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond) // polling, with a deadline
	}
	if k := r.kinds(); k["DiagnosticReport"] != 1 || k["Observation"] == 0 || k["RiskAssessment"] == 0 || k["Device"] == 0 || k["Provenance"] == 0 {
		t.Errorf("the record got %v", k)
	}
}

func awaitReady(t *testing.T, c *clinic.Clinic) string {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		page, err := c.Node.Worklist(t.Context(), store.Care, node.Query{State: store.StateReady})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > 0 {
			return page.Items[0].StudyUID
		}
		if time.Now().After(deadline) {
			t.Fatal("no study became ready")
		}
		time.Sleep(5 * time.Millisecond) // polling, with a deadline
	}
}

func signAll(t *testing.T, c *clinic.Clinic, study string) {
	t.Helper()
	who := node.Actor{Name: "kim", FullName: "Dr Kim", Role: "reader"}
	found, err := c.Node.Case(t.Context(), store.Care, study)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found.Assessment.Findings {
		if err := c.Node.Review(t.Context(), who, store.Care, study, f.ID, node.Review{Decision: node.DecisionAccept}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Node.Sign(t.Context(), who, store.Care, study); err != nil {
		t.Fatal(err)
	}
}

func TestPatientsAndOrdersComeByHL7(t *testing.T) {
	o := options(t.TempDir(), "")
	o.HL7 = "127.0.0.1:0"
	c, at := running(t, o)
	for _, text := range []string{
		"MSH|^~\\&|HIS|SITE|CONSILIUM|SITE|20260301120000||ADT^A04^ADT_A01|m1|P|2.5\rEVN|A04|20260301120000\rPID|1||P-77^^^SITE^MR||Doe^Jane||19700101|F\r",
		"MSH|^~\\&|HIS|SITE|CONSILIUM|SITE|20260301120100||ORM^O01|m2|P|2.5\rPID|1||P-77^^^SITE^MR||Doe^Jane||19700101|F\rORC|NW|PL1|FI1\rOBR|1|PL1|FI1|71046^Chest 2 views^C4\r",
	} {
		m, err := hl7.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // again changes nothing
			if _, err := hl7.Send(t.Context(), hl7.Peer{Address: at.HL7}, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	for kind, want := range map[string]string{"Patient": "P-77", "Task": "Chest 2 views"} {
		text := c.RecordText(t, kind)
		if strings.Count(text, "\n") != 1 || !strings.Contains(text, want) {
			t.Errorf("%s: %s", kind, text)
		}
	}
}
