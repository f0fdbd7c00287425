package folder

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// NotInBackup says whether a file or folder, by its path below a federation's folder, is of no use in a backup: mail
// under way, which a running hub's store does not let itself be copied file by file; invitations and locks; what is
// half written.
func NotInBackup(name string) bool {
	parts, base := strings.Split(name, "/"), path.Base(name)
	switch {
	case slices.Contains([]string{"store", "invites", "members.json"}, parts[0]):
		return true
	case len(parts) > 1 && parts[0] == "edge" && parts[1] == "tmp":
		return true
	case base == "lock" || strings.HasSuffix(base, ".lock"):
		return true
	}
	return strings.HasSuffix(base, ".new") || strings.HasPrefix(base, ".new-") || strings.HasPrefix(base, ".part-")
}

// RestoredFile is the mark of a folder that was put back from a backup.
const RestoredFile = "restored.json"

// Restored is that mark. A folder that was put back has forgotten what happened since: what patients gave to whom, and
// which numbers were used. Who works in it goes by the mark, for good.
type Restored struct {
	At   time.Time `json:"at"`   // when it was put back
	Made time.Time `json:"made"` // as of when it is
}

// MarkRestored leaves the mark. Errors: IO, STORE_FULL.
func MarkRestored(dir string, r Restored) error {
	return WriteJSON(filepath.Join(dir, RestoredFile), r)
}

// WasRestored reads the mark; zero when the folder was never put back. Errors: STORE_CORRUPT, IO.
func WasRestored(dir string) (Restored, error) {
	var r Restored
	path := filepath.Join(dir, RestoredFile)
	err := ReadJSON(path, 1<<12, &r)
	if fault.CodeOf(err) == fault.NotFound {
		return Restored{}, nil
	}
	if err == nil && r.At.IsZero() {
		err = fault.New(fault.StoreCorrupt, path+" does not say when the folder was put back", "restore the folder once more")
	}
	return r, err
}

// skew is how far the clocks of hub and site may differ.
const skew = 5 * time.Minute

// Knows says whether the folder knows all that happened in a job: it was made after the folder was put back. A job
// that says it was made in the future knows more than it can, and may be an old one.
func (r Restored) Knows(j federation.Job, now time.Time) bool {
	return r.At.IsZero() || (j.Created.After(r.At) && !j.Created.After(now.Add(skew)))
}
