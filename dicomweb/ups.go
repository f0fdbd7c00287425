package dicomweb

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// upsClass is the SOP class of workitems, UPS Push.
const upsClass = "1.2.840.10008.5.1.4.34.6.1"

// workitems adds the routes of UPS-RS, PS3.18 section 11.
func (h *handler) workitems(r chi.Router) {
	r.Get("/workitems", h.route(h.searchWorkitems))
	r.Post("/workitems", h.route(h.createWorkitem))
	r.Get("/workitems/{workitem}", h.route(h.readWorkitem))
	r.Post("/workitems/{workitem}", h.route(h.updateWorkitem))
	r.Put("/workitems/{workitem}/state", h.route(h.changeState))
	r.Put("/workitems/{workitem}/state/{performer}", h.route(h.changeState))
	r.Post("/workitems/{workitem}/cancelrequest", h.route(h.requestCancel))
	r.Post("/workitems/{workitem}/cancelrequest/{performer}", h.route(h.requestCancel))
	unsupported := h.route(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.InputUnsupported, "subscriptions to workitems are not offered", "ask for the worklist again from time to time")
	})
	r.HandleFunc("/workitems/{workitem}/subscribers/*", unsupported)
}

// readObject reads one data set from the body, alone or as an array of one.
func readObject(w http.ResponseWriter, r *http.Request) (*dicom.Object, error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/dicom+json" && kind != "application/json" {
		return nil, fault.New(fault.InputUnknown, "the data set must come as application/dicom+json", "set the content type")
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, bodyError(err)
	}
	text := strings.TrimSpace(string(b))
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSpace(strings.TrimSuffix(inner, "]"))
	}
	return dicom.ParseJSON([]byte(text), nil)
}

// createWorkitem files a new step, PS3.18 section 11.4. It starts SCHEDULED.
func (h *handler) createWorkitem(w http.ResponseWriter, r *http.Request) error {
	o, err := readObject(w, r)
	if err != nil {
		return err
	}
	uid := workitemUID(r.URL.RawQuery, o)
	if !store.ValidUID(uid) {
		return fault.New(fault.InputMalformed, "the workitem UID is none", "a UID is up to 64 digits and dots")
	}
	if state := o.Text(dicom.ProcedureStepState); state != "" && state != store.WorkScheduled {
		return fault.New(fault.InputMalformed, fmt.Sprintf("a new workitem is %s, not %.20q", store.WorkScheduled, state), "create it first, then change its state")
	}
	if o.Text(dicom.TransactionUID) != "" {
		return fault.New(fault.InputMalformed, "a new workitem has no transaction UID", "leave it empty")
	}
	for _, t := range []dicom.Tag{dicom.ScheduledProcedureStepPriority, dicom.ProcedureStepLabel, dicom.ScheduledProcedureStepStartDateTime} {
		if o.Text(t) == "" { // type 1, PS3.4 table CC.2.5-3
			return fault.New(fault.InputMalformed, t.Keyword()+" is missing", "a workitem needs a priority, a label and a start")
		}
	}
	a := &attributes{Object: o}
	o.Delete(dicom.TransactionUID)
	a.set(dicom.SOPClassUID, upsClass)
	a.set(dicom.SOPInstanceUID, uid)
	a.set(dicom.ProcedureStepState, store.WorkScheduled)
	a.set(dicom.ScheduledProcedureStepModificationDateTime, now())
	if a.err != nil {
		return a.err
	}
	item := store.Workitem{UID: uid, State: store.WorkScheduled, Patient: store.PatientKey{ID: o.Text(dicom.PatientID), Name: o.Text(dicom.PatientName)},
		Accession: o.Item(dicom.ReferencedRequestSequence).Text(dicom.AccessionNumber)}
	if err := fill(&item, o); err != nil {
		return err
	}
	if err := h.Observe(r.Context(), "workitem.created", ""); err != nil {
		return err
	}
	if err := h.Store.AddWorkitem(r.Context(), item); err != nil {
		return err
	}
	w.Header().Set("Location", h.link(r, "/workitems/"+uid))
	w.WriteHeader(http.StatusCreated)
	return nil
}

// workitemUID: in the query, as PS3.18 writes it ("?1.2.3" or "?workitem=1.2.3"),
// in the data set, or a new one.
func workitemUID(query string, o *dicom.Object) string {
	for _, uid := range []string{uidOf(query), o.Text(dicom.SOPInstanceUID)} {
		if uid != "" {
			return uid
		}
	}
	return dicom.NewUID()
}

