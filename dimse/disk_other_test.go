//go:build !linux

package dimse

import "testing"

func smallDisk(t *testing.T, _ int) string {
	t.Skip("a small file system can only be mounted on Linux")
	return ""
}
