package result

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"consilium/dicom"
	"consilium/fault"
)

// Statement is what a DICOM conformance statement (PS3.2) says of this
// program. Its parts are measured or listed by the packages that do the work;
// the objects that are made are described by making them.
type Statement struct {
	Version   string
	Services  []Service  // on DIMSE associations
	Resources []Resource // of DICOMweb
	Decoded   []string   // transfer syntaxes whose pixels are decoded
	Charsets  []string   // defined terms of SpecificCharacterSet that are read
	Options   []string   // of the de-identification profile
	Security  []string   // sentences
	Limits    [][2]string
}

// Service is one network service in one role.
type Service struct {
	Name     string
	Role     string // "SCP" or "SCU"
	Classes  []string
	Syntaxes []string
	Note     string
}

// Resource is one DICOMweb transaction.
type Resource struct{ Method, Path string }

// Write writes the statement as Markdown in the order of PS3.2 annex A.
func (s Statement) Write(w io.Writer) error {
	p := &page{w: w}
	p.line("# DICOM conformance statement\n")
	p.line("Made from the code by `go test ./dicom/result -run Conformance -update`: associations are negotiated, routes are walked and objects are made to fill it in.\n")
	s.overview(p)
	s.networking(p)
	s.web(p)
	p.line("## 5 Media interchange\n\nNo media application profile is supported. Part 10 files are read from and written to folders; a DICOMDIR is not read.\n")
	p.line("## 6 Support of character sets\n")
	p.line("Objects are written in ASCII, or in UTF-8 (ISO_IR 192) when they hold other characters. Read are:\n")
	p.list(s.Charsets)
	p.line("## 7 Security\n")
	p.list(s.Security)
	p.line("### 7.1 De-identification\n\nBasic Application Level Confidentiality Profile (PS3.15 Annex E) as a de-identifier, with the options:\n")
	p.list(s.Options)
	p.line("Not supported: Clean Recognizable Visual Features (refused), re-identification, encryption of the original attributes.\n")
	if err := s.annexes(p); err != nil {
		return err
	}
	return p.err
}

// page keeps the first error of writing.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, a ...any) {
	if p.err != nil {
		return
	}
	if len(a) > 0 {
		format = fmt.Sprintf(format, a...)
	}
	if _, err := io.WriteString(p.w, format+"\n"); err != nil {
		p.err = fault.Wrap(err, fault.IO, "the conformance statement cannot be written", "check where it goes")
	}
}

func (p *page) list(lines []string) {
	for _, l := range lines {
		p.line("- %s", l)
	}
	p.line("")
}

func (s Statement) overview(p *page) {
	p.line("## 1 Overview\n")
	p.line("%s %s (%s) is a node beside a PACS: it receives studies, has models examine them, and stores and sends the results as DICOM objects. %s\n",
		ModelName, orElse(s.Version, "development"), Manufacturer, "It is for research and evaluation and no certified medical device.")
	p.line("Implementation class UID `%s`, implementation version name `%s`.\n", dicom.ImplementationClassUID, dicom.ImplementationVersionName)
	p.line("| service | role | SOP classes |\n|---|---|---|")
	for _, v := range s.Services {
		p.line("| %s | %s | %d |", v.Name, v.Role, len(v.Classes))
	}
	p.line("| DICOMweb | origin server | %d transactions |\n", len(s.Resources))
}

func (s Statement) networking(p *page) {
	p.line("## 3 Introduction\n\nFor those who connect Consilium to other systems. The terms are those of DICOM PS3.1 to PS3.20. That two systems conform does not mean that they work together: try it, with copies of data.\n")
	p.line("## 4 Networking\n")
	p.line("One application entity, by default `CONSILIUM` on 127.0.0.1:11112. Several associations at a time, in both directions. Asynchronous operations are not negotiated.\n")
	for i, v := range s.Services {
		p.line("### 4.%d %s, %s\n", i+1, v.Name, v.Role)
		if v.Note != "" {
			p.line("%s\n", v.Note)
		}
		p.line("| SOP class | UID |\n|---|---|")
		for _, c := range sortedByName(v.Classes) {
			p.line("| %s | %s |", dicom.UIDName(c), c)
		}
		p.line("\nTransfer syntaxes:\n")
		p.list(named(v.Syntaxes))
	}
	p.line("### Limits\n\n| what | value |\n|---|---|")
	for _, l := range s.Limits {
		p.line("| %s | %s |", l[0], l[1])
	}
	p.line("\n### Pixels\n\nEvery transfer syntax above is stored and passed on as it came. Decoded, for models and for the page, are:\n")
	p.list(named(s.Decoded))
}

func (s Statement) web(p *page) {
	p.line("### DICOMweb (PS3.18), origin server\n\nBelow `/dicomweb`:\n\n| method | path |\n|---|---|")
	for _, r := range s.Resources {
		p.line("| %s | `%s` |", r.Method, r.Path)
	}
	p.line("")
}

func named(uids []string) []string {
	out := make([]string, len(uids))
	for i, uid := range uids {
		out[i] = dicom.UIDName(uid) + ", `" + uid + "`"
	}
	return out
}

func sortedByName(uids []string) []string {
	return slices.SortedFunc(slices.Values(uids), func(a, b string) int {
		return cmp.Or(strings.Compare(dicom.UIDName(a), dicom.UIDName(b)), strings.Compare(a, b))
	})
}
