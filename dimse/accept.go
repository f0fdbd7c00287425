package dimse

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cocosip/go-dicom/pkg/network/pdu"

	"consilium/dicom"
)

// rejection is the content of an A-ASSOCIATE-RJ (PS3.8 table 9-21).
type rejection struct {
	result, source, reason byte
	why                    Refusal
}

var (
	rejectContext    = rejection{pdu.ResultRejectedPermanent, pdu.SourceServiceUser, pdu.ReasonServiceUserApplicationContextNotSupported, RefusedContext}
	rejectVersion    = rejection{pdu.ResultRejectedPermanent, pdu.SourceServiceProviderACSE, pdu.ReasonServiceProviderACSEProtocolVersionNotSupported, RefusedContext}
	rejectCalled     = rejection{pdu.ResultRejectedPermanent, pdu.SourceServiceUser, pdu.ReasonServiceUserCalledAETitleNotRecognized, RefusedCalled}
	rejectCaller     = rejection{pdu.ResultRejectedPermanent, pdu.SourceServiceUser, pdu.ReasonServiceUserCallingAETitleNotRecognized, RefusedCaller}
	rejectCongestion = rejection{pdu.ResultRejectedTransient, pdu.SourceServiceProviderPresentation, pdu.ReasonServiceProviderPresentationTemporaryCongestion, RefusedCongestion}
	rejectLimit      = rejection{pdu.ResultRejectedPermanent, pdu.SourceServiceProviderPresentation, pdu.ReasonServiceProviderPresentationLocalLimitExceeded, RefusedRequest}
)

// accept reads the association request and answers it; false when there is no
// association.
func (v *session) accept() bool {
	rq, err := v.request()
	if err != nil {
		v.config.Observe.Refused(RefusedRequest)
		v.log.Warn("no association request", "error", err)
		var broken *protocolError
		switch {
		case errors.As(err, &broken):
			v.abort(pdu.AbortSourceServiceProvider, broken.reason)
		case errors.Is(err, os.ErrDeadlineExceeded):
			v.abort(pdu.AbortSourceServiceProvider, abortUnspecified)
		}
		return false
	}
	v.calling = strings.TrimSpace(rq.CallingAETitle)
	v.log = v.log.With("calling", printable(v.calling))
	if bad, what := v.judge(rq); bad != nil {
		v.config.Observe.Refused(bad.why)
		v.log.Warn("association rejected", "why", what)
		if v.writePDU(pdu.TypeAAssociateRJ, []byte{0, bad.result, bad.source, bad.reason}) == nil {
			v.linger()
		}
		return false
	}
	ac, err := v.negotiate(rq).Encode()
	if err == nil {
		err = v.writePDU(ac.Type, ac.Data)
	}
	if err != nil {
		v.config.Observe.Refused(RefusedRequest)
		v.log.Warn("the association could not be accepted", "error", err)
		return false
	}
	return true
}

