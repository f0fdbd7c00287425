package node

import (
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
)

//go:embed report.html
var reportSource string

var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent":  func(p float64) string { return fmt.Sprintf("%.0f%%", 100*p) },
	"date":     date,
	"notice":   func() string { return clinical.SyntheticNotice },
	"decision": reviewText,
	"picture":  func(string) template.URL { return "" }, // Report puts its own in its place
}).Parse(reportSource))

// maxReportPicture bounds one picture inside a report.
const maxReportPicture = 8 << 20

// Report writes a printable page of the case that refers to nothing outside
// itself.
// Errors: CONFLICT without an assessment, those of Case.
func (n *Node) Report(ctx context.Context, r store.Reader, study string, w io.Writer) error {
	c, err := n.Case(ctx, r, study)
	if err != nil {
		return err
	}
	if c.Assessment == nil {
		return fault.New(fault.Conflict, "the study has no assessment yet", "wait until it is diagnosed")
	}
	t, err := reportPage.Clone()
	if err == nil {
		err = t.Funcs(template.FuncMap{"picture": func(url string) (template.URL, error) { return n.embedded(ctx, r, study, url) }}).Execute(w, c)
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "the report cannot be written", "try again")
	}
	return nil
}

// embedded is a picture of the case as a data URL.
func (n *Node) embedded(ctx context.Context, r store.Reader, study, url string) (template.URL, error) {
	f, err := n.Picture(ctx, r, study, strings.TrimSuffix(path.Base(url), ".png"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	png, err := io.ReadAll(io.LimitReader(f, maxReportPicture))
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)), err
}
