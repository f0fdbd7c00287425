// Package whole holds tests of a hub and its sites put together over the real link: mutual TLS on the loopback
// interface, mail on disk, jobs in folders. What each part promises for itself is tested beside it; here stands
// what only the whole can keep, such as that no site's update is ever to be read at the hub.
package whole
