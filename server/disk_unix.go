//go:build unix

package server

import "syscall"

// diskOf gives the room on the disk of a folder, zero when it cannot be told.
func diskOf(dir string) Disk {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return Disk{}
	}
	return Disk{Free: st.Bavail * uint64(st.Bsize), Total: st.Blocks * uint64(st.Bsize)}
}
