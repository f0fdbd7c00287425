package dicomweb

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

func TestSearch(t *testing.T) {
	s := newSite(t, nil)
	s.put(object(t, 1, 1, 1, 1, ""), object(t, 1, 1, 2, 1, ""), object(t, 1, 2, 1, 3, rle), object(t, 2, 1, 1, 1, ""))
	one := "1.2.826.0.1.3680043.10.999.1"
	for _, c := range []struct {
		path string
		want int
	}{
		{"/studies", 2}, {"/studies?PatientName=synthetic*", 2}, {"/studies?PatientName=SYNTHETIC%5EP%C3%84tient1", 1}, {"/studies?00100020=SYN2", 1},
		{"/studies?StudyDate=20260302-20260305", 1}, {"/studies?StudyDate=-20260301", 1}, {"/studies?StudyDate=20260301", 1}, {"/studies?StudyTime=08-09", 2},
		{"/studies?ModalitiesInStudy=CT", 1}, {"/studies?ModalitiesInStudy=CT,MR", 2}, {"/studies?StudyInstanceUID=" + one + ",1.2.3", 1},
		{"/studies?StudyInstanceUID=" + one + "&StudyInstanceUID=" + one + "9", 1}, {"/studies?AccessionNumber=A2&PatientID=", 1},
		{"/studies?limit=1", 1}, {"/studies?offset=1", 1}, {"/studies?includefield=all&fuzzymatching=true", 2}, {"/studies?PatientID=nobody", 0},
		{"/studies?PatientID='%3BDROP%20TABLE%20studies%3B--", 0},
		{"/series", 3}, {"/series?Modality=MR", 2}, {"/series?PatientID=SYN1&SeriesNumber=2", 1}, {studyPath(1) + "/series", 2},
		{"/instances", 4}, {"/instances?SOPClassUID=" + ctImage, 4}, {studyPath(1) + "/instances", 3}, {studyPath(1) + "/series/" + one + ".1/instances?InstanceNumber=2", 1},
	} {
		if got := s.get(c.path, "application/dicom+json").objects(t); len(got) != c.want {
			t.Errorf("%s finds %d, want %d", c.path, len(got), c.want)
		}
	}
	o := s.get("/studies?PatientID=SYN1", "*/*").objects(t)[0]
	if o.Text(dicom.PatientName) != "SYNTHETIC^Pätient1" || strings.Join(o.Texts(dicom.ModalitiesInStudy), " ") != "CT MR" || o.Text(dicom.RetrieveURL) != s.URL+studyPath(1) {
		text, _ := o.JSON(nil)
		t.Errorf("answer is %s", text)
	}
	if n, _ := o.Int(dicom.NumberOfStudyRelatedInstances); n != 3 {
		t.Errorf("the study has %d instances", n)
	}
	for query, more := range map[string]int{"limit=1": 1, "limit=2": 0, "limit=1&offset=1": 0} {
		if a := s.get("/studies?"+query, ""); len(a.header.Values("Warning")) != more {
			t.Errorf("%s: warnings %q", query, a.header.Values("Warning"))
		}
	}
	if a := s.get("/studies?fuzzymatching=true&Nonsense=1", ""); len(a.header.Values("Warning")) != 2 {
		t.Errorf("warnings: %q", a.header.Values("Warning"))
	}
	for path, code := range map[string]fault.Code{
		"/studies?limit=-1": fault.InputMalformed, "/studies?limit=x": fault.InputMalformed, "/studies?StudyDate=yesterday": fault.InputMalformed, "/studies?StudyDate=-": fault.InputMalformed,
		"/studies?StudyInstanceUID=1.2*": fault.InputMalformed, "/series?SeriesNumber=one": fault.InputMalformed, "/studies?%zz": fault.InputMalformed,
		"/studies?offset=999999999": fault.InputRange, "/studies/abc/series": fault.InputMalformed,
	} {
		s.get(path, "").wantError(t, 400, code)
	}
	s.get("/studies?PatientID="+strings.Repeat("x", 20000), "").wantError(t, 413, fault.InputTooLarge)
	s.get("/studies", "multipart/related; type=application/dicom+xml").wantError(t, 406, fault.InputUnsupported)
	s.get("/studies/1.2.3/series", "").wantError(t, 404, fault.NotFound)
	s.get("/nothing", "").wantError(t, 404, fault.NotFound)
	s.ask("DELETE", studyPath(1), nil, nil).wantError(t, 405, fault.Usage)
}

