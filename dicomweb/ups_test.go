package dicomweb

import (
	"fmt"
	"strings"
	"testing"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

const newItem = `[{"00741200":{"vr":"CS","Value":["HIGH"]},"00741204":{"vr":"LO","Value":["Synthetic read"]},"00404005":{"vr":"DT","Value":["20260301080000"]},
	"00100010":{"vr":"PN","Value":[{"Alphabetic":"SYNTHETIC^Anna"}]},"00100020":{"vr":"LO","Value":["SYN1"]},
	"0040A370":{"vr":"SQ","Value":[{"00080050":{"vr":"SH","Value":["A1"]}}]}}]`

func (s *site) send(method, path, body string) answer {
	s.t.Helper()
	return s.ask(method, path, map[string]string{"Content-Type": "application/dicom+json"}, []byte(body))
}

func stateBody(state, transaction string) string {
	return fmt.Sprintf(`{"00741000":{"vr":"CS","Value":[%q]},"00081195":{"vr":"UI","Value":[%q]}}`, state, transaction)
}

// TestWorkitem is the life of a step: created, found, claimed, worked on, completed.
func TestWorkitem(t *testing.T) {
	s := newSite(t, nil)
	if a := s.send("POST", "/workitems?1.2.3", newItem); a.status != 201 || a.header.Get("Location") != s.URL+"/workitems/1.2.3" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.send("POST", "/workitems?workitem=1.2.3", newItem).wantError(t, 409, fault.Conflict)
	for query, want := range map[string]int{"": 1, "?ProcedureStepState=SCHEDULED": 1, "?ProcedureStepState=COMPLETED": 0, "?PatientID=SYN1&limit=5": 1, "?00741204=Synth*": 1,
		"?ReferencedRequestSequence.AccessionNumber=A1": 1, "?ScheduledProcedureStepStartDateTime=20260301-20260302": 1, "?PatientName=anna*": 0} {
		if got := s.get("/workitems"+query, "").objects(t); len(got) != want {
			t.Errorf("%q finds %d, want %d", query, len(got), want)
		}
	}
	state := "/workitems/1.2.3/state"
	s.send("PUT", state, stateBody(store.WorkCompleted, "9.1")).wantError(t, 409, fault.Conflict)
	if a := s.send("PUT", state+"/READER", stateBody(store.WorkInProgress, "9.1")); a.status != 200 {
		t.Fatalf("claim: %d %s", a.status, a.body)
	}
	s.send("PUT", state, stateBody(store.WorkInProgress, "9.2")).wantError(t, 409, fault.Conflict)
	s.send("PUT", state, stateBody(store.WorkInProgress, "9.1")).wantError(t, 409, fault.Conflict)
	if text := string(s.get("/workitems/1.2.3", "").body); strings.Contains(text, "9.1\"") || strings.Contains(text, "00081195") || !strings.Contains(text, store.WorkInProgress) {
		t.Errorf("shown: %s", text)
	}
	output := `{"00741216":{"vr":"SQ","Value":[{"00404050":{"vr":"DT","Value":["20260301090000"]},"00404051":{"vr":"DT","Value":["20260301091000"]},
		"00404033":{"vr":"SQ","Value":[{"0020000D":{"vr":"UI","Value":["1.2.826.0.1"]}}]}}]}}`
	s.send("POST", "/workitems/1.2.3?9.2", output).wantError(t, 409, fault.Conflict)
	s.send("PUT", state, stateBody(store.WorkCompleted, "9.1")).wantError(t, 409, fault.Conflict) // no output yet
	if a := s.send("POST", "/workitems/1.2.3?9.1", output); a.status != 200 {
		t.Fatalf("update: %d %s", a.status, a.body)
	}
	s.send("PUT", state, stateBody(store.WorkCompleted, "9.2")).wantError(t, 409, fault.Conflict)
	if a := s.send("PUT", state, stateBody(store.WorkCompleted, "9.1")); a.status != 200 {
		t.Fatalf("complete: %d %s", a.status, a.body)
	}
	s.send("POST", "/workitems/1.2.3?9.1", output).wantError(t, 409, fault.Conflict)
	s.send("PUT", state, stateBody(store.WorkCanceled, "9.1")).wantError(t, 409, fault.Conflict)
	done := s.get("/workitems/1.2.3", "").objects(t)[0]
	if got := done.Item(dicom.UnifiedProcedureStepPerformedProcedureSequence).Item(dicom.OutputInformationSequence).Text(dicom.StudyInstanceUID); got != "1.2.826.0.1" ||
		done.Text(dicom.ProcedureStepState) != store.WorkCompleted || done.Text(dicom.PatientName) != "SYNTHETIC^Anna" {
		text, _ := done.JSON(nil)
		t.Errorf("%s", text)
	}
}

func TestWorkitemRefused(t *testing.T) {
	s := newSite(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               fault.Code
	}{
		{"POST", "/workitems?x", newItem, 400, fault.InputMalformed}, {"POST", "/workitems", "{", 400, fault.InputMalformed}, {"POST", "/workitems", `{}`, 400, fault.InputMalformed},
		{"POST", "/workitems", strings.Replace(newItem, `[{`, `[{"00741000":{"vr":"CS","Value":["COMPLETED"]},`, 1), 400, fault.InputMalformed},
		{"POST", "/workitems", strings.Replace(newItem, `[{`, `[{"00081195":{"vr":"UI","Value":["1.2"]},`, 1), 400, fault.InputMalformed},
		{"POST", "/workitems", strings.Repeat(" ", maxBody+1), 413, fault.InputTooLarge},
		{"PUT", "/workitems/1.2/state", stateBody(store.WorkInProgress, "9"), 404, fault.NotFound}, {"PUT", "/workitems/1.2/state", stateBody(store.WorkInProgress, ""), 400, fault.InputMalformed},
		{"GET", "/workitems/1.2", "", 404, fault.NotFound}, {"GET", "/workitems/a", "", 400, fault.InputMalformed}, {"POST", "/workitems/1.2/subscribers/AE", "", 406, fault.InputUnsupported},
		{"GET", "/workitems?limit=x", "", 400, fault.InputMalformed},
	} {
		s.send(c.method, c.path, c.body).wantError(t, c.status, c.code)
	}
	s.ask("POST", "/workitems", map[string]string{"Content-Type": "text/html"}, []byte(newItem)).wantError(t, 415, fault.InputUnknown)
	a := s.send("POST", "/workitems", newItem) // a UID is made
	if a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	own := strings.TrimPrefix(a.header.Get("Location"), s.URL)
	s.send("PUT", own+"/state", stateBody("SLEEPING", "9.1")).wantError(t, 400, fault.InputMalformed)
	s.send("POST", own, `{"00100020":{"vr":"LO","Value":["SYN2"]}}`).wantError(t, 400, fault.InputMalformed)
	s.send("POST", own, stateBody(store.WorkCompleted, "9.1")).wantError(t, 400, fault.InputMalformed)
	if a := s.ask("POST", own+"/cancelrequest", nil, nil); a.status != 202 {
		t.Errorf("cancel: %d %s", a.status, a.body)
	}
	s.send("PUT", own+"/state", stateBody(store.WorkInProgress, "9.1")).wantError(t, 409, fault.Conflict)
	s.ask("POST", own+"/cancelrequest", nil, nil).wantError(t, 409, fault.Conflict)
}
