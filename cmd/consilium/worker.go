package main

import (
	"github.com/spf13/cobra"

	"consilium/clinic"
	"consilium/fault"
)

func newWorker(a *app) *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use:   "worker",
		Short: "Diagnose studies for a node on another machine",
		Long: "Takes jobs from the queue of a node that runs elsewhere, and writes results into the same database and\n" +
			"object store. It opens no port. As many workers as wanted may run; each study is diagnosed by one of them,\n" +
			"and by another when that one dies. Results go to the receivers on the node's settings page.",
		Example: "  consilium worker --queue nats://queue:4222 --queue-token-file token --store postgres://db/consilium --blobs 's3://studies?endpoint=minio:9000'",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := f.options(a)
			if err != nil {
				return err
			}
			if o.Queue.URL == "" || o.StoreURL == "" || o.Bucket == "" {
				return fault.New(fault.Usage, "a worker needs --queue, --store and --blobs", "they are those of the node that it works for")
			}
			a.progress("taking jobs from %s until Ctrl-C", o.Queue.URL)
			return clinic.Work(c.Context(), o)
		},
	}
	f.backends(c)
	return c
}
