package fault

// Code names one kind of failure. Codes are stable: scripts may match on them.
type Code string

// The catalogue. docs/errors.md is generated from Catalogue().
const (
	Internal    Code = "INTERNAL"
	Usage       Code = "USAGE"
	Interrupted Code = "INTERRUPTED"
	Timeout     Code = "TIMEOUT"
	IO          Code = "IO"

	InputMissing     Code = "INPUT_MISSING"
	InputEmpty       Code = "INPUT_EMPTY"
	InputUnknown     Code = "INPUT_UNKNOWN"     // no reader knows this kind of file
	InputMalformed   Code = "INPUT_MALFORMED"   // the format is known, the bytes break it
	InputTruncated   Code = "INPUT_TRUNCATED"   // the bytes end too early
	InputTooLarge    Code = "INPUT_TOO_LARGE"   // beyond a documented limit
	InputUnsupported Code = "INPUT_UNSUPPORTED" // legal, but a variant we do not read
	InputNotFinite   Code = "INPUT_NOT_FINITE"  // NaN or infinity
	InputRange       Code = "INPUT_RANGE"       // values outside what the model was trained on
	InputRate        Code = "INPUT_RATE"        // sampling rate or duration that does not fit
	InputLeads       Code = "INPUT_LEADS"       // ECG leads missing
	InputNoModel     Code = "INPUT_NO_MODEL"    // readable, but no model fits it
	InputFlat        Code = "INPUT_FLAT"        // constant image, silent recording, flat lead
	DataMissing      Code = "DATA_MISSING"      // a data set is not where it should be
	DataUnfit        Code = "DATA_UNFIT"        // data cannot support what was asked of them
	ModelMissing     Code = "MODEL_MISSING"     // no such model
	ModelMalformed   Code = "MODEL_MALFORMED"   // bundle or ONNX cannot be read
	ModelSignature   Code = "MODEL_SIGNATURE"   // signature missing, wrong, or by an unknown key
	ModelHash        Code = "MODEL_HASH"        // a file differs from its manifest
	ModelOpset       Code = "MODEL_OPSET"       // ONNX opset or operator not supported
	ModelShape       Code = "MODEL_SHAPE"       // inputs or outputs are not a classifier's
	ModelUnsupported Code = "MODEL_UNSUPPORTED" // the method needs what this model lacks
	EngineMissing    Code = "ENGINE_MISSING"    // ONNX Runtime or another backend is not there
	EngineFailed     Code = "ENGINE_FAILED"     // the backend refused or failed
	CheckpointBad    Code = "CHECKPOINT_BAD"    // checkpoint unreadable or of another run

	StoreFailed     Code = "STORE_FAILED"     // the database or the blobs refused
	StoreFull       Code = "STORE_FULL"       // no room on the disk
	StoreCorrupt    Code = "STORE_CORRUPT"    // what was read is not what was written
	NotFound        Code = "NOT_FOUND"        // no such study, series, instance, account ...
	Conflict        Code = "CONFLICT"         // the state does not allow it: signed already, claimed by another ...
	AccessDenied    Code = "ACCESS_DENIED"    // who asks is known and may not
	AccessUnknown   Code = "ACCESS_UNKNOWN"   // nobody is signed in, or the secret is wrong
	AccessLimited   Code = "ACCESS_LIMITED"   // too many requests
	ConsentWithheld Code = "CONSENT_WITHHELD" // the patient's consent does not cover this purpose
	AuditBroken     Code = "AUDIT_BROKEN"     // the audit log was changed, reordered or cut
	PeerUnreachable Code = "PEER_UNREACHABLE" // PACS, record or queue does not answer
	PeerRefused     Code = "PEER_REFUSED"     // it answers, and says no
	QueueFailed     Code = "QUEUE_FAILED"     // the job queue refused or failed
	DeidRefused     Code = "DEID_REFUSED"     // identity may remain in this object
	ScenarioFailed  Code = "SCENARIO_FAILED"  // an answer is not what a scenario expects

	JoinRefused    Code = "JOIN_REFUSED"    // the join code is wrong, used or too old
	HubMistaken    Code = "HUB_MISTAKEN"    // the hub is not the one that the code names
	CertificateBad Code = "CERTIFICATE_BAD" // a certificate has expired, or is of another authority
	SiteRevoked    Code = "SITE_REVOKED"    // the hub has shut this site out
	VersionUnfit   Code = "VERSION_UNFIT"   // hub and site speak different protocols
	ClockSkew      Code = "CLOCK_SKEW"      // the clocks of hub and site differ too much
	ConsentForged  Code = "CONSENT_FORGED"  // a signature under an answer is wrong
	PolicyRefused  Code = "POLICY_REFUSED"  // the site's own policy says no
	BudgetSpent    Code = "BUDGET_SPENT"    // the privacy budget does not allow it
	UpdateRefused  Code = "UPDATE_REFUSED"  // an update is not one: shape, NaN, foreign
	UpdateStale    Code = "UPDATE_STALE"    // an update for a round that is over, or a repeated one
	QuorumMissed   Code = "QUORUM_MISSED"   // too few sites
	SumBroken      Code = "SUM_BROKEN"      // a secure sum was thrown away
	PeerChanged    Code = "PEER_CHANGED"    // another site's key is not the one that is known here
	PeerUnverified Code = "PEER_UNVERIFIED" // nobody has compared another site's key
)

// Entry describes a code: what it means and the exit status a verb ends with.
type Entry struct {
	Code    Code
	Exit    int
	Meaning string
}

