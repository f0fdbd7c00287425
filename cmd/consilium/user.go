package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"consilium/access"
	"consilium/clinical"
	"consilium/server"
	"consilium/store"
)

// userPlace says where accounts are kept, and where the node is reached.
type userPlace struct{ url, base string }

func newUser(a *app) *cobra.Command {
	p := &userPlace{}
	c := &cobra.Command{
		Use:   "user",
		Short: "Manage the accounts of a node, also while it runs",
		Long: "Makes, lists, disables and enables accounts in the data directory of a node. A password is never typed\n" +
			"here: whoever gets the one-time link sets it in the browser, once, within a day. Every change goes into\n" +
			"the audit log under \"command line\" and the name of the system's user.",
		Example: "  consilium user add anna --role reader\n  consilium user list",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := c.PersistentFlags()
	f.StringVar(&p.url, "store", "", "the node's PostgreSQL, when it has one: postgres://user@host/database")
	f.StringVar(&p.base, "base", "http://"+server.DefaultAddress, "address at which the node's page is reached, for the links")
	c.AddCommand(newUserAdd(a, p), newUserList(a, p), newUserLink(a, p),
		newUserSwitch(a, p, "disable", "Lock an account out at once: sessions and tokens end", true),
		newUserSwitch(a, p, "enable", "Let a disabled account in again", false))
	return c
}

// accounts opens the accounts for one call of f.
func (a *app) accounts(ctx context.Context, p *userPlace, f func(s *access.Service, by access.Identity) error) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	_, missing := os.Stat(filepath.Join(home, store.IndexFile))
	shared := p.url != "" || missing == nil // before the node's first start its store is made here
	st, err := store.Open(ctx, store.Options{DataDir: home, URL: p.url, Shared: shared})
	if err != nil {
		return err
	}
	defer st.Close()
	s, err := access.New(access.Config{Store: st}) // events wait in the store; the node moves them into its log
	if err != nil {
		return err
	}
	by := access.Identity{Name: "command line", Role: access.Admin}
	if u, err := user.Current(); err == nil {
		by.Name += " (" + u.Username + ")"
	}
	return f(s, by)
}

func newUserAdd(a *app, p *userPlace) *cobra.Command {
	var role, fullName string
	c := &cobra.Command{
		Use:     "add NAME",
		Short:   "Make an account and print its one-time link",
		Example: "  consilium user add anna.schmidt --role reader --full-name \"Dr. Anna Schmidt\" --data-dir /srv/consilium",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := access.ParseRole(role)
			if err != nil {
				return err
			}
			return a.accounts(c.Context(), p, func(s *access.Service, by access.Identity) error {
				account, secret, err := s.AddAccount(c.Context(), by, access.NewAccount{Name: args[0], FullName: fullName, Role: r})
				if err != nil {
					return err
				}
				return a.showLink(p, account, secret)
			})
		},
	}
	c.Flags().StringVar(&role, "role", string(access.Viewer), "viewer, reader, researcher or admin")
	c.Flags().StringVar(&fullName, "full-name", "", "as it shall stand in signed reports")
	return c
}

func newUserLink(a *app, p *userPlace) *cobra.Command {
	return &cobra.Command{
		Use:     "link NAME",
		Short:   "Print a one-time link that sets a new password; the old one holds until then",
		Example: "  consilium user link anna.schmidt --data-dir /srv/consilium",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.accounts(c.Context(), p, func(s *access.Service, by access.Identity) error {
				account, err := s.AccountNamed(c.Context(), args[0])
				if err != nil {
					return err
				}
				secret, err := s.NewLink(c.Context(), by, account.ID)
				if err != nil {
					return err
				}
				return a.showLink(p, account, secret)
			})
		},
	}
}

func (a *app) showLink(p *userPlace, account store.Account, secret string) error {
	link := server.SetupAddress(strings.TrimRight(p.base, "/"), secret)
	v := map[string]string{"name": account.Name, "role": account.Role, "link": link, "disclaimer": clinical.Disclaimer}
	return a.show(v, func(w io.Writer) {
		fmt.Fprintf(w, "%s (%s) sets the password here, once, within a day:\n  %s\n", account.Name, account.Role, link)
	})
}

func newUserSwitch(a *app, p *userPlace, verb, short string, disabled bool) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Example: "  consilium user " + verb + " anna.schmidt --data-dir /srv/consilium",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.accounts(c.Context(), p, func(s *access.Service, by access.Identity) error {
				account, err := s.AccountNamed(c.Context(), args[0])
				if err != nil {
					return err
				}
				if account, err = s.ChangeAccount(c.Context(), by, account.ID, access.Change{Disabled: &disabled}); err != nil {
					return err
				}
				return a.shown(verb+"d", account.Name)
			})
		},
	}
}

// userLine is one row of `user list`.
type userLine struct {
	Name     string    `json:"name"`
	FullName string    `json:"fullName"`
	Role     string    `json:"role"`
	State    string    `json:"state"` // "active", "disabled", "waiting" for its link to be used, "outside": signs in at the identity provider
	LastSeen time.Time `json:"lastSeen,omitzero"`
}

func newUserList(a *app, p *userPlace) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the accounts",
		Example: "  consilium user list --data-dir /srv/consilium",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.accounts(c.Context(), p, func(s *access.Service, _ access.Identity) error {
				accounts, err := s.Accounts(c.Context())
				if err != nil {
					return err
				}
				lines := []userLine{}
				for _, account := range accounts {
					lines = append(lines, userLine{account.Name, account.FullName, account.Role, stateOf(account), account.LastSeen})
				}
				v := map[string]any{"items": lines, "disclaimer": clinical.Disclaimer}
				return a.show(v, func(w io.Writer) { listUsers(w, lines) })
			})
		},
	}
}

func stateOf(account store.Account) string {
	switch {
	case account.Disabled:
		return "disabled"
	case account.Issuer != "":
		return "outside"
	case account.Password == "":
		return "waiting"
	}
	return "active"
}

func listUsers(w io.Writer, lines []userLine) {
	if len(lines) == 0 {
		fmt.Fprintln(w, "There is no account yet. `consilium serve` prints a link for the first administrator.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tROLE\tSTATE\tLAST SIGN-IN\tFULL NAME")
	for _, l := range lines {
		seen := "never"
		if !l.LastSeen.IsZero() {
			seen = l.LastSeen.Format("2006-01-02 15:04")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.Name, l.Role, l.State, seen, printable(l.FullName))
	}
	t.Flush()
}
