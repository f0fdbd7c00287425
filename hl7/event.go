package hl7

import (
	"fmt"
	"strings"
	"time"

	"consilium/fault"
)

// Event is what a message says, in our words.
type Event struct {
	Kind    Kind
	Control string    // MSH-10
	Sender  string    // MSH-3 and MSH-4
	At      time.Time // EVN-2, else MSH-7; zero when neither is one
	Patient Patient
	Merged  string // of Merge: the Patient ID that is no more
	Orders  []Order
	Message Message // all of it
}

// Kind of an event.
type Kind string

// Kinds of events.
const (
	Admit  Kind = "admit"  // ADT^A01, A04
	Update Kind = "update" // ADT^A08
	Merge  Kind = "merge"  // ADT^A40, A18
	Orders Kind = "orders" // ORM^O01, OMI^O23
)

// Patient is PID.
type Patient struct {
	ID, Issuer      string // PID-3 of type MR, else its first repetition; assigning authority
	Name            string // PN as DICOM writes it: family^given^middle^prefix^suffix
	BirthDate, Sex  string // YYYYMMDD; M, F, O or ""
	Visit, Location string // PV1-19, PV1-3
}

// Order is ORC with OBR.
type Order struct {
	Control        string // ORC-1: NW new, CA cancel, XO change ...
	Placer, Filler string // ORC-2, ORC-3
	Accession      string // of OMI: IPC-1; of ORM: OBR-18, else the filler's number
	StudyUID       string // IPC-3, or ZDS-1 of IHE
	Code, Text     string // OBR-4
	Modality       string // IPC-5, OBR-24
	Priority       string // OBR-27.6, OBR-5, TQ1-9
	Scheduled      time.Time
	Referring      string // OBR-16, PN
	Reason         string // OBR-31
}

// kinds of the messages that are taken in.
var kinds = map[string]Kind{
	"ADT^A01": Admit, "ADT^A04": Admit, "ADT^A08": Update, "ADT^A40": Merge, "ADT^A18": Merge, "ORM^O01": Orders, "OMI^O23": Orders,
}

// Read makes an event of a message. A message of another kind gives
// INPUT_UNSUPPORTED; one that lacks what its kind needs INPUT_MISSING.
func Read(m Message) (Event, error) {
	kind, trigger := m.Kind()
	e := Event{Kind: kinds[kind+"^"+trigger], Control: m.Control(), Message: m}
	if e.Kind == "" {
		return e, fault.New(fault.InputUnsupported, fmt.Sprintf("a message %.10s^%.10s is not taken in", kind, trigger), "send ADT A01, A04, A08, A40 or A18, ORM O01, OMI O23")
	}
	e.Sender = strings.Trim(m.Of("MSH", 3, 1)+"@"+m.Of("MSH", 4, 1), "@")
	e.At = moment(m.Of("EVN", 2, 1), m.Of("MSH", 7, 1))
	pid, ok := m.Segment("PID")
	if !ok {
		return e, missing("PID")
	}
	e.Patient = m.patient(pid)
	if e.Patient.ID == "" {
		return e, missing("a patient identifier (PID-3)")
	}
	switch e.Kind {
	case Merge:
		mrg, ok := m.Segment("MRG")
		if !ok {
			return e, missing("MRG")
		}
		if e.Merged, _ = m.identifier(mrg, 1); e.Merged == "" {
			return e, missing("the identifier that is merged away (MRG-1)")
		}
		if e.Merged == e.Patient.ID {
			return e, malformed("the message merges a patient with itself")
		}
	case Orders:
		if e.Orders = m.orders(); len(e.Orders) == 0 {
			return e, missing("an order (ORC or OBR)")
		}
	}
	return e, nil
}

func missing(what string) error {
	return fault.New(fault.InputMissing, "the message lacks "+what, "look at the interface of the sender")
}

func (m Message) patient(pid Segment) Patient {
	p := Patient{BirthDate: m.Value(pid, 7, 1), Visit: m.Of("PV1", 19, 1), Location: m.Of("PV1", 3, 1)}
	p.ID, p.Issuer = m.identifier(pid, 3)
	p.Name = m.name(pid, 5, 1)
	if len(p.BirthDate) > 8 {
		p.BirthDate = p.BirthDate[:8]
	}
	switch sex := m.Value(pid, 8, 1); sex {
	case "M", "F", "O":
		p.Sex = sex
	case "A":
		p.Sex = "O"
	}
	return p
}

