package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/link"
	"consilium/federation/site"
)

// named is a site and its fingerprint.
type named struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	Revoked     bool   `json:"revoked,omitempty"`
}

// acquaintance is what `peers --json` prints.
type acquaintance struct {
	Site       *named      `json:"site,omitempty"`  // this one
	Peers      []site.Peer `json:"peers,omitempty"` // the others, as this site knows them
	Hub        []named     `json:"hub,omitempty"`   // who has joined, at a hub
	Disclaimer string      `json:"disclaimer"`
	atHub      bool
}

func newFederatePeers(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "peers",
		Short: "Show the fingerprints of this site's key and of the other sites' keys",
		Long: "In a secure sum the hub says whose key is whose. A site keeps the key of every other site that it has met in a sum\n" +
			"(peers.json), and gives nothing to a sum that names another key. Whether the first one was true, only the other\n" +
			"hospital can tell: have its fingerprint read out by somebody there whom you know, over the telephone, and type it\n" +
			"into `peers verify`. With \"peers\": \"verified\" in policy.json this site takes part in secure sums only where that\n" +
			"was done for every site.\n\n" +
			"At a hub the verb lists who has joined, so that its keeper can help to find a mistake. Comparing with the HUB'S\n" +
			"list proves nothing: a hub that lies shows the same lie there.",
		Example: "  consilium federate peers\n  consilium federate peers verify ward-north VRSDN-MMAW5-X2C7D-PMV2V-W8830 --by 'Dr. M. Okafor'",
		Args:    noVerb,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.federation()
			if err != nil {
				return err
			}
			known, err := acquaintanceOf(dir)
			if err != nil {
				return err
			}
			return a.show(known, func(w io.Writer) { known.print(w) })
		},
	}
	c.AddCommand(newFederatePeersVerify(a), newFederatePeersForget(a))
	return c
}

// acquaintanceOf reads the folder of a site or a hub.
func acquaintanceOf(dir string) (acquaintance, error) {
	out := acquaintance{Disclaimer: clinical.Disclaimer}
	var members []federation.Member
	err := folder.ReadJSON(filepath.Join(dir, membersFile), 16<<20, &members)
	if err != nil && fault.CodeOf(err) != fault.NotFound { // a site keeps no such file
		return out, err
	}
	out.atHub = err == nil
	for _, m := range members {
		out.Hub = append(out.Hub, named{m.Name, federation.Fingerprint(m.Name, m.Key), m.Revoked})
	}
	name, err := link.SiteName(dir)
	if out.atHub && fault.CodeOf(err) == fault.NotFound {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	key, err := link.Identity(dir)
	if err != nil {
		return out, err
	}
	out.Site = &named{Name: name, Fingerprint: federation.Fingerprint(name, key.Public().(ed25519.PublicKey))}
	out.Peers, err = site.Peers(dir)
	return out, err
}

func (k acquaintance) print(w io.Writer) {
	if k.Site != nil {
		fmt.Fprintf(w, "this site is %s\nfingerprint  %s\n\n", k.Site.Name, k.Site.Fingerprint)
		printPeers(w, k.Peers)
	}
	if !k.atHub {
		return
	}
	fmt.Fprintln(w, "who has joined this hub; it proves nothing to a site, which compares with the other hospital")
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SITE\tFINGERPRINT")
	for _, m := range k.Hub {
		shut := ""
		if m.Revoked {
			shut = "\tshut out"
		}
		fmt.Fprintf(t, "%s\t%s%s\n", printable(m.Name), m.Fingerprint, shut)
	}
	_ = t.Flush()
}

func printPeers(w io.Writer, peers []site.Peer) {
	if len(peers) == 0 {
		fmt.Fprintln(w, "no other site is known yet")
		return
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SITE\tFINGERPRINT\tFIRST SEEN\tIN JOB\tVERIFIED")
	for _, p := range peers {
		seen, job, verified := "not yet", "–", "no"
		if p.Key != "" {
			seen, job = p.Seen.UTC().Format(time.RFC3339), printable(p.Job)
		}
		if p.VerifiedBy != "" {
			verified = p.VerifiedAt.UTC().Format(time.RFC3339) + " by " + printable(p.VerifiedBy)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Fingerprint, seen, job, verified)
	}
	_ = t.Flush()
}

func newFederatePeersVerify(a *app) *cobra.Command {
	return a.peerVerb(&cobra.Command{
		Use:   "verify NAME FINGERPRINT",
		Short: "Say that a person has compared another site's fingerprint",
		Long: "FINGERPRINT is what somebody whom you know at the other hospital reads out from `consilium federate peers` there,\n" +
			"and not what is listed here: that came from the hub. Case, spaces and hyphens do not matter. It is refused when it\n" +
			"is not that of the key known here. A site that no sum has named yet can be verified too: then no other key will do.\n" +
			"The running site takes notice at its next secure sum, and writes it into the audit log.",
		Example: "  consilium federate peers verify ward-north VRSDN-MMAW5-X2C7D-PMV2V-W8830 --by 'Dr. M. Okafor'",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 { // the groups of the fingerprint may be words of their own
				return exactly("NAME", "FINGERPRINT")(c, args)
			}
			return nil
		},
	}, func(ctx context.Context, dir, by string, args []string) (site.Peer, string, error) {
		p, err := site.VerifyPeer(ctx, dir, args[0], strings.Join(args[1:], ""), by, time.Now())
		return p, fmt.Sprintf("%s is verified by %s", p.Name, printable(p.VerifiedBy)), err
	})
}

func newFederatePeersForget(a *app) *cobra.Command {
	return a.peerVerb(&cobra.Command{
		Use:   "forget NAME",
		Short: "Let go of another site's key, after that site was set up again",
		Long: "A site that was set up again has a new key, and sums with it are refused here (PEER_CHANGED) until the old key is\n" +
			"forgotten. Ask that hospital first whether it was: a hub that lies looks just the same. Afterwards the next secure\n" +
			"sum takes whatever key the hub names, unless its new fingerprint is verified before. It is in the audit log.",
		Example: "  consilium federate peers forget ward-north --by 'Dr. M. Okafor'",
		Args:    exactly("NAME"),
	}, func(ctx context.Context, dir, by string, args []string) (site.Peer, string, error) {
		p, err := site.ForgetPeer(ctx, dir, args[0], by, time.Now())
		return p, fmt.Sprintf("%s is forgotten: the key that the hub names next is taken, unless you verify its fingerprint before", p.Name), err
	})
}

// peerVerb makes a verb with which a person decides about another site.
func (a *app) peerVerb(c *cobra.Command, decide func(ctx context.Context, dir, by string, args []string) (site.Peer, string, error)) *cobra.Command {
	var by string
	c.Flags().StringVar(&by, "by", "", "who decides (default: the user who is logged in)")
	c.RunE = func(c *cobra.Command, args []string) error {
		dir, err := a.federation()
		if err != nil {
			return err
		}
		self, err := link.SiteName(dir)
		if err != nil {
			return err
		}
		if args[0] == self {
			return fault.New(fault.Usage, self+" is this site itself", "name another one")
		}
		if u, err := user.Current(); err == nil && by == "" {
			by = u.Username
		}
		p, said, err := decide(c.Context(), dir, by, args)
		if err != nil {
			return err
		}
		return a.show(decidedPeer{p, clinical.Disclaimer}, func(w io.Writer) { fmt.Fprintln(w, said) })
	}
	return c
}

// decidedPeer is what `peers verify --json` and `peers forget --json` print.
type decidedPeer struct {
	site.Peer
	Disclaimer string `json:"disclaimer"`
}