// uidOf takes the UID from a query that is nothing else, with a name or without.
func uidOf(query string) string {
	if _, value, found := strings.Cut(query, "="); found {
		return value
	}
	return query
}

// copyAttribute puts one attribute of another data set in the place of ours.
func copyAttribute(to, from *dicom.Object, t dicom.Tag) error {
	switch vr := from.VR(t); {
	case vr == "SQ":
		items := from.Items(t)
		for i := range items {
			items[i] = items[i].Clone()
		}
		return to.SetItems(t, items...)
	case len(from.Texts(t)) > 0:
		return to.SetVR(t, vr, from.Texts(t))
	default:
		return to.SetVR(t, vr, from.Bytes(t))
	}
}

// fill takes the keys of the index, and the body, from the data set.
func fill(item *store.Workitem, o *dicom.Object) (err error) {
	item.Priority, item.Label = o.Text(dicom.ScheduledProcedureStepPriority), o.Text(dicom.ProcedureStepLabel)
	item.Scheduled = o.Text(dicom.ScheduledProcedureStepStartDateTime)
	item.Body, err = o.JSON(nil)
	return err
}

func now() string { return time.Now().UTC().Format("20060102150405.000000") + "+0000" }

// readWorkitem gives a step, without the transaction UID that would let others act for its performer.
func (h *handler) readWorkitem(w http.ResponseWriter, r *http.Request) error {
	if err := takesJSON(r); err != nil {
		return err
	}
	item, err := h.Store.Workitem(r.Context(), h.Reader(r), chi.URLParam(r, "workitem"))
	if err != nil {
		return err
	}
	if err := h.Observe(r.Context(), "workitem.viewed", ""); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, slices.Concat([]byte("["), item.Body, []byte("]")))
}

