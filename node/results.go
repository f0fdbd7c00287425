package node

import (
	"bytes"
	"context"
	"image"
	_ "image/png" // heat maps
	"os"
	"slices"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/dicom/result"
	"consilium/fault"
	"consilium/store"
)

// annotated is a heat map with its caption drawn on it.
type annotated struct {
	image image.Image
	about clinical.Picture
}

// keepPictures stores the heat maps as blobs and puts their addresses into the
// assessment. images holds them by finding.
func (n *Node) keepPictures(ctx context.Context, e examined, a *Assessment) (blobs []string, images map[string]annotated, err error) {
	images = map[string]annotated{}
	for i, j := range e.findings {
		for _, p := range j.Pictures {
			shown := Picture{Method: p.Method, Outcome: p.Outcome, Caption: p.Caption}
			png, blob, err := n.keepFile(ctx, p.Path)
			if err != nil {
				return nil, nil, err
			}
			shown.URL, blobs = pictureURL(j.about.Study, blob), append(blobs, blob)
			if p.Overlay != "" {
				_, blob, err := n.keepFile(ctx, p.Overlay)
				if err != nil {
					return nil, nil, err
				}
				shown.Overlay, blobs = pictureURL(j.about.Study, blob), append(blobs, blob)
			}
			img, _, err := image.Decode(bytes.NewReader(png))
			if err != nil {
				return nil, nil, fault.Wrap(err, fault.Internal, "a heat map cannot be read back", "this is a defect; please report it")
			}
			a.Findings[i].Pictures = append(a.Findings[i].Pictures, shown)
			images[a.Findings[i].ID] = annotated{img, p}
		}
	}
	return blobs, images, nil
}

func (n *Node) keepFile(ctx context.Context, path string) (content []byte, blob string, err error) {
	content, err = os.ReadFile(path)
	if err != nil {
		return nil, "", fault.Wrap(err, fault.IO, "a heat map cannot be read", "check the data directory and its free space")
	}
	blob, _, err = n.Store.PutBlob(ctx, bytes.NewReader(content))
	return content, blob, err
}

// pictureURL is where the API serves a picture.
func pictureURL(study, blob string) string {
	return "/api/v1/studies/" + study + "/pictures/" + blob + ".png"
}

// resultObjects makes the DICOM objects of an unsigned assessment: the heat maps,
// the segmentation where there are regions, and the report that refers to them.
func (n *Node) resultObjects(ctx context.Context, sources []*dicom.Object, a *Assessment, images map[string]annotated) ([]store.Instance, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	var kept []store.Instance
	add := func(o *dicom.Object, err error) (Object, error) {
		if err != nil {
			return Object{}, err
		}
		i, err := n.keepObject(ctx, o)
		kept = append(kept, i)
		return Object{i.Series, i.SOP, i.Class}, err
	}
	in := n.resultInput(sources, *a)
	for k := range a.Findings {
		f := &a.Findings[k]
		p, has := images[f.ID]
		if !has {
			continue
		}
		ref, err := add(result.SecondaryCapture(in, result.Picture{Image: p.image, Finding: f.ID, Number: k + 1, Method: p.about.Method, Outcome: p.about.Outcome, Caption: p.about.Caption, Captions: true}))
		if err != nil {
			return nil, err
		}
		f.Objects = append(f.Objects, ref)
	}
	drawn, err := result.SEG(in)
	if err != nil {
		return nil, err
	}
	for _, o := range drawn {
		ref, err := add(o, nil)
		if err != nil {
			return nil, err
		}
		for _, f := range marked(a.Findings, o, sources) {
			f.Objects = append(f.Objects, ref)
		}
	}
	ref, err := add(result.SR(n.resultInput(sources, *a)))
	a.Report = &ref
	return kept, err
}

// marked gives the findings whose regions a segmentation holds: those about the
// series that it refers to.
func marked(findings []Finding, segmentation *dicom.Object, sources []*dicom.Object) []*Finding {
	series := map[string]bool{}
	for _, item := range segmentation.Items(dicom.ReferencedSeriesSequence) {
		series[item.Text(dicom.SeriesInstanceUID)] = true
	}
	var out []*Finding
	for k := range findings {
		f := &findings[k]
		about := slices.IndexFunc(sources, func(o *dicom.Object) bool { return o.IDs().SOP == f.SOPUID })
		if len(f.Regions) > 0 && about >= 0 && series[sources[about].IDs().Series] {
			out = append(out, f)
		}
	}
	return out
}

// resultInput is what the result objects say of an assessment.
func (n *Node) resultInput(sources []*dicom.Object, a Assessment) result.Input {
	in := result.Input{Sources: sources, Refusals: a.Refusals, Made: a.MadeAt, Device: n.Device}
	for _, f := range a.Findings {
		r := result.Finding{Finding: f.clinical(a.Synthetic), ID: f.ID, Sources: []string{f.SOPUID}, Frame: 1, Digest: f.Model.Digest}
		for _, o := range f.Objects {
			r.Objects = append(r.Objects, dicom.IDs{Study: sources[0].IDs().Study, Series: o.SeriesUID, SOP: o.SOPUID, Class: o.SOPClass})
		}
		if v := f.Review; v != nil {
			r.Review = &result.Review{Decision: v.Decision, Answer: v.Answer, Comment: v.Comment, By: v.By, At: v.At}
		}
		in.Findings = append(in.Findings, r)
	}
	return in
}

// keepObject stores an object of ours as a blob, ready to be filed.
func (n *Node) keepObject(ctx context.Context, o *dicom.Object) (store.Instance, error) {
	i, err := Describe(o, "node")
	if err != nil {
		return i, err
	}
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		return i, err
	}
	i.Result = true
	i.Blob, i.Size, err = n.Store.PutBlob(ctx, &b)
	return i, err
}
