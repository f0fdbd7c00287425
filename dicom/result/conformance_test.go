package result_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cocosip/go-dicom/pkg/dicom/uid"
	"github.com/cocosip/go-dicom/pkg/network/pdu"
	"github.com/go-chi/chi/v5"

	"consilium/deid"
	"consilium/dicom"
	"consilium/dicom/pixel"
	"consilium/dicom/result"
	"consilium/dicomweb"
	"consilium/dimse"
	"consilium/internal/golden"
)

// TestConformance holds docs/conformance.md to what the program does: the
// server is asked on real associations what it takes, the client's requests
// are read by a peer, and the routes of DICOMweb are walked.
func TestConformance(t *testing.T) {
	s := result.Statement{
		Services:  append(provided(t), used(t)...),
		Resources: routes(t),
		Decoded:   pixel.Syntaxes(),
		Charsets:  []string{"ISO_IR 6, 100, 101, 109, 110, 144, 127, 126, 138, 148, 166, 203 and 13", "ISO 2022 IR 6, 100, 101, 109, 110, 144, 127, 126, 138, 148, 166, 203, 13, 87, 159, 149 and 58", "ISO_IR 192, GB18030 and GBK"},
		Options:   deid.OptionNames(),
		Security: []string{
			"DIMSE: TLS 1.2 or later, one-sided or mutual; a list of callers by AE title and address. An address that is not a loopback one needs one of the two.",
			"DICOMweb and page: TLS built in; accounts, OpenID Connect or API tokens; roles; every access in an audit log that shows any change.",
			"Patients' consent is applied to every reading.",
		},
		Limits: [][2]string{
			{"longest PDU received", fmt.Sprintf("%d bytes", dimse.DefaultMaxPDU)}, {"largest object", fmt.Sprintf("%d GiB", dimse.DefaultMaxObject>>30)},
			{"associations at a time", fmt.Sprint(dimse.DefaultMaxAssociations)}, {"longest pause of a peer", dimse.DefaultIdle.String()},
			{"findings in one report", fmt.Sprint(result.MaxFindings)}, {"sources of one report", fmt.Sprint(result.MaxSources)},
		},
	}
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "../../docs/conformance.md", b.String())
}

