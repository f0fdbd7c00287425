package link

import (
	"path/filepath"

	"consilium/fault"
	"consilium/federation"
)

// SiteName reads a site's name at its hub, of the folder that Join made. Errors: NOT_FOUND, STORE_CORRUPT.
func SiteName(dir string) (string, error) {
	var f siteFile
	if err := readJSON(filepath.Join(dir, "site.json"), &f); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return "", noJoin(err, dir)
		}
		return "", err
	}
	if !federation.Word(f.Site) {
		return "", fault.New(fault.StoreCorrupt, "site.json in "+dir+" is damaged", "join again with a new code")
	}
	return f.Site, nil
}
