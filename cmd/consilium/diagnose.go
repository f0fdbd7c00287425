package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/panel"
	"consilium/panel/page"
	"consilium/registry"
)

// pictures are the flags of the verbs that draw heat maps.
type pictures struct {
	method string
	out    string
	html   string
	label  string
	drawn  []string // what the generator of a synthetic patient drew
}

func (p *pictures) register(c *cobra.Command) {
	c.Flags().StringVar(&p.method, "method", panel.MethodAuto, "heat map: "+strings.Join(panel.Methods(), ", "))
	c.Flags().StringVarP(&p.out, "out", "o", "consilium-out", "folder for the heat maps, made when it is needed")
}

func newDiagnose(a *app) *cobra.Command {
	var show pictures
	c := &cobra.Command{
		Use:   "diagnose FILE...",
		Short: "Examine images, ECGs and sounds with the fitting models",
		Long: "Decides by content what each FILE is (DICOM, PNG, JPEG, NPY, WFDB, WAV, MP3; a folder is opened one\n" +
			"level deep), asks every model that fits, and prints calibrated probabilities with their interval,\n" +
			"the conformal set (\"cannot tell\" where several labels remain) and a heat map.\n\n" +
			"An input that cannot be judged is refused with a code; the others are still answered, and the exit\n" +
			"status is then 3.",
		Example: "  consilium diagnose film.dcm ecg.hea cough.wav\n  consilium diagnose --json films/ > assessment.json\n  consilium diagnose film.png --method off\n  consilium diagnose film.dcm --html assessment.html",
		Args:    files("file"),
		RunE: func(c *cobra.Command, args []string) error {
			assessment, err := a.assess(c.Context(), args, show)
			if err != nil {
				return err
			}
			return refused(assessment)
		},
	}
	show.register(c)
	c.Flags().StringVar(&show.html, "html", "", "also write the assessment as one self-contained HTML page")
	return c
}

// assess asks the installed and shipped models; `diagnose` and `demo` share it.
func (a *app) assess(ctx context.Context, paths []string, show pictures) (clinical.Assessment, error) {
	store, err := a.store()
	if err != nil {
		return clinical.Assessment{}, err
	}
	entries, err := store.List()
	if err != nil {
		return clinical.Assessment{}, err
	}
	a.warn(entries)
	return a.examine(ctx, panel.Newest(entries), paths, show)
}

// examine runs a panel over the inputs, and prints and writes what it says.
func (a *app) examine(ctx context.Context, bundles []*registry.Bundle, paths []string, show pictures) (clinical.Assessment, error) {
	p, err := panel.New(bundles, panel.Options{Engine: a.engine(), Method: show.method, Label: show.label, Out: show.out})
	if err != nil {
		return clinical.Assessment{}, err
	}
	defer p.Close()
	text := page.NewText(a.out, atTerminal(a.out))
	var live panel.Observer
	if !a.json {
		live = text
	}
	assessment, failed := p.Assess(ctx, paths, live)
	if _, notice := p.Backend(); notice != "" {
		a.progress("note: %s", notice)
	}
	if a.json {
		err = a.show(assessment, nil)
	} else {
		err = text.Summary(assessment)
	}
	if failed != nil {
		return assessment, failed // what was found until then is printed
	}
	if err == nil && show.html != "" {
		data := page.Data{Assessment: assessment, Models: p.Cards(), Drawn: show.drawn, Version: version, Made: time.Now().Format("2 January 2006, 15:04")}
		err = writeFile(show.html, func(w io.Writer) error { return page.HTML(w, data) })
		if err == nil {
			a.progress("page: %s", show.html)
		}
	}
	return assessment, err
}

// warn names the models that were found and do not open.
func (a *app) warn(entries []registry.Entry) {
	for _, e := range entries {
		if e.Fault != "" {
			a.progress("warning: model %s is left out: %s", e.Ref(), e.Fault)
		}
	}
}

// refused is the error that ends a run in which inputs were refused. The
// reasons are part of the result; the code is that of the first.
func refused(a clinical.Assessment) error {
	n := len(a.Refusals)
	if n == 0 {
		return nil
	}
	what := fmt.Sprintf("%d inputs were refused", n)
	if n == 1 {
		what = "one input was refused"
	}
	return fault.New(fault.Code(a.Refusals[0].Code), what, "the reasons are listed with the result")
}