const dicomParts = `multipart/related; type="application/dicom"`

func TestRetrieve(t *testing.T) {
	s := newSite(t, nil)
	plain, packed := object(t, 1, 1, 1, 1, ""), object(t, 1, 2, 1, 3, rle)
	big := object(t, 1, 2, 2, 1, dicom.ExplicitBig)
	s.put(plain, packed, big)
	types, bodies := s.get(studyPath(1), dicomParts+"; transfer-syntax=*").parts(t)
	if len(bodies) != 3 || !bytes.Equal(bodies[0], part10(t, plain)) || !bytes.Equal(bodies[1], part10(t, packed)) || types[1] != "application/dicom; transfer-syntax="+rle {
		t.Errorf("%d parts, %q", len(bodies), types)
	}
	for _, accept := range []string{dicomParts, "*/*", "", "multipart/related;type=application/dicom", dicomParts + "; transfer-syntax=" + dicom.ExplicitLittle} {
		types, bodies = s.get(studyPath(1), accept).parts(t)
		for i, frames := range []int{1, 3, 1} {
			o, err := dicom.ParseObject(bytes.NewReader(bodies[i]), "part")
			if err != nil || o.TransferSyntax() != dicom.ExplicitLittle || types[i] != "application/dicom; transfer-syntax="+dicom.ExplicitLittle {
				t.Fatalf("%q: part %d is %q, %v", accept, i, types[i], err)
			}
			for f := range frames {
				if got, err := o.Frame(f); err != nil || !bytes.Equal(got, framePixels(1, []int{1, 1, 2}[i], f)) {
					t.Errorf("%q: frame %d of part %d differs, %v", accept, f, i, err)
				}
			}
		}
	}
	if a := s.get(path(1, 2, 1), "application/dicom; transfer-syntax=*"); !bytes.Equal(a.body, part10(t, packed)) || a.header.Get("Content-Type") != "application/dicom; transfer-syntax="+rle {
		t.Errorf("single: %d %q", a.status, a.header.Get("Content-Type"))
	}
	if _, bodies := s.get(studyPath(1)+"/series/1.2.826.0.1.3680043.10.999.1.2", dicomParts).parts(t); len(bodies) != 2 {
		t.Errorf("the series has %d objects", len(bodies))
	}
	s.get(path(1, 1, 1), "image/jpeg").wantError(t, 406, fault.InputUnsupported)
	s.get(studyPath(1), dicomParts+"; transfer-syntax=1.2.840.10008.1.2.4.90").wantError(t, 406, fault.InputUnsupported)
	s.get(studyPath(1), "application/dicom").wantError(t, 406, fault.InputUnsupported)
	s.get(studyPath(1), "a/b/c;;").wantError(t, 400, fault.InputMalformed)
	s.get(strings.Replace(path(1, 1, 1), "999.1/series", "999.2/series", 1), "*/*").wantError(t, 404, fault.NotFound)
	s.get("/studies/1.2.3", "*/*").wantError(t, 404, fault.NotFound)
	for _, bad := range []string{"/studies/..%2f..%2fetc", "/studies/1.2%00", "/studies/1..2/metadata", "/studies/1/series/x/instances/1", "/studies/1/series/1/instances/%2e%2e"} {
		s.get(bad, "*/*").wantError(t, 400, fault.InputMalformed)
	}
}