// identifier picks from a list of CX the one of type MR, else the first.
func (m Message) identifier(s Segment, field int) (id, issuer string) {
	ids, issuers, types := m.Values(s, field, 1), m.Values(s, field, 4), m.Values(s, field, 5)
	for i := range ids {
		if ids[i] != "" && types[i] == "MR" {
			return ids[i], issuers[i]
		}
	}
	for i := range ids {
		if ids[i] != "" {
			return ids[i], issuers[i]
		}
	}
	return "", ""
}

// name turns XPN (first = 1) or XCN (first = 2) into a PN of DICOM.
func (m Message) name(s Segment, field, first int) string {
	part := func(n int) string {
		return strings.NewReplacer("^", " ", "=", " ", "\\", " ").Replace(m.Value(s, field, first+n))
	}
	// XPN: family, given, middle, suffix, prefix. PN: family, given, middle, prefix, suffix.
	return strings.TrimRight(strings.Join([]string{part(0), part(1), part(2), part(4), part(3)}, "^"), "^")
}

// orders collects the order groups: each begins with ORC, or with OBR when there is none.
func (m Message) orders() []Order {
	var out []Order
	var hasOBR bool
	for _, s := range m.Segments {
		switch s.Name() {
		case "ORC":
			out = append(out, Order{Control: m.Value(s, 1, 1), Placer: m.Value(s, 2, 1), Filler: m.Value(s, 3, 1)})
			hasOBR = false
		case "OBR":
			if len(out) == 0 || hasOBR {
				out = append(out, Order{})
			}
			hasOBR = true
			m.request(s, &out[len(out)-1])
		case "IPC":
			if len(out) > 0 {
				o := &out[len(out)-1]
				o.Accession, o.StudyUID, o.Modality = m.Value(s, 1, 1), m.Value(s, 3, 1), m.Value(s, 5, 1)
			}
		case "ZDS":
			if len(out) > 0 {
				out[len(out)-1].StudyUID = m.Value(s, 1, 1)
			}
		case "TQ1":
			if len(out) > 0 {
				o := &out[len(out)-1]
				o.Priority, o.Scheduled = orElse(o.Priority, m.Value(s, 9, 1)), moment(m.Value(s, 7, 1))
			}
		}
	}
	return out
}

func (m Message) request(s Segment, o *Order) {
	o.Placer, o.Filler = orElse(o.Placer, m.Value(s, 2, 1)), orElse(o.Filler, m.Value(s, 3, 1))
	o.Code, o.Text = m.Value(s, 4, 1), m.Value(s, 4, 2)
	o.Accession = orElse(o.Accession, orElse(m.Value(s, 18, 1), o.Filler))
	o.Modality = m.Value(s, 24, 1)
	o.Priority = orElse(m.Value(s, 27, 6), m.Value(s, 5, 1))
	o.Scheduled = moment(m.Value(s, 36, 1), m.Value(s, 27, 4))
	o.Referring, o.Reason = m.name(s, 16, 2), orElse(m.Value(s, 31, 2), m.Value(s, 31, 1))
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// moment reads the first of several TS that is one. Without a zone it is
// local time of this machine, as everywhere in a hospital.
func moment(values ...string) time.Time {
	for _, v := range values {
		main, zone := v, ""
		if at := strings.IndexAny(v, "+-"); at > 0 {
			main, zone = v[:at], v[at:]
		}
		main, _, _ = strings.Cut(main, ".")
		const full = "20060102150405"
		if len(main) < 8 || len(main) > len(full) || len(main)%2 == 1 {
			continue
		}
		var t time.Time
		var err error
		if zone != "" {
			t, err = time.Parse(full[:len(main)]+"-0700", main+zone)
		} else {
			t, err = time.ParseInLocation(full[:len(main)], main, time.Local)
		}
		if err == nil {
			return t
		}
	}
	return time.Time{}
}
