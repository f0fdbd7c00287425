package node

import (
	"context"
	"slices"

	"consilium/fault"
	"consilium/store"
)

// Worklist lists the studies that a reader may see, most urgent first.
// Errors: USAGE for an unknown urgency, those of the store.
func (n *Node) Worklist(ctx context.Context, r store.Reader, q Query) (Page, error) {
	query := store.StudyQuery{Text: q.Text, DateFrom: q.From, DateTo: q.To, Limit: q.Limit, Offset: q.Offset, Order: store.ByUrgency}
	if q.State != "" {
		query.States = []store.State{q.State}
	}
	if q.Modality != "" {
		query.Modalities = []string{q.Modality}
	}
	if q.Urgency != "" {
		u, known := store.ParseUrgency(q.Urgency)
		if !known {
			return Page{}, fault.New(fault.Usage, "there is no urgency "+q.Urgency, "critical, urgent, routine or none")
		}
		query.Urgencies = []store.Urgency{u}
	}
	list, total, err := n.Store.Studies(ctx, r, query)
	if err != nil {
		return Page{}, err
	}
	p := Page{Items: []Row{}, Total: total, Counts: map[store.State]int{}}
	for _, s := range list {
		p.Items = append(p.Items, row(s))
	}
	p.Counts, err = n.Store.CountStates(ctx, r)
	return p, err
}

// Row gives the worklist's line of one study.
func (n *Node) Row(ctx context.Context, r store.Reader, study string) (Row, error) {
	s, err := n.Store.Study(ctx, r, study)
	return row(s), err
}

func row(s store.Study) Row {
	return Row{
		StudyUID: s.UID, PatientName: s.Patient.Name, PatientID: s.Patient.ID, PatientSex: s.Patient.Sex, PatientBirthDate: s.Patient.BirthDate,
		Accession: s.Accession, Description: s.Description, Modalities: acquired(s.Modalities), StudyDate: s.Date, StudyTime: s.Time,
		ReceivedAt: s.Received, Instances: s.Instances, State: s.State, Urgency: s.Urgency.String(), Headline: s.Headline, Findings: s.Findings, Synthetic: s.Synthetic,
	}
}

// acquired leaves out what was not recorded from a patient but made about one:
// reports, segmentations, presentation states, key objects, and pictures of a
// screen where there is something else.
func acquired(modalities []string) []string {
	out := slices.DeleteFunc(slices.Clone(modalities), func(m string) bool {
		return slices.Contains([]string{"SR", "SEG", "PR", "KO", "OT"}, m)
	})
	if len(out) == 0 {
		return orEmpty(modalities)
	}
	return out
}

// Waiting counts the studies that wait for their diagnosis or are at it.
func (n *Node) Waiting(ctx context.Context) (int, error) { return n.Queue.Waiting(ctx, jobDiagnose) }