func TestFrames(t *testing.T) {
	s := newSite(t, nil)
	packed := object(t, 1, 2, 1, 3, rle)
	s.put(object(t, 1, 1, 1, 1, ""), packed)
	const native = octets + "; transfer-syntax=" + dicom.ExplicitLittle
	for _, c := range []struct{ path, accept, media, want string }{
		{path(1, 1, 1) + "/frames/1", "*/*", native, "n1"},
		{path(1, 1, 1) + "/frames/1", "multipart/related; type=application/octet-stream; transfer-syntax=*", native, "n1"},
		{path(1, 2, 1) + "/frames/1,3", "multipart/related; type=application/octet-stream", native, "n1 n3"},
		{path(1, 2, 1) + "/frames/2", "multipart/related; type=application/octet-stream; transfer-syntax=*", octets + "; transfer-syntax=" + rle, "e2"},
		{path(1, 2, 1) + "/frames/2", "multipart/related; type=\"image/dicom-rle\"", "image/dicom-rle; transfer-syntax=" + rle, "e2"},
		{path(1, 2, 1) + "/frames/2", "multipart/related; type=\"image/jp2\", */*; q=0.5", native, "n2"},
		{path(1, 2, 1) + "/bulkdata/7FE00010", "*/*", native, "n1 n2 n3"},
	} {
		types, bodies := s.get(c.path, c.accept).parts(t)
		var want [][]byte
		for _, w := range strings.Fields(c.want) {
			n := int(w[1] - '1')
			frame := framePixels(1, 1, n)
			if w[0] == 'e' {
				frame, _ = packed.Frame(n)
			}
			want = append(want, frame)
		}
		if len(bodies) != len(want) || types[0] != c.media {
			t.Errorf("%s %s: %d parts, %q", c.path, c.accept, len(bodies), types)
			continue
		}
		for i := range want {
			if !bytes.Equal(bodies[i], want[i]) {
				t.Errorf("%s %s: part %d differs", c.path, c.accept, i)
			}
		}
	}
	if a := s.get(path(1, 2, 1)+"/frames/2", "application/octet-stream"); !bytes.Equal(a.body, framePixels(1, 1, 1)) || a.header.Get("Content-Type") != native {
		t.Errorf("single frame: %d %q", a.status, a.header.Get("Content-Type"))
	}
	s.get(path(1, 2, 1)+"/frames/1,2", octets).wantError(t, 406, fault.InputUnsupported)
	s.get(path(1, 2, 1)+"/frames/4", "*/*").wantError(t, 404, fault.NotFound)
	s.get(path(1, 2, 1)+"/frames/1", "multipart/related; type=\"image/jpeg\"").wantError(t, 406, fault.InputUnsupported)
	for _, bad := range []string{"0", "-1", "x", "1,,2", "1;2", "99999999999999999999"} {
		s.get(path(1, 2, 1)+"/frames/"+bad, "*/*").wantError(t, 400, fault.InputMalformed)
	}
	s.get(path(1, 2, 1)+"/frames/"+strings.Repeat("1,", 5000)+"1", "*/*").wantError(t, 413, fault.InputTooLarge)
}

