//go:build !unix

package link

// freeBytes gives the room on the disk of a folder, where the system tells it.
func freeBytes(string) (free uint64, ok bool) { return 0, false }
