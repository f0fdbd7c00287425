package link

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"consilium/fault"
	"consilium/federation"
)

// head is the first and often the only message of a mail: a JSON header, and the body when that is short.
type head struct {
	Protocol int    `json:"protocol"`
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Job      string `json:"job,omitempty"`
	Round    int    `json:"round,omitempty"`
	Attempt  int    `json:"attempt,omitempty"`
	Size     int64  `json:"size"`   // of the body
	Sum      string `json:"sum"`    // SHA-256 of the body, hexadecimal
	Pieces   int    `json:"pieces"` // 0: the body follows the header
}

const maxID = 200

func newHead(m federation.Mail, protocol int) (head, error) {
	sum := sha256.Sum256(m.Body)
	h := head{Protocol: protocol, ID: m.ID, Kind: m.Kind, Job: m.Job, Round: m.Round, Attempt: m.Attempt,
		Size: int64(len(m.Body)), Sum: hex.EncodeToString(sum[:])}
	if len(m.Body) > pieceBytes {
		h.Pieces = (len(m.Body) + pieceBytes - 1) / pieceBytes
	}
	if what := h.wrong(); what != "" {
		return h, fault.New(fault.Usage, "a mail cannot be sent: "+what, "ID and kind are needed; the body has at most 1 GiB")
	}
	return h, nil
}

// wrong says what no mail has; "" when it could be one.
func (h head) wrong() string {
	pieces := int((h.Size + pieceBytes - 1) / pieceBytes)
	switch {
	case h.ID == "" || len(h.ID) > maxID:
		return "its ID is missing or too long"
	case !federation.Word(h.Kind):
		return "its kind is not a word"
	case h.Job != "" && !federation.Word(h.Job):
		return "its job is not a word"
	case h.Round < 0 || h.Attempt < 0:
		return "its round is below 0"
	case h.Size < 0 || h.Size > federation.MaxUpdateBytes:
		return "its body is beyond the limit of 1 GiB"
	case h.Size <= pieceBytes && h.Pieces != 0, h.Size > pieceBytes && h.Pieces != pieces:
		return "its pieces do not make up its body"
	case len(h.Sum) != 2*sha256.Size:
		return "its hash is not one"
	}
	if _, err := hex.DecodeString(h.Sum); err != nil {
		return "its hash is not one"
	}
	return ""
}

// marshal writes the length of the header, the header, and the body when it is short.
func (h head) marshal(body []byte) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil || len(text) > headBytes {
		return nil, fault.Wrap(err, fault.Usage, "a mail's header cannot be written", "use a shorter ID")
	}
	if h.Pieces > 0 {
		body = nil
	}
	out := make([]byte, 0, 4+len(text)+len(body))
	out = append(binary.BigEndian.AppendUint32(out, uint32(len(text))), text...)
	return append(out, body...), nil
}

// parseHead reads what another machine stored. Errors: UPDATE_REFUSED.
func parseHead(data []byte) (h head, body []byte, err error) {
	bad := func(what string) (head, []byte, error) {
		return head{}, nil, fault.New(fault.UpdateRefused, "a mail was thrown away: "+what, "use the same version of Consilium at hub and site")
	}
	if len(data) < 4 || len(data) > maxMessage {
		return bad("it is no mail by its length")
	}
	n := int(binary.BigEndian.Uint32(data))
	if n > headBytes || n > len(data)-4 {
		return bad("its header ends too early")
	}
	if err := json.Unmarshal(data[4:4+n], &h); err != nil {
		return bad("its header cannot be read")
	}
	if what := h.wrong(); what != "" {
		return bad(what)
	}
	body = data[4+n:]
	if (h.Pieces == 0 && int64(len(body)) != h.Size) || (h.Pieces > 0 && len(body) > 0) {
		return bad("its body is not as long as its header says")
	}
	if h.Pieces == 0 && !h.fits(body) {
		return bad("its body is not the one that was sent")
	}
	return h, body, nil
}

func (h head) fits(body []byte) bool {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]) == h.Sum
}

func (h head) mail(body []byte) federation.Mail {
	return federation.Mail{ID: h.ID, Kind: h.Kind, Job: h.Job, Round: h.Round, Attempt: h.Attempt, Body: body}
}

// pieceLen is how long piece i must be.
func (h head) pieceLen(i int) int {
	return int(min(pieceBytes, h.Size-int64(i)*pieceBytes))
}

// mark identifies a mail in the file of those that were dealt with, and in subjects.
type mark [16]byte

func markOf(id string) (m mark) {
	sum := sha256.Sum256([]byte("consilium mail\n" + id))
	copy(m[:], sum[:])
	return m
}

func (m mark) String() string { return hex.EncodeToString(m[:]) }

// Subjects of a mail: PREFIX.MARK.SUM.h for the head, PREFIX.MARK.SUM.p.N for a piece. A body that was made anew
// under the same ID has another SUM, and does not mix with pieces of the one before.
func (h head) subject(prefix string) string {
	return prefix + "." + markOf(h.ID).String() + "." + h.Sum[:32]
}

func (h head) headSubject(prefix string) string { return h.subject(prefix) + ".h" }
func (h head) pieceSubject(prefix string, i int) string {
	return h.subject(prefix) + ".p." + strconv.Itoa(i)
}