func TestMetadata(t *testing.T) {
	s := newSite(t, nil)
	o := object(t, 1, 1, 1, 1, "")
	item := dicom.New("")
	long := bytes.Repeat([]byte("synthetic "), 500)
	for _, err := range []error{item.SetVR(0x00420011, "OB", long), o.SetItems(dicom.ContentSequence, item), o.SetVR(0x00091010, "UN", []byte("short1"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.put(o, object(t, 1, 2, 1, 2, rle))
	got := s.get(studyPath(1)+"/metadata", "application/dicom+json").objects(t)
	if len(got) != 2 || got[0].Text(dicom.PatientID) != "SYN1" || string(got[0].Bytes(0x00091010)) != "short1" || got[1].TransferSyntax() != rle {
		t.Errorf("%d objects", len(got))
	}
	text := string(s.get(path(1, 1, 1)+"/metadata", "").body)
	for _, uri := range []string{"7FE00010", "0040A730/0/00420011"} {
		want := s.URL + path(1, 1, 1) + "/bulkdata/" + uri
		if !strings.Contains(text, fmt.Sprintf(`"BulkDataURI":"%s"`, want)) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if a := s.get(path(1, 1, 1)+"/bulkdata/0040A730/0/00420011", "*/*"); !bytes.Equal(a.body, long) || a.status != 200 {
		t.Errorf("bulk data: %d, %d bytes", a.status, len(a.body))
	}
	for _, bad := range []string{"", "x", "0040A730", "0040A730/1/00420011", "0040A730/-1/00420011", "0040A730/0", "../metadata", "00420011", "0040A730/0/00420011/0"} {
		if a := s.get(path(1, 1, 1)+"/bulkdata/"+bad, "*/*"); a.status == 200 && len(a.body) > 0 && !strings.HasPrefix(string(a.body), "[") {
			t.Errorf("bulk data of %q: %d %.100q", bad, a.status, a.body)
		}
	}
	s.get(studyPath(1)+"/metadata", "application/dicom+xml").wantError(t, 406, fault.InputUnsupported)
}

func TestRendered(t *testing.T) {
	s := newSite(t, nil)
	report := object(t, 2, 1, 1, 1, "")
	for _, tag := range []dicom.Tag{dicom.PixelData, dicom.Rows, dicom.Columns} {
		report.Delete(tag)
	}
	s.put(object(t, 1, 1, 1, 1, ""), object(t, 1, 2, 1, 3, rle), report)
	for _, c := range []struct {
		path, accept, format string
		width, height        int
	}{
		{path(1, 1, 1) + "/rendered", "*/*", "jpeg", 32, 16}, {path(1, 1, 1) + "/rendered?window=2000,100,sigmoid", "image/png", "png", 32, 16},
		{path(1, 1, 1) + "/rendered?viewport=64,64&quality=50", "image/jpeg", "jpeg", 64, 32}, {path(1, 2, 1) + "/frames/3/rendered", "image/png", "png", 32, 16},
		{path(1, 1, 1) + "/thumbnail", "image/png;q=0.1,image/jpeg", "jpeg", 128, 64}, {studyPath(1) + "/thumbnail?viewport=8,8", "image/png", "png", 8, 4},
	} {
		a := s.get(c.path, c.accept)
		img, format, err := image.Decode(bytes.NewReader(a.body))
		if err != nil || format != c.format || img.Bounds().Dx() != c.width || img.Bounds().Dy() != c.height {
			t.Errorf("%s: %d %s %v", c.path, a.status, format, err)
		}
	}
	if _, pictures := s.get(studyPath(1)+"/rendered", "image/png").parts(t); len(pictures) != 2 {
		t.Errorf("%d pictures of a study", len(pictures))
	} else if img, err := png.Decode(bytes.NewReader(pictures[0])); err != nil || img.At(0, 0) == img.At(31, 15) {
		t.Errorf("the picture is empty: %v", err)
	}
	for _, bad := range []string{"window=1", "window=a,b", "window=1,0", "window=NaN,1", "window=1,2,cubic", "viewport=0,5", "viewport=9999,1", "viewport=5", "quality=0", "quality=x"} {
		s.get(path(1, 1, 1)+"/rendered?"+bad, "*/*").wantError(t, 400, fault.InputMalformed)
	}
	s.get(studyPath(2)+"/rendered", "*/*").wantError(t, 406, fault.InputUnsupported)
	s.get(path(1, 1, 1)+"/rendered", "video/mp4").wantError(t, 406, fault.InputUnsupported)
	s.get(path(1, 2, 1)+"/frames/1,2/rendered", "*/*").wantError(t, 406, fault.InputUnsupported)
	s.get(path(1, 2, 1)+"/frames/9/rendered", "*/*").wantError(t, 404, fault.NotFound)
}

// TestConsent: what a patient withholds no route gives, and none lists.
func TestConsent(t *testing.T) {
	purpose := store.Care
	s := newSite(t, func(c *Config) { c.Reader = func(*http.Request) store.Reader { return purpose } })
	s.put(object(t, 1, 1, 1, 1, ""))
	routes := []string{studyPath(1), studyPath(1) + "/metadata", studyPath(1) + "/rendered", studyPath(1) + "/thumbnail", studyPath(1) + "/series", studyPath(1) + "/instances",
		path(1, 1, 1), path(1, 1, 1) + "/metadata", path(1, 1, 1) + "/rendered", path(1, 1, 1) + "/thumbnail", path(1, 1, 1) + "/frames/1", path(1, 1, 1) + "/frames/1/rendered", path(1, 1, 1) + "/bulkdata/7FE00010"}
	for _, route := range routes {
		if a := s.get(route, "*/*"); a.status != 200 {
			t.Errorf("%s for care: %d %s", route, a.status, a.body)
		}
	}
	*s.observed = nil
	purpose.Purpose = "research"
	for _, route := range routes {
		s.get(route, "*/*").wantError(t, 403, fault.ConsentWithheld)
	}
	for _, list := range []string{"/studies", "/series", "/instances"} {
		if got := s.get(list, "").objects(t); len(got) != 0 {
			t.Errorf("%s lists %d", list, len(got))
		}
	}
	for _, o := range *s.observed {
		if !strings.HasPrefix(o, "studies.searched") {
			t.Errorf("what was refused is observed as %q", o)
		}
	}
}

// TestObserve: nothing is given that cannot be recorded.
func TestObserve(t *testing.T) {
	broken := false
	s := newSite(t, func(c *Config) {
		inner := c.Observe
		c.Observe = func(ctx context.Context, action, study string) error {
			if broken {
				return fault.New(fault.AuditBroken, "the audit log does not take entries", "see the log")
			}
			return inner(ctx, action, study)
		}
	})
	s.put(object(t, 1, 1, 1, 1, ""))
	s.get(path(1, 1, 1)+"/frames/1", "*/*")
	s.get(studyPath(1), "*/*")
	uid := strings.TrimPrefix(studyPath(1), "/studies/")
	if got, want := strings.Join(*s.observed, "|"), "study.stored "+uid+"|study.viewed "+uid+"|study.exported "+uid; got != want {
		t.Errorf("observed %q, want %q", got, want)
	}
	broken = true
	for _, route := range []string{"/studies", studyPath(1), studyPath(1) + "/metadata", path(1, 1, 1) + "/frames/1", path(1, 1, 1) + "/rendered"} {
		s.get(route, "*/*").wantError(t, 500, fault.AuditBroken)
	}
}

// TestStatuses is the table of codes and HTTP statuses.
func TestStatuses(t *testing.T) {
	for code, want := range map[fault.Code]int{
		fault.Usage: 400, fault.InputMalformed: 400, fault.InputTruncated: 400, fault.InputEmpty: 400, fault.InputRange: 400, fault.AccessUnknown: 401,
		fault.AccessDenied: 403, fault.ConsentWithheld: 403, fault.NotFound: 404, fault.InputUnsupported: 406, fault.Conflict: 409, fault.InputTooLarge: 413,
		fault.InputUnknown: 415, fault.AccessLimited: 429, fault.Internal: 500, fault.StoreFailed: 500, fault.StoreCorrupt: 500, fault.AuditBroken: 500,
		fault.Timeout: 503, fault.Interrupted: 503, fault.StoreFull: 507,
	} {
		if got := statusOf(fault.New(code, "synthetic", "")); got != want {
			t.Errorf("%s is %d, want %d", code, got, want)
		}
	}
}