// known lists the UIDs of PS3.6 of one type.
func known(kind uid.Type) (out []string) {
	for _, u := range uid.Enumerate() {
		if u.Type() == kind {
			out = append(out, u.UID())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// provided asks our server about every SOP class and every transfer syntax of PS3.6.
func provided(t *testing.T) []result.Service {
	server, err := dimse.NewServer(dimse.Config{Spool: t.TempDir(),
		Receive: func(context.Context, dimse.Received) error { return nil },
		Commit:  func(context.Context, string, []dimse.Reference) ([]dimse.Reason, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	t.Cleanup(func() { cancel(); <-done })
	address := listener.Addr().String()
	classes := ask(t, address, known(uid.TypeSOPClass), []string{"1.2.840.10008.1.2.1"})
	groups := map[string][]string{}
	for _, c := range classes {
		switch {
		case c == "1.2.840.10008.1.1":
			groups["Verification"] = append(groups["Verification"], c)
		case strings.HasPrefix(c, "1.2.840.10008.1.20."):
			groups["Storage Commitment"] = append(groups["Storage Commitment"], c)
		default:
			groups["Storage"] = append(groups["Storage"], c)
		}
	}
	var services []result.Service
	for _, name := range []string{"Verification", "Storage", "Storage Commitment"} {
		if len(groups[name]) == 0 {
			t.Errorf("the server provides no %s", name)
			continue
		}
		var syntaxes []string
		for _, s := range known(uid.TypeTransferSyntax) {
			if len(ask(t, address, groups[name][:1], []string{s})) > 0 {
				syntaxes = append(syntaxes, s)
			}
		}
		note := ""
		if name == "Storage" {
			note = "Every Storage SOP class of PS3.6, as they came: level 2 (full), nothing is changed. Private classes only when the configuration names them."
		}
		services = append(services, result.Service{Name: name, Role: "SCP", Classes: groups[name], Syntaxes: syntaxes, Note: note})
	}
	return services
}

// ask proposes classes with syntaxes and gives those that were accepted.
func ask(t *testing.T, address string, classes, syntaxes []string) (accepted []string) {
	t.Helper()
	for batch := range slices.Chunk(classes, 100) {
		conn, err := net.DialTimeout("tcp", address, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		rq := pdu.NewAAssociateRQ()
		rq.CalledAETitle, rq.CallingAETitle, rq.ApplicationContext = "CONSILIUM", "PROBE", "1.2.840.10008.3.1.1.1"
		rq.UserInformation = &pdu.UserInformation{MaximumLength: 16384, ImplementationClassUID: "1.2.3"}
		for i, c := range batch {
			rq.PresentationContexts = append(rq.PresentationContexts, pdu.PresentationContextRQ{ID: byte(2*i + 1), AbstractSyntax: c, TransferSyntaxes: syntaxes})
		}
		raw, err := rq.Encode()
		if err != nil {
			t.Fatal(err)
		}
		sendPDU(t, conn, raw)
		answer := readPDU(t, conn)
		_ = conn.Close()
		ac := &pdu.AAssociateAC{}
		if answer.Type != pdu.TypeAAssociateAC || ac.Decode(answer) != nil {
			t.Fatalf("the server answered with PDU %d", answer.Type)
		}
		for _, c := range ac.PresentationContexts {
			if c.Result == pdu.ResultAcceptance {
				accepted = append(accepted, batch[int(c.ID)/2])
			}
		}
	}
	return accepted
}

// used reads what our client proposes for each of its services.
func used(t *testing.T) []result.Service {
	study := dimse.Query{Level: "STUDY", Keys: dicom.New("")}
	if err := study.Keys.Set(dicom.StudyInstanceUID, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	calls := []struct {
		name, note string
		call       func(ctx context.Context, p dimse.Peer)
	}{
		{"Verification", "", func(ctx context.Context, p dimse.Peer) { _ = dimse.Echo(ctx, p) }},
		{"Query", "C-FIND; matching keys are those of the caller.", func(ctx context.Context, p dimse.Peer) {
			_ = dimse.Find(ctx, p, study, func(*dicom.Object) error { return nil })
		}},
		{"Retrieve", "C-MOVE.", func(ctx context.Context, p dimse.Peer) { _, _ = dimse.Move(ctx, p, study, "CONSILIUM", nil) }},
		{"Retrieve on one association", "C-GET; the Storage classes are proposed in the role of provider.", func(ctx context.Context, p dimse.Peer) {
			_, _ = dimse.Get(ctx, p, study, dimse.Inbox{Spool: t.TempDir(), Receive: func(context.Context, dimse.Received) error { return nil }}, nil)
		}},
		{"Storage Commitment", "Push model; reports on the same association or on one of the peer's.", func(ctx context.Context, p dimse.Peer) {
			_, _, _ = dimse.RequestCommitment(ctx, p, []dimse.Reference{{Class: "1.2.840.10008.5.1.4.1.1.2", SOP: "1.2.3"}}, time.Second)
		}},
	}
	var services []result.Service
	for _, c := range calls {
		s := result.Service{Role: "SCU", Name: c.name, Note: c.note}
		for _, study.Root = range []dimse.Root{dimse.StudyRoot, dimse.PatientRoot} {
			p, asked := listen(t)
			c.call(t.Context(), p)
			proposed := proposalsOf(t, asked)
			s.Classes = slices.Compact(slices.Sorted(slices.Values(append(s.Classes, proposed.Classes...))))
			s.Syntaxes = proposed.Syntaxes
		}
		services = append(services, s)
	}
	return append(services, result.Service{Name: "Storage", Role: "SCU", Classes: []string{result.Comprehensive3DSR, result.BasicTextSR, result.Segmentation, result.SecondaryImage},
		Syntaxes: []string{"1.2.840.10008.1.2.1"}, Note: "The results below; and any object that is passed on, in the transfer syntax it came in: each is proposed with its own syntax."})
}

// listen is a peer that hears one association request and hangs up.
func listen(t *testing.T) (dimse.Peer, chan *pdu.AAssociateRQ) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan *pdu.AAssociateRQ, 1)
	go func() {
		defer close(asked)
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		raw, err := readRaw(conn)
		rq := &pdu.AAssociateRQ{}
		if err == nil && rq.Decode(raw) == nil {
			asked <- rq
		}
	}()
	return dimse.Peer{Address: listener.Addr().String(), AETitle: "PEER", Timeout: 10 * time.Second}, asked
}

func proposalsOf(t *testing.T, asked chan *pdu.AAssociateRQ) result.Service {
	t.Helper()
	rq, ok := <-asked
	if !ok {
		t.Fatal("the client did not ask")
	}
	s := result.Service{Role: "SCU"}
	for _, c := range rq.PresentationContexts {
		s.Classes = append(s.Classes, strings.TrimRight(c.AbstractSyntax, "\x00"))
		for _, syntax := range c.TransferSyntaxes {
			if syntax = strings.TrimRight(syntax, "\x00"); !slices.Contains(s.Syntaxes, syntax) {
				s.Syntaxes = append(s.Syntaxes, syntax)
			}
		}
	}
	return s
}

func sendPDU(t *testing.T, conn net.Conn, raw *pdu.RawPDU) {
	t.Helper()
	head := []byte{raw.Type, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[2:], uint32(len(raw.Data)))
	if _, err := conn.Write(append(head, raw.Data...)); err != nil {
		t.Fatal(err)
	}
}

func readPDU(t *testing.T, conn net.Conn) *pdu.RawPDU {
	t.Helper()
	raw, err := readRaw(conn)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func readRaw(conn net.Conn) (*pdu.RawPDU, error) {
	head := make([]byte, 6)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	raw := &pdu.RawPDU{Type: head[0], Length: binary.BigEndian.Uint32(head[2:])}
	raw.Data = make([]byte, raw.Length)
	_, err := io.ReadFull(conn, raw.Data)
	return raw, err
}

// routes walks the handler of DICOMweb.
func routes(t *testing.T) (out []result.Resource) {
	router, ok := dicomweb.Handler(dicomweb.Config{}).(chi.Routes)
	if !ok {
		t.Fatal("the handler does not tell its routes")
	}
	err := chi.Walk(router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		out = append(out, result.Resource{Method: method, Path: route})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b result.Resource) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return out
}
