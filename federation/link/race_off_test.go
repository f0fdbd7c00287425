//go:build !race

package link

// raced says that the race detector is in this program, and its memory too.
const raced = false
