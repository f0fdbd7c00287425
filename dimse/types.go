package dimse

// SubOperations counts what a C-MOVE or C-GET has done so far.
type SubOperations struct{ Remaining, Completed, Failed, Warning int }

// Reference names a stored object.
type Reference struct{ Class, SOP string }

// Reason is why an object is not committed (PS3.3 table C.14-1).
type Reason uint16

// The reasons; Committed is none.
const (
	Committed              Reason = 0
	CommitProcessing       Reason = 0x0110 // processing failure
	CommitNoSuchObject     Reason = 0x0112
	CommitClassConflict    Reason = 0x0119 // the object is of another class
	CommitResources        Reason = 0x0213
	CommitClassUnsupported Reason = 0x0122
	CommitDuplicate        Reason = 0x0131 // this transaction is under way already
)

// Commitment is the outcome of a storage commitment request (PS3.4 annex J).
type Commitment struct {
	Transaction string // UID
	Committed   []Reference
	Failed      map[Reference]Reason
}
