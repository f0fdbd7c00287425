package edge

import (
	"encoding/json"
	"strings"

	"consilium/fault"
)

const (
	maxResultBytes = 4 * MaxAnswerBytes
	maxAskBytes    = 4096
)

// recover reads the folder. What belongs to a case without a result is undone, except the case itself and the
// question to the hub that was asked before there could be an answer.
func (d *Desk) recover() error {
	results, err := d.recoverResults()
	if err == nil {
		err = d.recoverCases(results)
	}
	if err == nil {
		err = d.recoverAsks(results)
	}
	if err == nil {
		err = d.recoverOutbox(results)
	}
	if err != nil {
		return err
	}
	for _, e := range d.live {
		if e.answered && e.ask == nil {
			delete(d.live, e.id)
			if err := d.drop(e); err != nil {
				return err
			}
		}
	}
	d.expire()
	return nil
}

func (d *Desk) recoverResults() (map[string]Result, error) {
	files, err := d.disk.list(resultsDir)
	if err != nil {
		return nil, err
	}
	all := make(map[string]Result, len(files))
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok {
			continue
		}
		r, err := d.result(id)
		if err != nil {
			d.warn(err) // it counts as answered: an answer is not given twice
			all[id] = Result{Case: id}
			continue
		}
		all[id] = r
		d.tally.answered(r)
	}
	return all, nil
}

func (d *Desk) recoverCases(results map[string]Result) error {
	files, err := d.disk.cases(casesDir)
	for _, f := range files {
		d.seq = max(d.seq, f.seq+1)
		_, answered := results[f.id]
		e := &entry{key: f.key, size: f.size, answered: answered}
		d.live[f.id] = e
		if !answered {
			d.bytes.accepted += e.size
			d.enqueue(e)
		}
	}
	return err
}

func (d *Desk) recoverAsks(results map[string]Result) error {
	files, err := d.disk.cases(askedDir)
	if err != nil {
		return err
	}
	for _, f := range files {
		d.seq = max(d.seq, f.seq+1)
		a := &ask{}
		text, err := d.disk.read(askedDir, f.name, maxAskBytes)
		if err == nil {
			err = json.Unmarshal(text, a)
		}
		r, answered := results[f.id]
		e := d.live[f.id]
		open := err == nil && (answered && r.Handed && r.Second == nil && r.NotAsked == "" || !answered && e != nil && a.Reason == ReasonBusy)
		if open && e == nil && a.Sent {
			e = &entry{key: f.key, answered: true} // the hub has the bytes already
			d.live[f.id] = e
		}
		if !open || e == nil {
			if err := d.disk.remove(askedDir, f.name); err != nil {
				return err
			}
			continue
		}
		e.ask = a
		d.names[d.pseudonym(f.id)] = e
		switch {
		case e.answered && a.Sent && e.size > 0:
			if err := d.drop(e); err != nil {
				return err
			}
		case e.answered && !a.Sent:
			e.kept = true
			d.bytes.kept += e.size
		}
	}
	return nil
}

func (d *Desk) recoverOutbox(results map[string]Result) error {
	for _, folder := range []string{outboxDir, heldDir} {
		files, err := d.disk.cases(folder)
		if err != nil {
			return err
		}
		for _, f := range files {
			d.seq = max(d.seq, f.seq+1)
			if _, answered := results[f.id]; !answered {
				if err := d.disk.remove(folder, f.name); err != nil {
					return err
				}
				continue
			}
			if folder == heldDir {
				d.held = append(d.held, f.key)
				continue
			}
			d.posts = append(d.posts, &post{key: f.key, size: f.size})
			d.bytes.kept += f.size
		}
	}
	return nil
}

// result reads what the site was told.
func (d *Desk) result(id string) (Result, error) {
	var r Result
	text, err := d.disk.read(resultsDir, id+".json", maxResultBytes)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil || r.Case != id {
		return r, fault.New(fault.StoreCorrupt, "the result of case "+id+" cannot be understood", "restore the folder from a backup")
	}
	return r, nil
}

func (d *Desk) putResult(r Result) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fault.Wrap(err, fault.InputNotFinite, "the result of case "+r.Case+" cannot be written", "the model gives no numbers for it; have it read by a person")
	}
	return d.disk.put(resultsDir, r.Case+".json", append(text, '\n'))
}

func (d *Desk) putAsk(e *entry, a *ask) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a question to the hub cannot be written", "this is a defect; please report it")
	}
	return d.disk.put(askedDir, e.String()+".json", text)
}
