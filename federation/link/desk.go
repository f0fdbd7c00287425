package link

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nkeys"

	"consilium/fault"
	"consilium/federation"
)

// The desk is where a site joins and where it asks why it is not let in. The hub speaks first, so that a site finds
// the wrong hub, a wrong clock and a version that does not fit before it says its secret: none of them costs a code.
//
//	hub:  greeting
//	site: request
//	hub:  reply
//
// Each is four bytes of length, big endian, and JSON.

type greeting struct {
	Time     time.Time `json:"time"`
	Protocol int       `json:"protocol"`
	Oldest   int       `json:"oldest"`
}

type request struct {
	Kind     string    `json:"kind"` // "join" or "ask"
	Site     string    `json:"site"`
	Protocol int       `json:"protocol"`
	Version  string    `json:"version"`
	Time     time.Time `json:"time"`
	Secret   []byte    `json:"secret,omitempty"`
	Request  []byte    `json:"request,omitempty"`  // PKCS #10: the certificate's key, and proof that the site has it
	User     string    `json:"user,omitempty"`     // nkey
	Identity []byte    `json:"identity,omitempty"` // Ed25519
	Proof    []byte    `json:"proof,omitempty"`    // signature of Identity over the request above
}

type reply struct {
	Refused     *refusal `json:"refused,omitempty"`
	Certificate []byte   `json:"certificate,omitempty"`
	Account     string   `json:"account,omitempty"`
	User        string   `json:"user,omitempty"` // JWT
}

// refusal is a coded error on the wire.
type refusal struct {
	Code string `json:"code"`
	What string `json:"what"`
	Do   string `json:"do"`
}

// Codes that one side believes of the other. What else comes is PEER_REFUSED.
var told = []fault.Code{fault.JoinRefused, fault.HubMistaken, fault.CertificateBad, fault.SiteRevoked, fault.VersionUnfit,
	fault.ClockSkew, fault.StoreFull, fault.AccessLimited}

func refuse(err error) *refusal {
	if err == nil {
		return nil
	}
	e := fault.Of(err)
	if !slices.Contains(told, e.Code) { // the inside of the hub is nobody's business
		return &refusal{Code: string(fault.PeerRefused), What: "the hub had a fault of its own", Do: "see the hub's log"}
	}
	return &refusal{Code: string(e.Code), What: e.What, Do: e.Do}
}

func (r *refusal) fault() error {
	if r == nil {
		return nil
	}
	code := fault.Code(r.Code)
	if !slices.Contains(told, code) {
		code = fault.PeerRefused
	}
	return fault.New(code, cut(r.What, 500), cut(r.Do, 500))
}

// cut bounds a text of the other side and keeps it on one line.
func cut(s string, most int) string {
	out := make([]rune, 0, min(len(s), most))
	for _, r := range s {
		if len(out) == most {
			break
		}
		if strconv.IsPrint(r) {
			out = append(out, r)
		}
	}
	return string(out)
}

const maxFrame = 64 << 10

func writeFrame(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
}

func readFrame(r io.Reader, v any) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return errors.New("a message beyond the limit of 64 KiB")
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// parseRequest reads what anybody on the network may have sent. Errors: JOIN_REFUSED.
func parseRequest(r io.Reader) (request, error) {
	bad := func(err error, what string) (request, error) {
		return request{}, fault.Wrap(err, fault.JoinRefused, what, "use the same version of Consilium at hub and site")
	}
	var q request
	if err := readFrame(r, &q); err != nil {
		return bad(err, "the request cannot be read")
	}
	switch {
	case !federation.Word(q.Site):
		return bad(nil, "the request names no site")
	case q.Kind == "ask":
		return q, nil
	case q.Kind != "join":
		return bad(nil, "the request is of no kind that is known here")
	case len(q.Secret) != secretBytes, !nkeys.IsValidPublicUserKey(q.User), len(q.Identity) != ed25519.PublicKeySize:
		return bad(nil, "the request is not whole")
	}
	if _, err := parseCSR(q.Request, q.Site); err != nil {
		return request{}, err
	}
	if !ed25519.Verify(q.Identity, q.proven(), q.Proof) {
		return bad(nil, "the site does not have the identity that it names")
	}
	return q, nil
}

// proven is what the identity signs: the keys that come with it.
func (q request) proven() []byte {
	return append([]byte("consilium join v1\n"+q.Site+"\n"+q.User+"\n"), q.Request...)
}

