package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/fault"
	"consilium/node"
	"consilium/store"
)

// Settings are what an administrator sets on the page. They take effect when
// the node starts; flags of `consilium serve` go before them.
type Settings struct {
	Node  NodeSettings `json:"node"`
	Peers []Peer       `json:"peers" maxItems:"32"`
}

// NodeSettings are the node's own.
type NodeSettings struct {
	Site    string   `json:"site" maxLength:"64" doc:"name of the institution, as it stands in results"`
	AETitle string   `json:"aeTitle" maxLength:"16" doc:"what the node is called in DICOM"`
	Callers []string `json:"callers" maxItems:"256" doc:"AE titles that may send; empty = none"`
	Quiet   float64  `json:"quietSeconds" minimum:"0" maximum:"3600" doc:"how long a study must rest before it is diagnosed"`
}

// Peer is a system that gets results.
type Peer struct {
	Name    string `json:"name" maxLength:"64"`
	Kind    string `json:"kind" enum:"dicom,fhir,hl7"`
	Address string `json:"address" maxLength:"256" doc:"host:port of dicom and hl7, address of fhir"`
	AETitle string `json:"aeTitle,omitempty" maxLength:"16"`
	TLS     bool   `json:"tls,omitempty"`
}

// SettingsPage is Settings with what only the command line sets.
type SettingsPage struct {
	Settings
	Readonly map[string]string `json:"readonly"`
	Changed  bool              `json:"changed" doc:"differs from what the node runs with: start it again"`
}

const settingsName = "node"

// DefaultSettings are those of a node where nobody has set anything.
func DefaultSettings() Settings {
	return Settings{Node: NodeSettings{AETitle: "CONSILIUM", Callers: []string{}, Quiet: node.DefaultQuiet.Seconds()}, Peers: []Peer{}}
}

// LoadSettings reads the settings, the default ones when nothing was set.
func LoadSettings(ctx context.Context, s *store.Store) (Settings, error) {
	out := DefaultSettings()
	text, err := s.Setting(ctx, settingsName)
	if fault.CodeOf(err) == fault.NotFound {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, fault.Wrap(err, fault.StoreCorrupt, "the settings cannot be read", "set them again on the page")
	}
	return out, nil
}

func (s *Server) settingsRoutes(api huma.API) {
	handle(s, api, on("GET", "/api/v1/settings", "settings", "Settings of the node", access.SettingsView), s.showSettings)
	handle(s, api, on("PUT", "/api/v1/settings", "settings", "Change the settings; they hold from the next start", access.SettingsChange), s.changeSettings)
	handle(s, api, on("GET", "/api/v1/status", "settings", "How the node is", access.StatusView), s.status)
}

func (s *Server) showSettings(ctx context.Context, _ *none) (*body[SettingsPage], error) {
	set, err := LoadSettings(ctx, s.Store)
	return &body[SettingsPage]{s.settingsPage(set)}, err
}

func (s *Server) settingsPage(set Settings) SettingsPage {
	readonly := map[string]string{}
	for name, value := range s.Readonly {
		if u, err := url.Parse(value); err == nil && u.User != nil {
			value = u.Redacted() // the password in postgres://user:password@host is nobody's business
		}
		readonly[name] = value
	}
	now, _ := json.Marshal(set)
	running, _ := json.Marshal(s.Running)
	return SettingsPage{Settings: set, Readonly: readonly, Changed: s.Running != nil && string(now) != string(running)}
}

func (s *Server) changeSettings(ctx context.Context, in *body[Settings]) (*body[SettingsPage], error) {
	set := in.Body
	if err := set.check(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the settings cannot be written", "please report it")
	}
	err = s.Access.Act(ctx, access.From(ctx), "settings.changed", "", map[string]string{"peers": fmt.Sprint(len(set.Peers)), "aeTitle": set.Node.AETitle},
		func(tx *store.Tx) error { return tx.SetSetting(ctx, settingsName, text, s.now()) })
	return &body[SettingsPage]{s.settingsPage(set)}, err
}

func (set *Settings) check() error {
	for _, list := range []*[]string{&set.Node.Callers} {
		if *list == nil {
			*list = []string{}
		}
	}
	if set.Peers == nil {
		set.Peers = []Peer{}
	}
	if err := aeTitle(set.Node.AETitle); err != nil {
		return err
	}
	for _, caller := range set.Node.Callers {
		if err := aeTitle(caller); err != nil {
			return err
		}
	}
	names := []string{}
	for _, p := range set.Peers {
		if p.Name == "" || slices.Contains(names, p.Name) {
			return fault.New(fault.Usage, "two peers have the same name, or one has none", "give every peer a name of its own")
		}
		names = append(names, p.Name)
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

// check holds a peer's address to what can be called.
func (p Peer) check() error {
	if p.Kind == node.KindFHIR {
		u, err := url.Parse(p.Address)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
			return fault.New(fault.Usage, "the address of "+p.Name+" is no http address", "give it as https://host/fhir, without name and password")
		}
		return nil
	}
	host, port, err := net.SplitHostPort(p.Address)
	n, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || host == "" || n < 1 || n > 65535 {
		return fault.New(fault.Usage, "the address of "+p.Name+" is not host:port", "give it as pacs.example:104")
	}
	if p.Kind == node.KindDICOM {
		return aeTitle(p.AETitle)
	}
	return nil
}

// aeTitle checks an application entity title (PS3.5 6.2, AE).
func aeTitle(s string) error {
	bad := s == "" || len(s) > 16 || strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' })
	if bad {
		return fault.New(fault.Usage, "an AE title is wrong", "use 1 to 16 letters, digits or signs, without backslash")
	}
	return nil
}

// Status is how the node is.
type Status struct {
	Version string         `json:"version"`
	Started time.Time      `json:"started"`
	Models  int            `json:"models"`
	Queue   int            `json:"queue" doc:"studies that wait for a diagnosis"`
	Studies map[string]int `json:"studies" doc:"by state"`
	Disk    Disk           `json:"disk"`
	Audit   uint64         `json:"audit" doc:"entries in the audit log"`
	Trouble []string       `json:"trouble" doc:"what an administrator should look at, in sentences"`
}

// Disk is the room on the data directory's disk, in bytes.
type Disk struct {
	Free  uint64 `json:"free"`
	Total uint64 `json:"total"`
}

// StatusFunc fills in what the server does not know itself.
type StatusFunc func(ctx context.Context, status *Status) error

func (s *Server) status(ctx context.Context, _ *none) (*body[Status], error) {
	out := Status{Version: s.Version, Started: s.started, Models: len(s.Models), Studies: map[string]int{}, Trouble: []string{}}
	if s.Audit != nil {
		out.Audit = s.Audit.Checkpoint().Size
		if err := s.Audit.Failure(); err != nil {
			out.Trouble = append(out.Trouble, "The audit log takes no entries: "+fault.Of(err).What+".")
		}
	}
	out.Disk = diskOf(s.Store.DataDir())
	if out.Disk.Total > 0 && out.Disk.Free < max(1<<30, out.Disk.Total/20) {
		out.Trouble = append(out.Trouble, "The data directory's disk is nearly full.")
	}
	p, err := s.Node.Worklist(ctx, store.Care, node.Query{Limit: 1})
	if err != nil {
		return nil, err
	}
	for state, n := range p.Counts {
		out.Studies[string(state)] = n
	}
	out.Queue = p.Counts[store.StateQueued] + p.Counts[store.StateDiagnosing]
	if s.Config.Status != nil {
		err = s.Config.Status(ctx, &out)
	}
	return &body[Status]{out}, err
}