// searchWorkitems lists steps, PS3.18 section 11.9.
func (h *handler) searchWorkitems(w http.ResponseWriter, r *http.Request) error {
	if err := takesJSON(r); err != nil {
		return err
	}
	q, warnings, err := parseWorkQuestion(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := h.Observe(r.Context(), "workitems.searched", ""); err != nil {
		return err
	}
	for _, text := range warnings {
		warn(w, r, text)
	}
	list, err := h.Store.Workitems(r.Context(), h.Reader(r), q)
	if err != nil {
		return err
	}
	out := []byte("[")
	for n, item := range list {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(out, item.Body...)
	}
	return writeJSON(w, http.StatusOK, append(out, ']'))
}

// updateWorkitem changes attributes, PS3.18 section 11.6: by anyone while it is
// SCHEDULED, by its performer while it is IN PROGRESS. State and identity are
// not changed this way.
func (h *handler) updateWorkitem(w http.ResponseWriter, r *http.Request) error {
	o, err := readObject(w, r)
	if err != nil {
		return err
	}
	transaction := cmp.Or(uidOf(r.URL.RawQuery), o.Text(dicom.TransactionUID))
	return h.change(r, "workitem.updated", func(item *store.Workitem, have *dicom.Object) error {
		if err := mayAct(item, transaction); err != nil {
			return err
		}
		for _, t := range o.Tags() {
			switch t {
			case dicom.TransactionUID, dicom.SOPClassUID, dicom.SOPInstanceUID, dicom.SpecificCharacterSet:
				continue
			case dicom.ProcedureStepState, dicom.PatientName, dicom.PatientID, dicom.PatientBirthDate, dicom.PatientSex:
				return fault.New(fault.InputMalformed, t.Keyword()+" is not changed by an update", "states are changed at .../state; patients are not changed")
			}
			if err := copyAttribute(have, o, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// change runs one change of a step: read, decide, write, in one transaction.
func (h *handler) change(r *http.Request, action string, f func(item *store.Workitem, have *dicom.Object) error) error {
	ctx, uid := r.Context(), chi.URLParam(r, "workitem")
	if _, err := h.Store.Workitem(ctx, h.Reader(r), uid); err != nil {
		return err // who may not see it may not change it
	}
	if err := h.Observe(ctx, action, ""); err != nil {
		return err
	}
	return h.Store.ChangeWorkitem(ctx, uid, func(item *store.Workitem) error {
		have, err := dicom.ParseJSON(item.Body, nil)
		if err != nil {
			return err
		}
		if err := f(item, have); err != nil {
			return err
		}
		if err := have.Set(dicom.ScheduledProcedureStepModificationDateTime, now()); err != nil {
			return err
		}
		return fill(item, have)
	})
}

// mayAct refuses whoever has not claimed the step, and steps that are over.
func mayAct(item *store.Workitem, transaction string) error {
	switch {
	case item.State == store.WorkCompleted || item.State == store.WorkCanceled:
		return fault.New(fault.Conflict, "the workitem is "+item.State+" and stays so", "create another one") // C300, C310
	case item.State == store.WorkInProgress && transaction != item.Transaction:
		return fault.New(fault.Conflict, "the workitem was claimed by another", "only who claimed it, with its transaction UID, goes on with it") // C301
	}
	return nil
}

// changeState claims, completes or cancels a step, PS3.18 section 11.7 and
// PS3.4 table CC.1.1-2.
func (h *handler) changeState(w http.ResponseWriter, r *http.Request) error {
	o, err := readObject(w, r)
	if err != nil {
		return err
	}
	to, transaction := o.Text(dicom.ProcedureStepState), o.Text(dicom.TransactionUID)
	if !store.ValidUID(transaction) {
		return fault.New(fault.InputMalformed, "the transaction UID is none", "who claims a workitem makes one and keeps it")
	}
	err = h.change(r, "workitem."+strings.ToLower(strings.ReplaceAll(to, " ", "-")), func(item *store.Workitem, have *dicom.Object) error {
		if err := step(item, have, to, transaction); err != nil {
			return err
		}
		if to == store.WorkInProgress {
			item.Performer = chi.URLParam(r, "performer")
		}
		return have.Set(dicom.ProcedureStepState, to)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// step is the state machine: SCHEDULED -> IN PROGRESS -> COMPLETED or CANCELED.
func step(item *store.Workitem, have *dicom.Object, to, transaction string) error {
	if to != store.WorkInProgress && to != store.WorkCompleted && to != store.WorkCanceled {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%.20q is no state to go to", to), "go to IN PROGRESS, COMPLETED or CANCELED")
	}
	if err := mayAct(item, transaction); err != nil {
		return err
	}
	switch {
	case item.State == store.WorkScheduled && to == store.WorkInProgress:
		item.Transaction = transaction
	case item.State == store.WorkScheduled:
		return fault.New(fault.Conflict, "the workitem has not been claimed", "claim it first; ask for cancellation at .../cancelrequest") // C310
	case to == store.WorkInProgress:
		return fault.New(fault.Conflict, "the workitem is IN PROGRESS already", "go on with it") // C302
	case to == store.WorkCompleted:
		if err := finished(have); err != nil {
			return err
		}
	}
	item.State = to
	return nil
}

// finished checks the final state requirements of PS3.4 table CC.2.5-3 that a
// reader of results depends on: who did it, when, and what came out.
func finished(have *dicom.Object) error {
	done := have.Item(dicom.UnifiedProcedureStepPerformedProcedureSequence)
	var missing []string
	if done.Text(dicom.PerformedProcedureStepStartDateTime) == "" {
		missing = append(missing, "PerformedProcedureStepStartDateTime")
	}
	if done.Text(dicom.PerformedProcedureStepEndDateTime) == "" {
		missing = append(missing, "PerformedProcedureStepEndDateTime")
	}
	if !done.Has(dicom.OutputInformationSequence) {
		missing = append(missing, "OutputInformationSequence")
	}
	if len(missing) > 0 {
		return fault.New(fault.Conflict, "the workitem is not finished: "+strings.Join(missing, ", ")+" missing in its performed procedure", "update it first") // C304
	}
	return nil
}

// requestCancel asks for a step to be canceled, PS3.18 section 11.8: one that
// nobody has claimed is canceled at once; the performer of another one is
// not told, for nobody can subscribe, and so it is refused.
func (h *handler) requestCancel(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength != 0 {
		if _, err := readObject(w, r); err != nil {
			return err
		}
	}
	err := h.change(r, "workitem.canceled", func(item *store.Workitem, have *dicom.Object) error {
		if item.State != store.WorkScheduled {
			return fault.New(fault.Conflict, "the workitem is "+item.State+"; only its performer can end it", "ask the performer")
		}
		item.State = store.WorkCanceled
		return have.Set(dicom.ProcedureStepState, store.WorkCanceled)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