// parseCSR reads a request for a certificate; its own signature proves that the sender has the key.
func parseCSR(der []byte, site string) (ed25519.PublicKey, error) {
	bad := func(err error) (ed25519.PublicKey, error) {
		return nil, fault.Wrap(err, fault.JoinRefused, "the request for a certificate is not one for "+site, "use the same version of Consilium at hub and site")
	}
	if len(der) > 4<<10 {
		return bad(nil)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return bad(err)
	}
	key, ok := csr.PublicKey.(ed25519.PublicKey)
	if !ok || csr.Subject.CommonName != site {
		return bad(nil)
	}
	if err := csr.CheckSignature(); err != nil {
		return bad(err)
	}
	return key, nil
}

// serveDesk answers one caller.
func (h *Hub) serveDesk(raw net.Conn) {
	conn := tls.Server(raw, h.deskTLS)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(2 * shortWait))
	if err := conn.HandshakeContext(h.ctx); err != nil {
		return
	}
	if writeFrame(conn, greeting{Time: h.now(), Protocol: federation.Protocol, Oldest: federation.OldestProtocol}) != nil {
		return
	}
	q, err := parseRequest(conn)
	var out reply
	if err == nil {
		out, err = h.answerDesk(q, conn.ConnectionState().PeerCertificates)
	}
	if err != nil {
		out = reply{Refused: refuse(err)}
		h.log.Warn("a site was turned away", "site", q.Site, "from", raw.RemoteAddr().String(), "error", err)
	}
	_ = writeFrame(conn, out)
	_ = conn.CloseWrite()
}

func (h *Hub) answerDesk(q request, certs []*x509.Certificate) (reply, error) {
	err := versionFits(q.Protocol)
	if err == nil {
		err = clockFits(q.Time.Sub(h.now()))
	}
	if err != nil {
		h.noteAsked(q, certs, err)
		return reply{}, err
	}
	if q.Kind == "join" {
		return h.admit(q)
	}
	return reply{}, h.letIn(q.Site, certs)
}

// letIn says why a site would not be let in. Errors: SITE_REVOKED, CERTIFICATE_BAD.
func (h *Hub) letIn(site string, certs []*x509.Certificate) error {
	again := "ask the hub for a new join code and join again"
	if len(certs) == 0 {
		return fault.New(fault.CertificateBad, "the site showed no certificate", again)
	}
	cert := certs[0]
	if err := checkChain(cert, h.authority.cert, site, x509.ExtKeyUsageClientAuth, cert.NotBefore.Add(time.Second)); err != nil {
		return fault.Wrap(err, fault.CertificateBad, "the site's certificate is not of this hub, or not of "+site, again)
	}
	rec, err := h.roster.site(site)
	if err != nil {
		return fault.Wrap(err, fault.CertificateBad, "this hub has no site "+site, again)
	}
	now := h.now()
	switch {
	case rec.Revoked != nil:
		return fault.New(fault.SiteRevoked, "the hub has shut "+site+" out since "+rec.Revoked.Format(time.RFC3339), "speak with the hub's administrator; a new join code lets the site in again")
	case now.After(cert.NotAfter):
		return fault.New(fault.CertificateBad, "the site's certificate ended on "+cert.NotAfter.Format(time.RFC3339), again)
	case !rec.counts(cert.SerialNumber, now):
		return fault.New(fault.CertificateBad, "the site's certificate was replaced by a newer one", "use the newest copy of the site's folder, or join again")
	}
	return nil
}

// versionFits says whether this hub works with a site's protocol. Errors: VERSION_UNFIT.
func versionFits(protocol int) error {
	if protocol >= federation.OldestProtocol && protocol <= federation.Protocol {
		return nil
	}
	do := "update Consilium at the site"
	if protocol > federation.Protocol {
		do = "update Consilium at the hub"
	}
	return fault.New(fault.VersionUnfit, "the site speaks protocol "+strconv.Itoa(protocol)+", the hub "+strconv.Itoa(federation.OldestProtocol)+
		" to "+strconv.Itoa(federation.Protocol), do)
}

// clockFits says whether two clocks are near enough for certificates. Errors: CLOCK_SKEW.
func clockFits(skew time.Duration) error {
	if skew.Abs() <= maxSkew {
		return nil
	}
	word := "ahead of"
	if skew < 0 {
		word = "behind"
	}
	return fault.New(fault.ClockSkew, "the site's clock is "+skew.Abs().Round(time.Second).String()+" "+word+" the hub's", "set the clock, best by NTP; 5 minutes are allowed")
}
