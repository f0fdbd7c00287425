package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/fhir"
	"consilium/govern"
	"consilium/store"
)

func newFHIR(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "fhir",
		Short:   "Bring FHIR bundles into the record of a node",
		Example: "  consilium fhir import --data-dir /srv/consilium patient.json",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newFHIRImport(a))
	return c
}

func newFHIRImport(a *app) *cobra.Command {
	var to, tokenFile, storeURL string
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Import transaction bundles (FHIR R4, JSON, or zip files of them)",
		Long: "Each bundle is a transaction: all of its resources are kept or none. Resources are kept as they are, number\n" +
			"for number, also those that the node has no use for. Without --to the node of the data directory must not run.",
		Example: "  consilium fhir import synthea.zip --data-dir /srv/consilium\n  consilium fhir import patient.json --to https://node.example.org/fhir --token-file token",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			put, closeAll, err := a.record(c.Context(), to, tokenFile, storeURL)
			if err != nil {
				return err
			}
			counts, bundles := map[string]int{}, 0
			err = eachBundle(args, func(name string, raw []byte) error {
				written, err := put(c.Context(), name, raw)
				if err != nil {
					e := fault.Of(err)
					return fault.Wrap(e.Err, e.Code, name+": "+e.What, e.Do)
				}
				bundles++
				for kind, n := range written {
					counts[kind] += n
				}
				a.progress("%s: %d resources", name, total(written))
				return nil
			})
			if err = errors.Join(err, closeAll()); err != nil {
				return err
			}
			v := map[string]any{"bundles": bundles, "resources": total(counts), "byType": counts, "disclaimer": clinical.Disclaimer}
			return a.show(v, func(w io.Writer) {
				for _, kind := range slices.Sorted(maps.Keys(counts)) {
					fmt.Fprintf(w, "%8d  %s\n", counts[kind], kind)
				}
				fmt.Fprintf(w, "%8d  resources of %d bundles\n", total(counts), bundles)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "FHIR address of a running node or another server: https://host/fhir")
	f.StringVar(&tokenFile, "token-file", "", "file with the token for --to")
	f.StringVar(&storeURL, "store", "", "the node's PostgreSQL, when it has one: postgres://user@host/database")
	return c
}

func total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// record opens where bundles go: a server, or the store and audit log of a
// node that does not run.
func (a *app) record(ctx context.Context, to, tokenFile, storeURL string) (put func(context.Context, string, []byte) (map[string]int, error), closeAll func() error, err error) {
	if to != "" {
		token, err := secretFile(tokenFile)
		if err != nil {
			return nil, nil, err
		}
		client := &fhir.Client{Base: to, Token: token}
		return func(ctx context.Context, _ string, raw []byte) (map[string]int, error) {
			return client.Import(ctx, raw)
		}, func() error { return nil }, nil
	}
	home, err := a.home()
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(ctx, store.Options{DataDir: home, URL: storeURL})
	if err != nil {
		return nil, nil, err
	}
	log, err := govern.OpenLog(ctx, govern.Options{DataDir: home, Memory: s})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	config := fhir.Config{Store: s, Consents: &govern.Consents{Store: s}, Audit: log, Version: version}
	put = func(ctx context.Context, name string, raw []byte) (map[string]int, error) {
		_, written, err := fhir.Import(ctx, config, "command line", raw)
		if err != nil {
			return nil, err
		}
		_, err = log.Append(ctx, govern.Event{Actor: "command line", Action: "record.imported", Object: name, Detail: map[string]string{"resources": fmt.Sprint(total(written))}})
		return written, err
	}
	return put, func() error { return errors.Join(log.Close(context.WithoutCancel(ctx)), s.Close()) }, nil
}

// eachBundle reads files, and the JSON files inside of zip files.
func eachBundle(paths []string, f func(name string, raw []byte) error) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return fault.Wrap(err, fault.InputMissing, fmt.Sprintf("%q is no file that can be read", path), "check the path")
		}
		if strings.HasSuffix(strings.ToLower(path), ".zip") {
			if err := zipBundles(path, f); err != nil {
				return err
			}
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			return fault.Wrap(err, fault.InputMissing, fmt.Sprintf("%q cannot be opened", path), "check its permissions")
		}
		raw, err := limited(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return fault.Wrap(err, fault.IO, fmt.Sprintf("%q cannot be read", path), "check the disk")
		}
		if err := f(info.Name(), raw); err != nil {
			return err
		}
	}
	return nil
}

// limited reads one byte more than a bundle may have, so that what follows refuses it.
func limited(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, fhir.MaxBundle+1)) }

func zipBundles(path string, f func(name string, raw []byte) error) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return fault.Wrap(err, fault.InputMalformed, fmt.Sprintf("%q is no zip file", path), "download it again")
	}
	defer z.Close()
	for _, member := range z.File {
		if member.Mode()&fs.ModeType != 0 || !strings.HasSuffix(strings.ToLower(member.Name), ".json") {
			continue
		}
		r, err := member.Open()
		if err != nil {
			return fault.Wrap(err, fault.InputMalformed, fmt.Sprintf("%q in %q cannot be read", member.Name, path), "download it again")
		}
		raw, err := limited(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return fault.Wrap(err, fault.InputMalformed, fmt.Sprintf("%q in %q cannot be read", member.Name, path), "download it again")
		}
		if err := f(member.Name, raw); err != nil {
			return err
		}
	}
	return nil
}
