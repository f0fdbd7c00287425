package dimse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/cocosip/go-dicom/pkg/network/pdu"

	"consilium/dicom"
	"consilium/fault"
)

// Peer is another DICOM node.
type Peer struct {
	Address   string // host:port
	AETitle   string // its own
	CallingAE string // ours; "CONSILIUM" when empty
	TLS       *tls.Config
	Timeout   time.Duration // of each wait: to connect, for one PDU, for one answer; a minute when 0
}

// proposal is one presentation context that we ask for.
type proposal struct {
	class    string
	syntaxes []string
	provider bool // we are the provider too: of storage during C-GET
}

// association is one that we asked for.
type association struct {
	*link
	peer     Peer
	contexts map[byte]presentation
	lastID   uint16
}

// sessionLength bounds an association of ours that its context does not bound.
const sessionLength = 24 * time.Hour

// associate connects and negotiates. At most 128 proposals fit.
func (p Peer) associate(ctx context.Context, proposals []proposal) (*association, error) {
	orDefault(&p.CallingAE, "CONSILIUM")
	orDefault(&p.Timeout, time.Minute)
	if !validAE(p.AETitle) || !validAE(p.CallingAE) {
		return nil, usage("%q calling %q: not two AE titles", p.CallingAE, p.AETitle)
	}
	conn, err := p.connect(ctx)
	if err != nil {
		return nil, p.fault(err, "no connection to "+p.Address)
	}
	a := &association{link: newLink(ctx, conn, DefaultMaxPDU, DefaultMaxBytes, p.Timeout, sessionLength), peer: p}
	if err := a.negotiate(proposals); err != nil {
		return nil, a.fail(err, "no association with "+p.AETitle)
	}
	return a, nil
}

func (p Peer) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Address)
	if err != nil || p.TLS == nil {
		return conn, err
	}
	config := p.TLS
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(p.Address)
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// negotiate sends the request and reads the answer.
func (a *association) negotiate(proposals []proposal) error {
	rq := pdu.NewAAssociateRQ()
	rq.CalledAETitle, rq.CallingAETitle = a.peer.AETitle, a.peer.CallingAE
	info := &pdu.UserInformation{MaximumLength: a.maxIn, ImplementationClassUID: dicom.ImplementationClassUID, ImplementationVersionName: dicom.ImplementationVersionName}
	rq.UserInformation = info
	for i, p := range proposals {
		rq.PresentationContexts = append(rq.PresentationContexts, pdu.PresentationContextRQ{ID: byte(2*i + 1), AbstractSyntax: p.class, TransferSyntaxes: p.syntaxes})
		if p.provider {
			info.SCPSCURoleSelections = append(info.SCPSCURoleSelections, pdu.SCPSCURoleSelection{SOPClassUID: p.class, SCURole: 0, SCPRole: 1})
		}
	}
	raw, err := rq.Encode()
	if err != nil {
		return err
	}
	if err := a.writePDU(raw.Type, raw.Data); err != nil {
		return err
	}
	kind, length, err := a.header(true)
	if err != nil {
		return err
	}
	if kind != pdu.TypeAAssociateAC && kind != pdu.TypeAAssociateRJ {
		if kind == pdu.TypePDataTF {
			return violation(abortUnexpected, "P-DATA-TF before an association")
		}
		return a.control(kind, length, false)
	}
	if length > maxAssociatePDU {
		return violation(abortInvalid, "an answer to the association request of %d bytes", length)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(a.in, body); err != nil {
		return a.readError(err)
	}
	return a.accepted(&pdu.RawPDU{Type: kind, Length: length, Data: body}, proposals)
}

// accepted reads A-ASSOCIATE-AC or -RJ.
func (a *association) accepted(raw *pdu.RawPDU, proposals []proposal) error {
	if raw.Type == pdu.TypeAAssociateRJ {
		rj := &pdu.AAssociateRJ{}
		if err := rj.Decode(raw); err != nil {
			return violation(abortInvalid, "%v", err)
		}
		return rejected(a.peer, rj)
	}
	ac := &pdu.AAssociateAC{}
	if err := ac.Decode(raw); err != nil {
		return violation(abortInvalid, "the answer to the association request cannot be read: %v", err)
	}
	a.maxOut = DefaultMaxPDU
	if ac.UserInformation != nil && ac.UserInformation.MaximumLength != 0 {
		a.maxOut = ac.UserInformation.MaximumLength
	}
	if a.maxOut < minPeerPDU {
		return violation(abortInvalid, "the peer takes PDUs of %d bytes only", a.maxOut)
	}
	a.contexts = map[byte]presentation{}
	for _, c := range ac.PresentationContexts {
		if i := int(c.ID-1) / 2; c.ID%2 == 1 && i < len(proposals) && c.Result == pdu.ResultAcceptance {
			a.contexts[c.ID] = presentation{proposals[i].class, uidText(c.TransferSyntax)}
		}
	}
	return nil
}

// context finds an accepted context of the class; syntax "" is any.
func (a *association) context(class, syntax string) (byte, presentation, bool) {
	for id, p := range a.contexts {
		if p.class == class && (syntax == "" || p.syntax == syntax) {
			return id, p, true
		}
	}
	return 0, presentation{}, false
}

// id numbers the messages.
func (a *association) id() uint16 {
	a.lastID++
	if a.lastID == 0 {
		a.lastID = 1
	}
	return a.lastID
}

// response reads the answer to the message with this id.
func (a *association) response(id uint16) (byte, command, error) {
	context, c, err := a.next()
	if err != nil {
		return 0, c, err
	}
	if !c.isResponse() || c.id != id {
		return 0, c, violation(abortUnexpected, "an answer to another question (%04X, message %d)", c.field, c.id)
	}
	return context, c, nil
}

// close releases the association. What was asked has been answered by then, so
// a peer that goes without a word is none of the caller's business.
func (a *association) close() {
	a.idle = min(a.idle, 5*time.Second)
	if a.writePDU(pdu.TypeAReleaseRQ, make([]byte, 4)) == nil {
		_, _, _ = a.header(false)
	}
	a.detach()
	_ = a.conn.Close()
}

// fail ends the association after an error and gives the coded one.
func (a *association) fail(err error, what string) error {
	var broken *protocolError
	var aborted *peerAbort
	var coded *fault.Error
	switch {
	case errors.As(err, &broken):
		a.abort(pdu.AbortSourceServiceProvider, broken.reason)
	case errors.As(err, &aborted), errors.As(err, &coded) && coded.Code == fault.PeerRefused, errors.Is(err, errLost):
		a.detach()
		_ = a.conn.Close()
	default:
		a.abort(pdu.AbortSourceServiceUser, 0)
	}
	return a.peer.fault(err, what)
}

// fault is the coded error of a failure with this peer.
func (p Peer) fault(err error, what string) error {
	var coded *fault.Error
	var broken *protocolError
	var aborted *peerAbort
	switch {
	case errors.As(err, &coded):
		return err
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Interrupted, what, "start it again")
	case isTimeout(err):
		return fault.Wrap(err, fault.PeerUnreachable, what+": no answer in time", "check that the peer runs and is not overloaded, or allow more time")
	case isHandshake(err):
		return fault.Wrap(errors.New(handshakeText(err)), fault.PeerRefused, what, "check the certificates of both sides, and that both use TLS")
	case errors.As(err, &broken):
		return fault.Wrap(err, fault.PeerRefused, what+": the peer broke the protocol", "check that the address is that of a DICOM node")
	case errors.As(err, &aborted):
		return fault.Wrap(err, fault.PeerRefused, what, "the peer's log says why; both sides must use TLS, or neither")
	case errors.Is(err, errLost):
		return fault.Wrap(err, fault.PeerUnreachable, what, "the peer closed the connection: see its log; both sides must use TLS, or neither")
	}
	return fault.Wrap(err, fault.PeerUnreachable, what, "check address, port and firewall, and that the peer runs")
}

