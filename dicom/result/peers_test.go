package result

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"consilium/dicom"
)

// save writes an object where peers can read it.
func save(t *testing.T, folder string, o *dicom.Object) string {
	t.Helper()
	path := filepath.Join(folder, o.IDs().SOP+".dcm")
	if err := os.WriteFile(path, write(t, o), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// accepted are warnings that are no fault of the result: our own coding scheme
// is not in the tools' lists, and a source without type 2 values has none to give.
var accepted = regexp.MustCompile(`Unrecognized defined term <(99CONSILIUM|2\.25\.\d+)> for value 1 of attribute <Coding Scheme (Designator|UID)>|` +
	`\(0x0040,0xa130\) CS Temporal Range Type|\(0x0040,0xa138\) DS Referenced Time Offsets|this is a Standard Extended SOP Class|` +
	`is only permitted to be empty when actually unknown.*attribute <Laterality>|` +
	`needed to build DICOMDIR - (Patient ID|Study Date|Study Time|Study ID)$|` +
	`VR checker does not support this Specific Character Set: ISO_IR 192`)

// validate asks dciodvfy: no error, no unexpected warning.
func validate(t *testing.T, path string) {
	t.Helper()
	program, err := exec.LookPath("dciodvfy")
	if err != nil {
		t.Log("dciodvfy (dicom3tools) is not installed")
		return
	}
	out, _ := exec.Command(program, path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") && !accepted.MatchString(line) {
			t.Error(line)
		}
	}
}

// dump gives dsrdump's text; anything on its standard error fails the test.
func dump(t *testing.T, path string) string {
	t.Helper()
	program, err := exec.LookPath("dsrdump")
	if err != nil {
		t.Log("dsrdump (dcmtk) is not installed")
		return ""
	}
	c := exec.Command(program, "+U8", "+Pl", path)
	var complaints strings.Builder
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Errorf("dsrdump: %v", err)
	}
	for line := range strings.Lines(complaints.String()) {
		if !accepted.MatchString(line) {
			t.Error("dsrdump: ", line)
		}
	}
	return string(out)
}

// python finds an interpreter that has pydicom; "" when there is none.
func python() string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import pydicom").Run() == nil {
			return name
		}
	}
	return ""
}

// readable asks pydicom to read every attribute.
func readable(t *testing.T, paths ...string) {
	t.Helper()
	interpreter := python()
	if interpreter == "" {
		t.Log("pydicom is not installed")
		return
	}
	const script = `
import sys, warnings, pydicom
warnings.simplefilter("error")
pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
for p in sys.argv[1:]:
    ds = pydicom.dcmread(p)
    ds.walk(lambda d, e: e.value)
    if "PixelData" in ds:
        ds.pixel_array
`
	if out, err := exec.Command(interpreter, append([]string{"-c", script}, paths...)...).CombinedOutput(); err != nil {
		t.Errorf("pydicom: %v\n%s", err, out)
	}
}
