package deid

import (
	"fmt"
	"strings"

	"consilium/fault"
)

// Profile is the basic profile with the options that are chosen (PS3.15 E.3).
type Profile struct {
	CleanPixelData         bool // blank the areas given, refuse where text is likely and none is
	CleanGraphics          bool
	CleanStructuredContent bool
	CleanDescriptors       bool
	FullDates              bool
	ModifiedDates          bool
	PatientCharacteristics bool
	DeviceIdentity         bool
	Institution            bool
	UIDs                   bool
	SafePrivate            bool
}

// option describes one option: its name on the command line and its code in CID 7050.
type option struct {
	name, code, meaning string
	column              string // of table.tsv
	on                  func(p *Profile) *bool
}

var options = []option{
	{"clean-pixel-data", "113101", "Clean Pixel Data Option", "", func(p *Profile) *bool { return &p.CleanPixelData }},
	{"clean-graphics", "113103", "Clean Graphics Option", "graphics", func(p *Profile) *bool { return &p.CleanGraphics }},
	{"clean-structured-content", "113104", "Clean Structured Content Option", "structured", func(p *Profile) *bool { return &p.CleanStructuredContent }},
	{"clean-descriptors", "113105", "Clean Descriptors Option", "descriptors", func(p *Profile) *bool { return &p.CleanDescriptors }},
	{"retain-full-dates", "113106", "Retain Longitudinal Temporal Information Full Dates Option", "full", func(p *Profile) *bool { return &p.FullDates }},
	{"retain-modified-dates", "113107", "Retain Longitudinal Temporal Information Modified Dates Option", "modified", func(p *Profile) *bool { return &p.ModifiedDates }},
	{"retain-patient-characteristics", "113108", "Retain Patient Characteristics Option", "patient", func(p *Profile) *bool { return &p.PatientCharacteristics }},
	{"retain-device-identity", "113109", "Retain Device Identity Option", "device", func(p *Profile) *bool { return &p.DeviceIdentity }},
	{"retain-institution-identity", "113112", "Retain Institution Identity Option", "institution", func(p *Profile) *bool { return &p.Institution }},
	{"retain-uids", "113110", "Retain UIDs Option", "uids", func(p *Profile) *bool { return &p.UIDs }},
	{"retain-safe-private", "113111", "Retain Safe Private Option", "private", func(p *Profile) *bool { return &p.SafePrivate }},
}

// visualFeatures is the option that this program does not have.
const visualFeatures = "clean-recognizable-visual-features"

// OptionNames lists the options as ParseProfile reads them.
func OptionNames() []string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.name
	}
	return names
}

// ParseProfile reads "basic", or a list of options such as
// "retain-modified-dates,clean-descriptors", which basic is always part of.
// Errors: USAGE for an unknown option, DEID_REFUSED for the one that is not supported.
func ParseProfile(s string) (Profile, error) {
	var p Profile
next:
	for name := range strings.SplitSeq(s, ",") {
		name = strings.TrimSpace(name)
		switch name {
		case "", "basic":
			continue
		case visualFeatures:
			return p, refused("faces and other recognizable features cannot be taken out of pixels here", "de-face the volume with a tool made for it, and leave the option out")
		}
		for _, o := range options {
			if o.name == name {
				*o.on(&p) = true
				continue next
			}
		}
		return p, fault.New(fault.Usage, fmt.Sprintf("there is no option %q", name), "choose from basic, "+strings.Join(OptionNames(), ", "))
	}
	return p, p.check()
}

func (p Profile) check() error {
	if p.FullDates && p.ModifiedDates {
		return fault.New(fault.Usage, "full dates and modified dates at once", "choose one of them")
	}
	return nil
}

// String lists the profile as ParseProfile reads it.
func (p Profile) String() string {
	names := []string{"basic"}
	for _, o := range options {
		if *o.on(&p) {
			names = append(names, o.name)
		}
	}
	return strings.Join(names, ",")
}

// codes are the values of CID 7050 for the profile; blanked pixels count as
// cleaned whether the option was asked for or areas were given.
func (p Profile) codes(blanked bool) [][2]string {
	p.CleanPixelData = p.CleanPixelData || blanked
	list := [][2]string{{"113100", "Basic Application Confidentiality Profile"}}
	for _, o := range options {
		if *o.on(&p) {
			list = append(list, [2]string{o.code, o.meaning})
		}
	}
	return list
}
