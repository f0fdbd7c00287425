package dicomweb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"consilium/dicom"
	"consilium/fault"
)

// Client asks another DICOMweb server. Its methods may be called from many goroutines.
type Client struct {
	Base   string       // "https://pacs.example/dicom-web"
	HTTP   *http.Client // nil = one of its own, that follows no redirect
	Header http.Header  // sent with every request: Authorization ...

	Idle      time.Duration // longest pause of the server; 0 = DefaultIdle
	MaxAnswer int64         // bytes of a list or of metadata; 0 = 64 MiB
	MaxObject int64         // bytes of one object; 0 = DefaultMaxObject
}

const defaultMaxAnswer = 64 << 20

// Search asks for "studies", "series", "studies/1.2.3/instances" ... and gives
// the answers' data sets.
// Errors of all methods: PEER_UNREACHABLE, PEER_REFUSED with the server's
// status, TIMEOUT, INPUT_* when the answer cannot be read or is too large.
func (c *Client) Search(ctx context.Context, resource string, query url.Values) ([]*dicom.Object, error) {
	return c.list(ctx, resource+"?"+query.Encode())
}

// Metadata gives the data sets of a study, a series ("" = all) or an instance
// ("" = all), without bulk data.
func (c *Client) Metadata(ctx context.Context, study, series, instance string) ([]*dicom.Object, error) {
	return c.list(ctx, resource(study, series, instance)+"/metadata")
}

// Retrieve gets the objects of a study, a series ("" = all) or an instance, as
// they are stored there, and hands each to f as a stream of one Part 10 file.
// f's error ends the retrieval and is returned.
func (c *Client) Retrieve(ctx context.Context, study, series, instance string, f func(r io.Reader) error) error {
	ctx, watch := c.watched(ctx)
	defer watch.stop()
	answer, err := c.do(ctx, http.MethodGet, resource(study, series, instance), http.Header{
		"Accept": {`multipart/related; type="application/dicom"; transfer-syntax=*`}}, nil)
	if err != nil {
		return watch.error(err)
	}
	defer answer.Body.Close()
	kind, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" || params["boundary"] == "" || len(params["boundary"]) > maxBoundary {
		return fault.New(fault.PeerRefused, fmt.Sprintf("the server answers with %.80q", answer.Header.Get("Content-Type")), "it must speak WADO-RS")
	}
	parts := newPartReader(watch.reader(answer.Body), params["boundary"])
	for range maxParts {
		part, err := parts.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return watch.error(fault.Wrap(err, fault.InputTruncated, "the answer ends too early or cannot be read", "try again"))
		}
		limited := &limitedObject{r: part, left: cmp.Or(c.MaxObject, DefaultMaxObject) + 1}
		if err := f(limited); err != nil {
			return watch.error(err)
		}
	}
	return fault.New(fault.InputTooLarge, fmt.Sprintf("more than %d objects in one answer", maxParts), "retrieve series by series")
}

// Stored tells what the server did with the objects of one Store.
type Stored struct {
	Accepted []string       // SOP instance UIDs
	Refused  map[string]int // SOP instance UID -> failure reason, PS3.18 table 10.5.3-2
}

// Store sends Part 10 files, one request for all; next gives them until io.EOF.
// Refusals of single objects are in Stored, and are no error.
func (c *Client) Store(ctx context.Context, study string, next func() (io.ReadCloser, error)) (Stored, error) {
	ctx, watch := c.watched(ctx)
	defer watch.stop()
	path := "studies"
	if study != "" {
		path += "/" + url.PathEscape(study)
	}
	r, w := io.Pipe()
	parts := multipart.NewWriter(w)
	go func() { w.CloseWithError(writeObjects(watch, parts, next)) }()
	defer r.Close() // ends the writer when the server answers early
	answer, err := c.do(ctx, http.MethodPost, path, http.Header{
		"Content-Type": {fmt.Sprintf(`multipart/related; type="application/dicom"; boundary=%s`, parts.Boundary())},
		"Accept":       {"application/dicom+json"}}, r)
	if err != nil {
		return Stored{}, watch.error(err)
	}
	defer answer.Body.Close()
	b, err := c.readAll(watch, answer.Body)
	if err != nil {
		return Stored{}, err
	}
	o, err := dicom.ParseJSON(b, nil)
	if err != nil {
		return Stored{}, fault.Wrap(err, fault.PeerRefused, "the server's answer cannot be read", "it must speak STOW-RS with DICOM JSON")
	}
	return readStored(o), nil
}

