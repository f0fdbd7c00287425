//go:build unix

package link

import "syscall"

// freeBytes gives the room on the disk of a folder, where the system tells it.
func freeBytes(dir string) (free uint64, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}
