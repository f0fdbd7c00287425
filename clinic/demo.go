package clinic

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"time"

	"consilium/access"
	"consilium/fault"
	"consilium/node"
	"consilium/store"
)

// Demo is a node with a synthetic patient on its worklist, and somebody who may
// look.
type Demo struct {
	Row      node.Row `json:"study"`
	Name     string   `json:"name"`     // of the account
	Password string   `json:"password"` // made for this start, and shown once
}

// demoAccount may review and sign in the node of a demonstration.
const demoAccount = "demo"

// Show hands the files of synthetic patients in, a folder each, unless the node
// has patients already, waits until they are diagnosed, and makes an account to
// look at them with. The node must be running. Demo.Row is the first of them.
// Errors: those of Upload and of the accounts, TIMEOUT.
func (c *Clinic) Show(ctx context.Context, folders []string) (Demo, error) {
	studies, err := c.demoStudies(ctx, folders)
	if err != nil {
		return Demo{}, err
	}
	var row node.Row
	for _, study := range slices.Backward(studies) {
		if row, err = c.await(ctx, study); err != nil {
			return Demo{}, err
		}
	}
	d := Demo{Row: row, Name: demoAccount, Password: rand.Text()}
	return d, c.openAccount(ctx, d)
}

func (c *Clinic) demoStudies(ctx context.Context, folders []string) ([]string, error) {
	there, err := c.Node.Worklist(ctx, store.Care, node.Query{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(there.Items) > 0 {
		return []string{there.Items[0].StudyUID}, nil
	}
	var studies []string
	for _, folder := range folders {
		study, err := c.handIn(ctx, folder)
		if err != nil {
			return studies, err
		}
		studies = append(studies, study)
	}
	return studies, nil
}

// handIn uploads copies of the files of one patient.
func (c *Clinic) handIn(ctx context.Context, folder string) (string, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.*"))
	if err != nil {
		return "", fault.Wrap(err, fault.IO, "the synthetic patient cannot be found", "start the demo again")
	}
	var files []node.Upload
	for i, path := range paths {
		copied := filepath.Join(c.DataDir, node.SpoolDir, "demo-"+string(rune('a'+i)))
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(copied, content, 0o600)
		}
		if err != nil {
			return "", fault.Wrap(err, fault.IO, "the synthetic patient cannot be handed in", "start the demo again")
		}
		files = append(files, node.Upload{Name: filepath.Base(path), Path: copied})
	}
	return c.Node.Upload(ctx, node.Actor{Name: "demo", Role: "system"}, files)
}

// await waits until a study has been diagnosed.
func (c *Clinic) await(ctx context.Context, study string) (node.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	changes := c.Node.Changes(ctx)
	for {
		row, err := c.Node.Row(ctx, store.Care, study)
		if err != nil {
			return row, err
		}
		switch row.State {
		case store.StateReady, store.StateSigned:
			return row, nil
		case store.StateFailed:
			return row, fault.New(fault.DataUnfit, "the synthetic patient could not be diagnosed", "see the node's log, and `consilium doctor`")
		}
		select {
		case <-ctx.Done():
			return row, fault.Wrap(ctx.Err(), fault.Timeout, "the synthetic patient was not diagnosed in time", "the machine may be busy; start the demo again")
		case <-changes:
		case <-time.After(time.Second):
		}
	}
}

// openAccount makes the account, or gives it a new password.
func (c *Clinic) openAccount(ctx context.Context, d Demo) error {
	system := access.Identity{Name: "system", Role: access.Admin}
	link := ""
	accounts, err := c.Access.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.Name == d.Name {
			link, err = c.Access.NewLink(ctx, system, a.ID)
		}
	}
	if err == nil && link == "" {
		_, link, err = c.Access.AddAccount(ctx, system, access.NewAccount{Name: d.Name, FullName: "Demo Reader", Role: access.Reader})
	}
	if err != nil {
		return err
	}
	_, err = c.Access.Redeem(ctx, "127.0.0.1", "", link, d.Name, d.Password)
	return err
}