func writeObjects(watch *watch, parts *multipart.Writer, next func() (io.ReadCloser, error)) error {
	for {
		object, err := next()
		if errors.Is(err, io.EOF) {
			return parts.Close()
		}
		if err != nil {
			return err
		}
		part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/dicom"}})
		if err == nil {
			_, err = io.Copy(part, watch.reader(object))
		}
		if err = errors.Join(err, object.Close()); err != nil {
			return err
		}
	}
}

func readStored(o *dicom.Object) Stored {
	s := Stored{Refused: map[string]int{}}
	for _, item := range o.Items(dicom.ReferencedSOPSequence) {
		s.Accepted = append(s.Accepted, item.Text(dicom.ReferencedSOPInstanceUID))
	}
	for _, item := range o.Items(dicom.FailedSOPSequence) {
		reason, _ := item.Int(dicom.FailureReason)
		s.Refused[item.Text(dicom.ReferencedSOPInstanceUID)] = reason
	}
	return s
}

// resource is the path of a study, series or instance.
func resource(study, series, instance string) string {
	path := "studies/" + url.PathEscape(study)
	if series != "" {
		path += "/series/" + url.PathEscape(series)
	}
	if instance != "" {
		path += "/instances/" + url.PathEscape(instance)
	}
	return path
}

// list gets an array of DICOM JSON.
func (c *Client) list(ctx context.Context, path string) ([]*dicom.Object, error) {
	ctx, watch := c.watched(ctx)
	defer watch.stop()
	answer, err := c.do(ctx, http.MethodGet, path, http.Header{"Accept": {"application/dicom+json"}}, nil)
	if err != nil {
		return nil, watch.error(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		return nil, nil
	}
	b, err := c.readAll(watch, answer.Body)
	if err != nil {
		return nil, err
	}
	var each []json.RawMessage
	if err := json.Unmarshal(b, &each); err != nil {
		return nil, fault.Wrap(err, fault.InputMalformed, "the server's answer is no list of DICOM JSON", "it must speak DICOMweb")
	}
	out := make([]*dicom.Object, len(each))
	for i, text := range each {
		if out[i], err = dicom.ParseJSON(text, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Client) readAll(watch *watch, r io.Reader) ([]byte, error) {
	limit := cmp.Or(c.MaxAnswer, defaultMaxAnswer)
	b, err := io.ReadAll(io.LimitReader(watch.reader(r), limit+1))
	if err != nil {
		return nil, watch.error(fault.Wrap(err, fault.InputTruncated, "the answer ends too early", "try again"))
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the answer has more than %d bytes", limit), "narrow the search")
	}
	return b, nil
}

// do sends a request and gives an answer of 2xx, or of 409 when it tells of single objects.
func (c *Client) do(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+"/"+path, body)
	if err != nil {
		return nil, fault.New(fault.Usage, "the server's address cannot be read", "write it as https://host/path")
	}
	for _, from := range []http.Header{c.Header, header} {
		for name, values := range from {
			r.Header[name] = values
		}
	}
	answer, err := cmp.Or(c.HTTP, plainClient).Do(r)
	if err != nil {
		return nil, fault.Wrap(err, fault.PeerUnreachable, "the DICOMweb server does not answer", "check its address and that it runs")
	}
	told := method == http.MethodPost && answer.StatusCode == http.StatusConflict && strings.HasPrefix(answer.Header.Get("Content-Type"), "application/dicom+json")
	if answer.StatusCode/100 == 2 || told {
		return answer, nil
	}
	defer answer.Body.Close()
	why, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	return nil, fault.New(fault.PeerRefused, fmt.Sprintf("the DICOMweb server answers %s: %.300q", answer.Status, strings.TrimSpace(string(why))), "see its log")
}

// plainClient follows no redirect: the header may hold a secret.
var plainClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// limitedObject is a part that may not be larger than its limit.
type limitedObject struct {
	r    io.Reader
	left int64 // one more than the limit
}

func (l *limitedObject) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, fault.New(fault.InputTooLarge, "an object of the answer is larger than the limit", "raise the limit")
	}
	n, err := l.r.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}
