package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/differential"
	"consilium/differential/page"
	"consilium/fault"
	"consilium/ontology"
	"consilium/phenotype"
)

// ranking is the flags of `rank` and what it needs for each case.
type ranking struct {
	knows
	html       string
	options    differential.RankOptions
	withoutOwn bool
}

// knows chooses what cases are compared with.
type knows struct {
	sample     bool
	catalogues []string
}

func (k *knows) register(c *cobra.Command) {
	c.Flags().BoolVar(&k.sample, "sample", false, "use the built-in sample (synthetic), also when an ontology was imported")
	c.Flags().StringSliceVar(&k.catalogues, "catalogues", nil, "compare with diseases of these catalogues: OMIM, ORPHA, DECIPHER (default: OMIM and DECIPHER)")
}

// model computes what the imported ontology, or the sample, knows.
func (k *knows) model(a *app) (*differential.Model, error) {
	open := a.base
	if k.sample {
		open = ontology.Sample
	}
	base, err := open()
	if err != nil {
		return nil, err
	}
	return differential.New(base, differential.Options{Catalogues: k.catalogues})
}

func newRank(a *app) *cobra.Command {
	var r ranking
	c := &cobra.Command{
		Use:   "rank FILE|-",
		Short: "Rank diseases for a patient's findings, with the reasons for each",
		Long: "Reads a case (GA4GH phenopacket, FHIR), a zip or lines of many, or standard input with -, and ranks the diseases of\n" +
			"the imported ontology: the probability of each and of none of them, what every finding says for or against it, what\n" +
			"it leaves unexplained, and what one would expect and nobody has said. Nothing is guessed for terms that cannot be\n" +
			"used: they are listed, and the rest is ranked.\n\n" +
			"Many cases get a line each, and a summary; with recorded diagnoses it says how often they came first, in the first\n" +
			"3 and 10. With --json, many cases are one JSON object a line, and the last line is {\"summary\": ...}. Cases that\n" +
			"cannot be read are refused with a code; the others are ranked, and the exit status is then 3.",
		Example: "  consilium rank case.json\n  consilium rank case.json --html answer.html\n  consilium rank cases.zip --json > answers.jsonl\n" +
			"  consilium phenotype \"Tall, lens out of place, no seizures\" --json | consilium rank -",
		Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := r.model(a)
			if err != nil {
				return err
			}
			l := ranked{app: a, ranking: r, model: m, text: page.NewText(a.out, atTerminal(a.out)), began: time.Now()}
			err = readCases(c.Context(), args[0], c.InOrStdin(), l.visit)
			return l.end(err)
		},
	}
	r.register(c)
	f := c.Flags()
	f.StringVar(&r.html, "html", "", "also write the answer to one case as a self-contained HTML page")
	f.IntVar(&r.options.Top, "top", 10, "diseases to list")
	f.BoolVar(&r.options.Plain, "no-rerank", false, "by likelihood ratios alone, without the learned second pass")
	f.BoolVar(&r.options.Published, "published", false, "the cases are published: what their authors looked for in vain hints at the diagnosis (to measure; wrong for a new patient)")
	f.BoolVar(&r.withoutOwn, "without-own-paper", false, "leave out annotations that rest only on the papers the case itself was published in")
	return c
}

// readCases visits the profiles of a file, or of standard input.
func readCases(ctx context.Context, path string, in io.Reader, visit phenotype.Visit) error {
	if path != "-" {
		return phenotype.ReadFile(ctx, path, visit)
	}
	raw, err := io.ReadAll(io.LimitReader(in, phenotype.MaxDocument+1))
	if err != nil {
		return fault.Wrap(err, fault.IO, "standard input cannot be read", "give a file")
	}
	return phenotype.Read(ctx, bytes.NewReader(raw), int64(len(raw)), "stdin", visit)
}

// answered is one answer as --json prints it.
type answered struct {
	differential.Differential
	Synthetic bool `json:"synthetic,omitempty"`
}

// ranked takes case after case. The first is kept back until it is clear whether it is the only one.
type ranked struct {
	*app
	ranking
	model   *differential.Model
	text    *page.Text
	tally   page.Tally
	first   *clinical.Phenotype
	many    bool
	refusal *clinical.Refusal // the first
	began   time.Time
	marked  bool // a synthetic case was seen
}

