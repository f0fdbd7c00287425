package evidence

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"consilium/fault"
)

const maxXMLDepth = 64 // of the elements within an article

// readPubMed reads a PubmedArticleSet (the DTD of the National Library of
// Medicine), article by article: PMID, title, abstract with its section labels,
// journal, year, retraction. An article without an abstract is an error of its own.
func readPubMed(name string, r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		in := &allowance{r: r, left: MaxLine}
		d := xml.NewDecoder(in)
		d.CharsetReader = charset
		d.Entity = xml.HTMLEntity
		root := false
		for {
			t, err := d.Token()
			if err == io.EOF {
				if !root {
					yield(Document{ID: name}, fault.New(fault.InputUnsupported, name+" is no PubMed XML", "give a PubmedArticleSet"))
				}
				return
			}
			if err != nil {
				yield(Document{ID: name}, malformed(name, xmlError(err)))
				return
			}
			start, ok := t.(xml.StartElement)
			switch {
			case !ok:
			case !root && start.Name.Local != "PubmedArticleSet" && start.Name.Local != "PubmedArticle":
				yield(Document{ID: name}, fault.New(fault.InputUnsupported, fmt.Sprintf("%s is XML with the root %.40q", name, start.Name.Local), "give a PubmedArticleSet"))
				return
			default:
				root = true
				in.left = MaxLine
				if start.Name.Local != "PubmedArticle" {
					continue
				}
				doc, err := readArticle(d)
				if err != nil {
					yield(Document{ID: name}, malformed(name, xmlError(err)))
					return
				}
				if !yield(doc, nil) {
					return
				}
			}
		}
	}
}

// charset reads what an XML declaration may name: the character sets of the web.
func charset(label string, r io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		return nil, fault.New(fault.InputUnsupported, fmt.Sprintf("the character set %.40q is not known", label), "convert the file to UTF-8")
	}
	return e.NewDecoder().Reader(r), nil
}

// xmlError tells a file that ends too early from one that is wrong.
func xmlError(err error) error {
	if s, ok := err.(*xml.SyntaxError); ok && s.Msg == "unexpected EOF" {
		return io.ErrUnexpectedEOF
	}
	return early(err)
}

// article collects one PubmedArticle.
type article struct {
	Document
	path  []string
	text  strings.Builder // of the innermost element that is collected
	label string
	body  []string
}

// collected are the elements whose text is wanted, by their end of path. Markup
// within them (i, sup, mml) is read through.
var collected = map[string]func(*article, string){
	"MedlineCitation/PMID":  func(a *article, s string) { a.ID = s },
	"Article/ArticleTitle":  func(a *article, s string) { a.Title = strings.TrimSuffix(strings.TrimPrefix(s, "["), "].") },
	"Journal/Title":         func(a *article, s string) { a.Source = s },
	"PubDate/Year":          func(a *article, s string) { a.setYear(s) },
	"PubDate/MedlineDate":   func(a *article, s string) { a.setYear(s) },
	"Abstract/AbstractText": func(a *article, s string) { a.section(s) },
	"PublicationTypeList/PublicationType": func(a *article, s string) {
		a.Retracted = a.Retracted || s == "Retracted Publication"
	},
}

var fourDigits = regexp.MustCompile(`\b(1[5-9]|20)\d\d\b`)

func (a *article) setYear(s string) {
	if y, err := strconv.Atoi(fourDigits.FindString(s)); err == nil && a.Year == 0 {
		a.Year = y
	}
}

func (a *article) section(s string) {
	if s == "" {
		return
	}
	if a.label != "" && a.label != "UNLABELLED" {
		s = a.label + ": " + s
	}
	a.body = append(a.body, s)
}

// readArticle reads to the end of the PubmedArticle that has begun.
func readArticle(d *xml.Decoder) (Document, error) {
	a := &article{}
	var set func(*article, string)
	depth := 0 // of the path at which the collected element began
	for {
		t, err := d.Token()
		if err != nil {
			return a.Document, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(a.path) == maxXMLDepth {
				return a.Document, fault.New(fault.InputTooLarge, fmt.Sprintf("the XML is nested deeper than %d", maxXMLDepth), "give PubMed's own XML")
			}
			a.path = append(a.path, t.Name.Local)
			if set == nil && len(a.path) > 1 {
				if set = collected[a.path[len(a.path)-2]+"/"+t.Name.Local]; set != nil {
					depth = len(a.path)
					a.text.Reset()
					a.label = attribute(t, "Label")
				}
			}
		case xml.CharData:
			if set != nil {
				a.text.Write(t)
			}
		case xml.EndElement:
			if len(a.path) == 0 { // the end of PubmedArticle
				return a.finish(), nil
			}
			if set != nil && len(a.path) == depth {
				set(a, strings.Join(strings.Fields(a.text.String()), " "))
				set = nil
			}
			a.path = a.path[:len(a.path)-1]
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (a *article) finish() Document {
	a.Text = strings.Join(a.body, "\n\n")
	if a.ID != "" {
		a.URL = "https://pubmed.ncbi.nlm.nih.gov/" + a.ID + "/"
		a.ID = "PMID:" + a.ID
	}
	return a.Document
}