// rejected is the coded error of an A-ASSOCIATE-RJ.
func rejected(p Peer, rj *pdu.AAssociateRJ) error {
	do := "ask who runs the peer: its log says why"
	switch {
	case rj.Source == pdu.SourceServiceUser && rj.Reason == pdu.ReasonServiceUserCalledAETitleNotRecognized:
		do = fmt.Sprintf("the peer does not call itself %s: check its AE title", p.AETitle)
	case rj.Source == pdu.SourceServiceUser && rj.Reason == pdu.ReasonServiceUserCallingAETitleNotRecognized:
		do = fmt.Sprintf("have %s entered in the peer's list of AE titles", p.CallingAE)
	case rj.Result == pdu.ResultRejectedTransient:
		do = "the peer is busy: try again later"
	}
	return fault.New(fault.PeerRefused, p.AETitle+" rejected the association: "+rj.ReasonString(), do)
}

// Echo asks the peer for a sign of life (C-ECHO).
func Echo(ctx context.Context, p Peer) error {
	a, err := p.associate(ctx, []proposal{{class: verification, syntaxes: plain}})
	if err != nil {
		return err
	}
	what := "C-ECHO to " + p.AETitle
	id, _, ok := a.context(verification, "")
	if !ok {
		return a.fail(fault.New(fault.PeerRefused, p.AETitle+" accepts associations, but no C-ECHO", "have the peer allow verification for this AE title"), what)
	}
	c := command{field: fieldEcho, id: a.id(), class: verification}
	if err := a.message(id, c, nil); err != nil {
		return a.fail(err, what)
	}
	_, r, err := a.response(c.id)
	if err == nil && r.status != statusSuccess {
		err = statusError(what, r)
	}
	if err != nil {
		return a.fail(err, what)
	}
	a.close()
	return nil
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}
