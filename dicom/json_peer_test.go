package dicom

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"consilium/dataset/settest"
)

// TestJSONAgainstPydicom compares the JSON of every real file with pydicom's, attribute by attribute.
func TestJSONAgainstPydicom(t *testing.T) {
	python := pydicomOrSkip(t)
	folder := settest.Data(t, "dicom")
	var names []string
	objects := map[string]*Object{}
	realFiles(t, func(name string, _ []byte, o *Object) {
		path := filepath.Join(folder, name)
		names = append(names, path)
		objects[path] = o
	})
	out, err := exec.Command(python, append([]string{"testdata/pydicom_json.py"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files, attributes, differ := 0, 0, 0
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line [2]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		path := line[0].(string)
		theirs, ok := line[1].(map[string]any)
		if !ok {
			continue // pydicom has no JSON for it
		}
		text, err := objects[path].JSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		var ours map[string]any
		if err := json.Unmarshal(text, &ours); err != nil {
			t.Fatal(err)
		}
		files++
		n, d := compareJSON(t, filepath.Base(path), ours, theirs)
		attributes += n
		differ += d
	}
	t.Logf("%d files, %d attributes, %d differ", files, attributes, differ)
	if files < 200 {
		t.Errorf("only %d files were compared", files)
	}
}

func pydicomOrSkip(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("asks pydicom")
	}
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pydicom").Run(); err != nil {
		t.Skip("pydicom is not installed")
	}
	return python
}

// compareJSON counts attributes and reports those that differ.
func compareJSON(t *testing.T, path string, ours, theirs map[string]any) (n, differ int) {
	for tag, value := range theirs {
		if strings.HasSuffix(tag, "0000") || tag == SpecificCharacterSet.String() {
			continue
		}
		n++
		a, _ := ours[tag].(map[string]any)
		b := value.(map[string]any)
		if reflect.DeepEqual(canonical(a), canonical(b)) || knownJSON(tag, a, b) {
			continue
		}
		x, y := itemsJSON(a), itemsJSON(b)
		if len(x) > 0 && len(x) == len(y) {
			for i := range x {
				m, d := compareJSON(t, fmt.Sprintf("%s/%s/%d", path, tag, i), x[i], y[i])
				n, differ = n+m, differ+d
			}
			continue
		}
		differ++
		t.Errorf("%s %s: %.150v, pydicom %.150v", path, tag, a, b)
	}
	for tag := range ours {
		if _, there := theirs[tag]; !there && path != "emri_small_jpeg_2k_lossless_too_short.dcm" { // pydicom gives up on its pixels
			differ++
			t.Errorf("%s %s: %.150v, not in pydicom's", path, tag, ours[tag])
		}
	}
	return n, differ
}

// knownJSON names the differences in which pydicom leaves the standard: it
// writes big endian words as they are (PS3.18 F.2.7 wants little endian), OW
// for encapsulated pixel data (PS3.5 A.4 wants OB), and values of odd length.
func knownJSON(key string, a, b map[string]any) bool {
	x, _ := a["InlineBinary"].(string)
	y, _ := b["InlineBinary"].(string)
	ours, _ := base64.StdEncoding.DecodeString(x)
	theirs, _ := base64.StdEncoding.DecodeString(y)
	if tag, _ := ParseTag(key); tag.Private() && a["vr"] == "UN" && b["vr"] != "UN" {
		return true // pydicom has a dictionary of private attributes
	}
	if x == "" || y == "" {
		return false
	}
	encapsulated := a["vr"] == "OB" && b["vr"] == "OW" && bytes.HasPrefix(ours, []byte("\xfe\xff\x00\xe0"))
	if bytes.Equal(ours, padded(theirs, 0)) {
		return a["vr"] == b["vr"] || encapsulated
	}
	for _, width := range []int{2, 4} {
		turned := bytes.Clone(padded(theirs, 0))
		swap(turned, width)
		if a["vr"] == "OW" && bytes.Equal(ours, turned) {
			return true
		}
	}
	return false
}

func itemsJSON(a map[string]any) []map[string]any {
	if a["vr"] != "SQ" {
		return nil
	}
	var out []map[string]any
	list, _ := a["Value"].([]any)
	for _, v := range list {
		m, _ := v.(map[string]any)
		out = append(out, m)
	}
	return out
}

// canonical brings both writers' freedoms into one form: numbers with their
// value, names without empty groups, no trailing padding, nothing for empty.
func canonical(a map[string]any) any {
	if a == nil {
		return nil
	}
	out := map[string]any{"vr": a["vr"]}
	if s, _ := a["InlineBinary"].(string); s != "" {
		out["InlineBinary"] = s
	}
	list, _ := a["Value"].([]any)
	var values []any
	for _, v := range list {
		switch v := v.(type) {
		case nil:
			values = append(values, "")
		case map[string]any:
			if a["vr"] == "PN" {
				values = append(values, fmt.Sprint(v["Alphabetic"], v["Ideographic"], v["Phonetic"]))
				continue
			}
			values = append(values, v)
		case string:
			if f, err := strconv.ParseFloat(v, 64); err == nil && a["vr"] != "UI" {
				values = append(values, f)
				continue
			}
			values = append(values, strings.Trim(v, " \x00"))
		case float64:
			if a["vr"] == "FL" {
				v = float64(float32(v))
			}
			values = append(values, math.Round(v*1e9)/1e9)
		default:
			values = append(values, v)
		}
	}
	for len(values) > 0 && values[len(values)-1] == "" {
		values = values[:len(values)-1]
	}
	if len(values) > 0 {
		out["Value"] = values
	}
	return out
}
