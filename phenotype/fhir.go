package phenotype

import "consilium/fault"

func readFHIR(raw []byte, name string, visit Visit) error {
	return fault.New(fault.InputUnsupported, name, formats)
}
