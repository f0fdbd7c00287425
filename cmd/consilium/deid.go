package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"consilium/deid"
	"consilium/fault"
)

// deidFlags are the flags of `consilium deid`.
type deidFlags struct {
	out, profile, key, rules string
	blank, known             []string
	outside                  bool
}

func newDeid(a *app) *cobra.Command {
	var f deidFlags
	c := &cobra.Command{
		Use:   "deid IN...",
		Short: "Take the patients out of DICOM files (PS3.15 Annex E)",
		Long: "Writes de-identified copies of DICOM files, and of those in folders, into DIR/PSEUDONYM/STUDY/INSTANCE.dcm:\n" +
			"the basic profile of PS3.15 Annex E (edition " + deid.Edition + ") with the options of --profile:\n  " +
			strings.Join(deid.OptionNames(), ",\n  ") + ".\n\n" +
			"The key makes the replacements: with the same key, studies of one patient stay together over files and\n" +
			"runs. Keep it secret, and apart from the output. It is made when FILE does not exist.\n\n" +
			"A file in which identity may remain is refused (DEID_REFUSED) and not written: text burned into the pixels\n" +
			"without areas to blank, encapsulated documents, voice, raw data. The exit status is then 3. A run that was\n" +
			"stopped goes on where it was.",
		Example: "  consilium deid study/ --out research --key project.key\n" +
			"  consilium deid us/ --out research --key project.key --blank 0,0,1024,80 --profile clean-pixel-data,retain-modified-dates",
		Args: files("file"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, a, args) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "folder for the copies, made when needed (required)")
	flags.StringVar(&f.key, "key", "", "file with the secret key, made when it does not exist (required)")
	flags.StringVar(&f.profile, "profile", "basic", "options, separated by commas")
	flags.StringArrayVar(&f.blank, "blank", nil, "area to blank in every image: X,Y,WIDTH,HEIGHT in pixels; may be repeated")
	flags.BoolVar(&f.outside, "blank-outside", false, "blank ultrasound images outside of the regions that they name")
	flags.StringVar(&f.rules, "rules", "", "file of areas to blank by manufacturer, model, modality and size")
	flags.StringArrayVar(&f.known, "known", nil, "further name or number to take out of texts; may be repeated")
	return c
}

func (f deidFlags) run(c *cobra.Command, a *app, args []string) error {
	d, err := f.open(a)
	if err != nil {
		return err
	}
	summary, failed := d.Run(c.Context(), args, f.out, func(file deid.File) {
		if file.Fate == deid.Refused {
			a.progress("refused %s: %s", file.Input, file.What)
		}
	})
	if failed != nil && len(summary.Files) == 0 {
		return failed
	}
	if err := a.show(summary, func(w io.Writer) { writeDeid(w, summary) }); err != nil && failed == nil {
		failed = err
	}
	if failed == nil && summary.Refused > 0 {
		failed = fault.New(fault.DeidRefused, fmt.Sprintf("%d of %d files were refused", summary.Refused, len(summary.Files)), "the reasons are listed with the result")
	}
	return failed
}

// open makes the de-identifier of the flags.
func (f deidFlags) open(a *app) (*deid.Deidentifier, error) {
	if f.out == "" || f.key == "" {
		return nil, fault.New(fault.Usage, "--out and --key are needed", "see the examples in --help")
	}
	o := deid.Options{Outside: f.outside, Known: f.known}
	var err error
	if o.Profile, err = deid.ParseProfile(f.profile); err != nil {
		return nil, err
	}
	for _, s := range f.blank {
		area, err := deid.ParseArea(s)
		if err != nil {
			return nil, err
		}
		o.Blank = append(o.Blank, area)
	}
	if f.rules != "" {
		text, err := os.ReadFile(f.rules)
		if err != nil {
			return nil, fault.Wrap(err, fault.InputMissing, "cannot read the rules", "check the path")
		}
		if o.Rules, err = deid.ParseRules(string(text)); err != nil {
			return nil, err
		}
	}
	key, made, err := deid.OpenKey(f.key)
	if err != nil {
		return nil, err
	}
	if made {
		a.progress("made a new key: %s. Keep it secret, and apart from the output", f.key)
	}
	o.Key = key
	return deid.New(o)
}

func writeDeid(w io.Writer, s deid.Summary) {
	fmt.Fprintf(w, "%d written, %d there already, %d refused; profile %s, PS3.15 %s\n", s.Written, s.Present, s.Refused, s.Profile, s.Edition)
	for _, f := range s.Files {
		if f.Fate == deid.Refused {
			fmt.Fprintf(w, "  %s  %s: %s\n", f.Code, f.Input, f.What)
		}
	}
	if s.Report.Blanked > 0 {
		fmt.Fprintf(w, "areas blanked: %d\n", s.Report.Blanked)
	}
	for _, name := range s.Report.Names() {
		c := s.Report.Attributes[name]
		fmt.Fprintf(w, "  %-48s", name)
		for _, fate := range []struct {
			n    int
			word string
		}{{c.Removed, "removed"}, {c.Emptied, "emptied"}, {c.Replaced, "replaced"}, {c.Cleaned, "cleaned"}} {
			if fate.n > 0 {
				fmt.Fprintf(w, " %d %s", fate.n, fate.word)
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\n%s\n", s.Disclaimer)
}