// request reads an A-ASSOCIATE-RQ; any other PDU is out of place.
func (v *session) request() (*pdu.AAssociateRQ, error) {
	kind, length, err := v.header(true)
	if err != nil {
		return nil, err
	}
	if kind != pdu.TypeAAssociateRQ {
		if err := v.control(kind, length, false); kind != pdu.TypePDataTF {
			return nil, err
		}
		return nil, violation(abortUnexpected, "P-DATA-TF before an association")
	}
	if length > maxAssociatePDU {
		return nil, violation(abortInvalid, "an association request of %d bytes", length)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(v.in, body); err != nil {
		return nil, v.readError(err)
	}
	rq := &pdu.AAssociateRQ{}
	if err := rq.Decode(&pdu.RawPDU{Type: kind, Length: length, Data: body}); err != nil {
		return nil, violation(abortInvalid, "the association request cannot be read: %v", err)
	}
	return rq, nil
}

// judge decides whether there is an association at all; if so it counts it in.
func (v *session) judge(rq *pdu.AAssociateRQ) (*rejection, string) {
	called := strings.TrimSpace(rq.CalledAETitle)
	switch {
	case rq.ProtocolVersion&1 == 0:
		return &rejectVersion, "protocol version"
	case uidText(rq.ApplicationContext) != applicationContext:
		return &rejectContext, "application context"
	case called != v.config.AETitle:
		return &rejectCalled, fmt.Sprintf("it called %q", printable(called))
	case !validAE(v.calling) || !admits(v.server.callers, v.calling, v.conn.RemoteAddr()):
		return &rejectCaller, "the calling AE title is not in the list"
	case rq.UserInformation != nil && rq.UserInformation.MaximumLength != 0 && rq.UserInformation.MaximumLength < minPeerPDU:
		return &rejectLimit, "the peer's longest PDU is too short"
	case v.server.active.Add(1) > int64(v.config.MaxAssociations):
		v.server.active.Add(-1)
		return &rejectCongestion, "too many associations"
	}
	v.counted = true
	return nil, ""
}

// negotiate answers every presentation context.
func (v *session) negotiate(rq *pdu.AAssociateRQ) *pdu.AAssociateAC {
	ac := pdu.NewAAssociateAC()
	ac.CalledAETitle, ac.CallingAETitle = v.config.AETitle, v.calling
	info := &pdu.UserInformation{MaximumLength: v.config.MaxPDU, ImplementationClassUID: dicom.ImplementationClassUID, ImplementationVersionName: dicom.ImplementationVersionName}
	ac.UserInformation = info
	v.maxOut = DefaultMaxPDU
	if theirs := rq.UserInformation; theirs != nil {
		if theirs.MaximumLength != 0 {
			v.maxOut = theirs.MaximumLength
		}
		info.SCPSCURoleSelections = v.roles(theirs.SCPSCURoleSelections)
	}
	v.contexts = map[byte]presentation{}
	for _, p := range rq.PresentationContexts {
		answer := pdu.PresentationContextAC{ID: p.ID, Result: pdu.ResultAbstractSyntaxNotSupported, TransferSyntax: implicitLittle}
		class := uidText(p.AbstractSyntax)
		proposed := make([]string, len(p.TransferSyntaxes))
		for i, s := range p.TransferSyntaxes {
			proposed[i] = uidText(s)
		}
		if chosen, ok := v.config.chooseFor(class, proposed); ok {
			answer.Result = pdu.ResultTransferSyntaxesNotSupported
			if chosen != "" {
				answer.Result, answer.TransferSyntax = pdu.ResultAcceptance, chosen
				v.contexts[p.ID] = presentation{class, chosen}
			}
		}
		ac.PresentationContexts = append(ac.PresentationContexts, answer)
	}
	return ac
}

// roles answers role selections (PS3.7 annex D.3.3.4): we are the provider of
// all, and the user of storage commitment when a peer brings its report.
func (v *session) roles(asked []pdu.SCPSCURoleSelection) []pdu.SCPSCURoleSelection {
	var out []pdu.SCPSCURoleSelection
	for _, r := range asked {
		if _, ok := v.config.chooseFor(uidText(r.SOPClassUID), plain); !ok || len(out) == 128 {
			continue
		}
		if uidText(r.SOPClassUID) != commitmentPush || v.config.Committed == nil {
			r.SCPRole = 0
		}
		out = append(out, r)
	}
	return out
}

// chooseFor picks the transfer syntax for a SOP class; false when the class is
// not served, "" when no syntax is.
func (c *Config) chooseFor(class string, proposed []string) (string, bool) {
	switch {
	case class == verification, class == commitmentPush && (c.Commit != nil || c.Committed != nil):
		return choosePlain(proposed), true
	case c.stores(class):
		return choose(proposed), true
	}
	return "", false
}

// stores tells whether objects of the class are taken: every Storage SOP class
// there is or will be, and the private ones of the configuration.
func (c *Config) stores(class string) bool {
	return validUID(class) && strings.HasPrefix(class, storagePrefix) && !notStorage(class) || slices.Contains(c.Private, class)
}

// uidText takes the padding off that some peers send.
func uidText(s string) string { return strings.Trim(s, " \x00") }
