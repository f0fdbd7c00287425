package link

import (
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"consilium/fault"
)

func badKey(err error, what string) error {
	return fault.Wrap(err, fault.Internal, what+" cannot be signed", "please report it")
}

// operatorClaims makes the root of trust of the embedded server.
func (a *authority) operatorClaims() (*jwt.OperatorClaims, string, error) {
	operator, err := a.operator.PublicKey()
	if err != nil {
		return nil, "", badKey(err, "the operator")
	}
	system, err := a.system.PublicKey()
	if err != nil {
		return nil, "", badKey(err, "the operator")
	}
	claims := jwt.NewOperatorClaims(operator)
	claims.Name, claims.SystemAccount = "consilium", system
	text, err := claims.Encode(a.operator)
	if err != nil {
		return nil, "", badKey(err, "the operator")
	}
	claims, err = jwt.DecodeOperatorClaims(text)
	return claims, system, err
}

// accountClaims says what a site's account may use: two bounded streams on disk, nothing shared with other accounts.
func (a *authority) accountClaims(rec *record, streamBytes int64) (*jwt.AccountClaims, string, error) {
	claims := jwt.NewAccountClaims(rec.Account)
	claims.Name = rec.Name
	claims.Limits = jwt.OperatorLimits{
		NatsLimits: jwt.NatsLimits{Subs: 256, Data: jwt.NoLimit, Payload: maxMessage},
		// Two links of a site: the one that hangs and the one that takes its place.
		AccountLimits: jwt.AccountLimits{Imports: 0, Exports: 0, Conn: 8, LeafNodeConn: 2, DisallowBearer: true},
		JetStreamLimits: jwt.JetStreamLimits{MemoryStorage: 0, DiskStorage: 2 * streamBytes, Streams: 2, Consumer: 1,
			DiskMaxStreamBytes: streamBytes, MaxBytesRequired: true},
	}
	now := time.Now()
	for _, user := range rec.Old {
		claims.RevokeAt(user, now)
	}
	if rec.Revoked != nil {
		claims.RevokeAt(rec.User, now)
	}
	text, err := claims.Encode(a.operator)
	if err != nil {
		return nil, "", badKey(err, "the account of "+rec.Name)
	}
	claims, err = jwt.DecodeAccountClaims(text)
	return claims, text, err
}

func (a *authority) systemClaims(public string) (string, error) {
	claims := jwt.NewAccountClaims(public)
	claims.Name = "system"
	text, err := claims.Encode(a.operator)
	if err != nil {
		return "", badKey(err, "the system account")
	}
	return text, nil
}

// siteUser is the user with which a site's leaf node comes. What it may say and hear is all here: it can post mail
// upwards, read and tidy its own two streams, and beat. It cannot make, change or delete a stream.
func siteUser(rec *record) (string, error) {
	claims := jwt.NewUserClaims(rec.User)
	claims.Name = rec.Name
	claims.Pub.Allow.Add(prefixUp+".>", bellUp, subjectPresence, subjectRenew,
		apiAtHub+"DIRECT.GET."+streamDown, apiAtHub+"STREAM.PURGE."+streamDown, apiAtHub+"STREAM.PURGE."+streamUp)
	claims.Sub.Allow.Add("_INBOX.>", bellDown)
	claims.AllowedConnectionTypes.Add(jwt.ConnectionTypeLeafnode, jwt.ConnectionTypeLeafnodeWS)
	return signUser(rec, claims)
}

func signUser(rec *record, claims *jwt.UserClaims) (string, error) {
	pair, err := nkeys.FromSeed([]byte(rec.AccountSeed))
	if err != nil {
		return "", fault.Wrap(err, fault.StoreCorrupt, "the account key of "+rec.Name+" cannot be read", "restore its record from a backup, or invite the site again")
	}
	defer pair.Wipe()
	text, err := claims.Encode(pair)
	if err != nil {
		return "", badKey(err, "the user of "+rec.Name)
	}
	return text, nil
}

// hubUser connects the hub to a site's account, inside the process, with a user that lives as long as the connection.
func hubUser(s *server.Server, rec *record) (*nats.Conn, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, badKey(err, "the hub's user")
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, badKey(err, "the hub's user")
	}
	claims := jwt.NewUserClaims(public)
	claims.Name = "hub"
	claims.AllowedConnectionTypes.Add(jwt.ConnectionTypeInProcess)
	text, err := signUser(rec, claims)
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.Name("hub"), nats.MaxReconnects(-1), nats.ReconnectWait(reconnect),
		nats.ReconnectBufSize(-1), nats.IgnoreAuthErrorAbort(),
		nats.UserJWT(func() (string, error) { return text, nil }, pair.Sign))
	if err != nil {
		return nil, fault.Wrap(err, fault.QueueFailed, "the hub cannot reach the account of "+rec.Name, "see the hub's log")
	}
	return conn, nil
}

// newAccount gives a record an account, once.
func newAccount(rec *record) error {
	if rec.Account != "" {
		return nil
	}
	pair, err := nkeys.CreateAccount()
	if err != nil {
		return badKey(err, "an account")
	}
	text, err := pair.Seed()
	if err != nil {
		return badKey(err, "an account")
	}
	rec.AccountSeed = string(text)
	if rec.Account, err = pair.PublicKey(); err != nil {
		return badKey(err, "an account")
	}
	return nil
}