// Exit statuses, documented in `consilium --help`.
const (
	ExitOK          = 0
	ExitInternal    = 1
	ExitUsage       = 2
	ExitInput       = 3
	ExitModel       = 4
	ExitEngine      = 5
	ExitInterrupted = 6
	ExitData        = 7
	ExitNode        = 8
	ExitFederation  = 9
)

// Catalogue lists every code in a fixed order.
func Catalogue() []Entry {
	return []Entry{
		{Internal, ExitInternal, "a defect of ours, or of a library"},
		{IO, ExitInternal, "the file system refused"},
		{Usage, ExitUsage, "the command line is wrong"},
		{InputMissing, ExitInput, "the file does not exist or cannot be opened"},
		{InputEmpty, ExitInput, "the file has no content"},
		{InputUnknown, ExitInput, "no reader knows this kind of file"},
		{InputMalformed, ExitInput, "the format is known but the content breaks it"},
		{InputTruncated, ExitInput, "the content ends too early"},
		{InputTooLarge, ExitInput, "beyond a documented limit"},
		{InputUnsupported, ExitInput, "legal, but a variant that is not read"},
		{InputNotFinite, ExitInput, "NaN or infinite values"},
		{InputRange, ExitInput, "values outside the range the model was trained on"},
		{InputRate, ExitInput, "sampling rate or duration does not fit the model"},
		{InputLeads, ExitInput, "leads that the model needs are missing"},
		{InputFlat, ExitInput, "constant image, silent recording or flat lead"},
		{InputNoModel, ExitInput, "readable, but no installed model fits it"},
		{DataMissing, ExitData, "a data set is not where it should be"},
		{DataUnfit, ExitData, "the data cannot support what was asked: one class only, or too few examples"},
		{ModelMissing, ExitModel, "no such model"},
		{ModelMalformed, ExitModel, "bundle or ONNX file cannot be read"},
		{ModelSignature, ExitModel, "signature missing, wrong, or by a key that is not trusted"},
		{ModelHash, ExitModel, "a file differs from the signed manifest"},
		{ModelOpset, ExitModel, "ONNX opset or operator is not supported"},
		{ModelShape, ExitModel, "inputs or outputs are not those of a classifier"},
		{ModelUnsupported, ExitModel, "the method needs something that this model lacks"},
		{EngineMissing, ExitEngine, "the chosen compute backend is not installed"},
		{EngineFailed, ExitEngine, "the compute backend refused or failed"},
		{CheckpointBad, ExitData, "the checkpoint cannot be read or belongs to another run"},
		{StoreFailed, ExitNode, "the database or the blob store refused"},
		{StoreFull, ExitNode, "no room is left on the disk"},
		{StoreCorrupt, ExitNode, "what was read back is not what was written"},
		{NotFound, ExitInput, "no such study, series, instance, account or entry"},
		{Conflict, ExitInput, "the present state does not allow it: signed already, claimed by another"},
		{AccessDenied, ExitNode, "who asks is known and may not do this"},
		{AccessUnknown, ExitNode, "nobody is signed in, or the secret is wrong"},
		{AccessLimited, ExitNode, "too many requests in a short time"},
		{ConsentWithheld, ExitNode, "the patient's consent does not cover this purpose"},
		{AuditBroken, ExitNode, "the audit log was changed, reordered or cut"},
		{PeerUnreachable, ExitNode, "PACS, record system or queue does not answer"},
		{PeerRefused, ExitNode, "PACS or record system answers, and says no"},
		{QueueFailed, ExitNode, "the job queue refused or failed"},
		{DeidRefused, ExitInput, "identity may remain in this object"},
		{ScenarioFailed, ExitData, "an answer is not what a scenario expects of it"},
		{JoinRefused, ExitFederation, "the join code is wrong, was used before, or is too old"},
		{HubMistaken, ExitFederation, "the hub that answers is not the one that the join code names"},
		{CertificateBad, ExitFederation, "a certificate has expired, is not yet valid, or is of another authority"},
		{SiteRevoked, ExitFederation, "the hub has shut this site out"},
		{VersionUnfit, ExitFederation, "hub and site speak different protocols"},
		{ClockSkew, ExitFederation, "the clocks of hub and site differ too much"},
		{ConsentForged, ExitFederation, "the signature under a site's answer is wrong, or is about another job"},
		{PolicyRefused, ExitFederation, "the site's own policy refuses the job"},
		{BudgetSpent, ExitFederation, "the privacy budget does not allow it"},
		{UpdateRefused, ExitFederation, "an update is of the wrong shape, of another job, or holds NaN"},
		{UpdateStale, ExitFederation, "an update came for a round that is over, or came twice"},
		{QuorumMissed, ExitFederation, "fewer sites than the quorum answered in time"},
		{SumBroken, ExitFederation, "a secure sum was thrown away: too few sites, wrong shares, or a message out of place"},
		{PeerChanged, ExitFederation, "in a secure sum another site has a new key, or two sites have one: nothing was given"},
		{PeerUnverified, ExitFederation, "another site's key was not compared by a person, or does not fit its fingerprint"},
		{Interrupted, ExitInterrupted, "stopped by Ctrl-C; what was done so far is kept"},
		{Timeout, ExitInterrupted, "stopped by a deadline or --time-limit"},
	}
}

// ExitStatus gives the exit status of an error.
func ExitStatus(err error) int {
	if err == nil {
		return ExitOK
	}
	code := CodeOf(err)
	for _, e := range Catalogue() {
		if e.Code == code {
			return e.Exit
		}
	}
	return ExitInternal
}