func (l *ranked) visit(p clinical.Phenotype) error {
	if l.first == nil && !l.many {
		l.first = &p
		return nil
	}
	if !l.many {
		l.many = true
		if l.html != "" {
			return fault.New(fault.Usage, "--html shows one case, and there are several", "leave it out, or give one case")
		}
		if err := l.line(*l.first); err != nil {
			return err
		}
		l.first = nil
	}
	return l.line(p)
}

// rank answers one case.
func (l *ranked) rank(p clinical.Phenotype) (answered, error) {
	o := l.options
	if l.withoutOwn {
		o.Without = p.References
	}
	d, err := l.model.Rank(p, o)
	return answered{d, p.Synthetic || l.model.Base().Synthetic}, err
}

// line answers one case of many.
func (l *ranked) line(p clinical.Phenotype) error {
	if len(p.Features) == 0 && len(p.Refusals) > 0 {
		return l.refuse(p.Refusals[0])
	}
	d, err := l.rank(p)
	if err != nil {
		return err
	}
	l.tally.Add(d.Differential)
	l.marked = l.marked || d.Synthetic
	if n := l.tally.Cases(); n%500 == 0 && !atTerminal(l.out) {
		l.progress("%d cases (%.1f ms each)", n, float64(time.Since(l.began).Milliseconds())/float64(n))
	}
	if !l.json {
		return l.text.Line(d.Differential)
	}
	return l.object(d)
}

func (l *ranked) refuse(r clinical.Refusal) error {
	l.tally.Refuse()
	if l.refusal == nil {
		l.refusal = &r
	}
	if l.json {
		return l.object(map[string]clinical.Refusal{"refusal": r})
	}
	return l.text.Refusal(r)
}

// object prints one JSON object on a line.
func (l *ranked) object(v any) error {
	enc := json.NewEncoder(l.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fault.Wrap(err, fault.IO, "the result cannot be written", "check where the output goes")
	}
	return nil
}

// end prints what is left to say when the file was read, or failed to be.
func (l *ranked) end(failed error) error {
	if !l.many {
		if failed != nil || l.first == nil {
			return failed
		}
		return l.only(*l.first)
	}
	err := l.summary()
	if failed != nil {
		return failed // what was ranked until then is printed
	}
	if err == nil && l.refusal != nil {
		return fault.New(fault.Code(l.refusal.Code), fmt.Sprintf("%d of the cases were refused", l.tally.Summary().Refused), "the reasons are listed with the result")
	}
	return err
}

func (l *ranked) summary() error {
	s := l.tally.Summary()
	notice := l.model.Base().Notice()
	if l.json {
		return l.object(map[string]any{"summary": s, "notice": notice, "synthetic": l.marked, "disclaimer": clinical.Disclaimer})
	}
	return l.show(nil, func(w io.Writer) {
		s.Write(w)
		l.notices(w, notice, l.marked)
	})
}

func (a *app) notices(w io.Writer, notice string, synthetic bool) {
	if synthetic {
		fmt.Fprintf(w, "\n%s\n", clinical.SyntheticNotice)
	}
	fmt.Fprintf(w, "\n%s\n", notice)
}

// only answers the only case at length.
func (l *ranked) only(p clinical.Phenotype) error {
	if err := unusable(p); err != nil {
		return err
	}
	d, err := l.rank(p)
	if err != nil {
		return err
	}
	if l.html != "" {
		questions, err := l.model.Ask(p, 5)
		if err != nil && fault.CodeOf(err) != fault.InputEmpty {
			return err
		}
		data := page.Data{Differential: d.Differential, Questions: questions, Synthetic: d.Synthetic, Version: version, Made: time.Now().Format("2 January 2006, 15:04")}
		if err := writeFile(l.html, func(w io.Writer) error { return page.HTML(w, data) }); err != nil {
			return err
		}
		l.progress("page: %s", l.html)
	}
	var printed error
	err = l.show(d, func(w io.Writer) {
		printed = l.text.Differential(d.Differential)
		l.notices(w, d.Notice, d.Synthetic)
	})
	if printed != nil {
		return printed
	}
	return err
}

// unusable is the error of a case that says nothing at all.
func unusable(p clinical.Phenotype) error {
	if len(p.Features) > 0 {
		return nil
	}
	if len(p.Refusals) > 0 {
		r := p.Refusals[0]
		return fault.New(fault.Code(r.Code), r.What, r.Do)
	}
	return fault.New(fault.InputEmpty, "the case names no finding", "name at least one abnormality, as a term of the ontology")
}
