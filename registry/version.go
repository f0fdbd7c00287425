package registry

import (
	"cmp"
	"strconv"
	"strings"
)

// CompareVersions orders versions as Semantic Versioning 2.0.0, section 11,
// does: numbers by value, a pre-release ("1.2.0-rc1") before its release.
// It gives -1, 0 or 1. Parts left out count as 0.
func CompareVersions(a, b string) int {
	coreA, preA, _ := strings.Cut(a, "-")
	coreB, preB, _ := strings.Cut(b, "-")
	if order := compareParts(coreA, coreB, "0"); order != 0 {
		return order
	}
	if preA == "" || preB == "" {
		return cmp.Compare(len(preB), len(preA)) // whichever is released comes last
	}
	return compareParts(preA, preB, "")
}

// compareParts compares dotted parts; missing ones are taken as fill.
func compareParts(a, b, fill string) int {
	partsA, partsB := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(partsA), len(partsB)) {
		x, y := fill, fill
		if i < len(partsA) {
			x = partsA[i]
		}
		if i < len(partsB) {
			y = partsB[i]
		}
		if order := comparePart(x, y); order != 0 {
			return order
		}
	}
	return 0
}

// comparePart puts numbers before words.
func comparePart(x, y string) int {
	numberX, errX := strconv.ParseUint(x, 10, 64)
	numberY, errY := strconv.ParseUint(y, 10, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(numberX, numberY)
	case errX == nil && y != "":
		return -1
	case errY == nil && x != "":
		return 1
	}
	return strings.Compare(x, y)
}
