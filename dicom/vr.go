package dicom

// vr is a value representation, its two letters as one number (PS3.5 6.2).
type vr uint16

// The value representations.
const (
	vrAE = vr('A')<<8 | 'E'
	vrAS = vr('A')<<8 | 'S'
	vrAT = vr('A')<<8 | 'T'
	vrCS = vr('C')<<8 | 'S'
	vrDA = vr('D')<<8 | 'A'
	vrDS = vr('D')<<8 | 'S'
	vrDT = vr('D')<<8 | 'T'
	vrFD = vr('F')<<8 | 'D'
	vrFL = vr('F')<<8 | 'L'
	vrIS = vr('I')<<8 | 'S'
	vrLO = vr('L')<<8 | 'O'
	vrLT = vr('L')<<8 | 'T'
	vrOB = vr('O')<<8 | 'B'
	vrOD = vr('O')<<8 | 'D'
	vrOF = vr('O')<<8 | 'F'
	vrOL = vr('O')<<8 | 'L'
	vrOV = vr('O')<<8 | 'V'
	vrOW = vr('O')<<8 | 'W'
	vrPN = vr('P')<<8 | 'N'
	vrSH = vr('S')<<8 | 'H'
	vrSL = vr('S')<<8 | 'L'
	vrSQ = vr('S')<<8 | 'Q'
	vrSS = vr('S')<<8 | 'S'
	vrST = vr('S')<<8 | 'T'
	vrSV = vr('S')<<8 | 'V'
	vrTM = vr('T')<<8 | 'M'
	vrUC = vr('U')<<8 | 'C'
	vrUI = vr('U')<<8 | 'I'
	vrUL = vr('U')<<8 | 'L'
	vrUN = vr('U')<<8 | 'N'
	vrUR = vr('U')<<8 | 'R'
	vrUS = vr('U')<<8 | 'S'
	vrUT = vr('U')<<8 | 'T'
	vrUV = vr('U')<<8 | 'V'
)

// form is how the values of a VR are held.
type form uint8

const (
	formText   form = iota + 1 // characters
	formNumber                 // binary numbers of a fixed width
	formBytes                  // a stream of words of a fixed width
	formTags
	formItems
)

// trait describes a VR.
type trait struct {
	form    form
	width   int  // bytes of a number, or of a word that byte order swaps
	long    bool // 32-bit length in explicit encodings (PS3.5 7.1.2)
	single  bool // text of one value: a backslash is a character
	encoded bool // text to which SpecificCharacterSet applies
	pad     byte
}

var traits = map[vr]trait{
	vrAE: {form: formText, pad: ' '},
	vrAS: {form: formText, pad: ' '},
	vrCS: {form: formText, pad: ' '},
	vrDA: {form: formText, pad: ' '},
	vrDS: {form: formText, pad: ' '},
	vrDT: {form: formText, pad: ' '},
	vrIS: {form: formText, pad: ' '},
	vrTM: {form: formText, pad: ' '},
	vrUI: {form: formText},
	vrUR: {form: formText, pad: ' ', long: true, single: true},
	vrLO: {form: formText, pad: ' ', encoded: true},
	vrPN: {form: formText, pad: ' ', encoded: true},
	vrSH: {form: formText, pad: ' ', encoded: true},
	vrUC: {form: formText, pad: ' ', encoded: true, long: true},
	vrLT: {form: formText, pad: ' ', encoded: true, single: true},
	vrST: {form: formText, pad: ' ', encoded: true, single: true},
	vrUT: {form: formText, pad: ' ', encoded: true, single: true, long: true},
	vrUS: {form: formNumber, width: 2},
	vrSS: {form: formNumber, width: 2},
	vrUL: {form: formNumber, width: 4},
	vrSL: {form: formNumber, width: 4},
	vrFL: {form: formNumber, width: 4},
	vrFD: {form: formNumber, width: 8},
	vrUV: {form: formNumber, width: 8, long: true},
	vrSV: {form: formNumber, width: 8, long: true},
	vrAT: {form: formTags, width: 2},
	vrOB: {form: formBytes, width: 1, long: true},
	vrUN: {form: formBytes, width: 1, long: true},
	vrOW: {form: formBytes, width: 2, long: true},
	vrOL: {form: formBytes, width: 4, long: true},
	vrOF: {form: formBytes, width: 4, long: true},
	vrOD: {form: formBytes, width: 8, long: true},
	vrOV: {form: formBytes, width: 8, long: true},
	vrSQ: {form: formItems, long: true},
}

func (v vr) String() string { return string([]byte{byte(v >> 8), byte(v)}) }

// trait of an unknown VR is that of UN, as PS3.5 6.2 asks.
func (v vr) trait() trait {
	if t, known := traits[v]; known {
		return t
	}
	return traits[vrUN]
}

func (v vr) known() bool { _, ok := traits[v]; return ok }

// letters says whether the two bytes can be a VR at all.
func (v vr) letters() bool {
	a, b := byte(v>>8), byte(v)
	return a >= 'A' && a <= 'Z' && b >= 'A' && b <= 'Z'
}

// toVR reads "PN".
func toVR(s string) vr {
	if len(s) != 2 {
		return vrUN
	}
	return vr(s[0])<<8 | vr(s[1])
}

// swap turns the words of a value over, in place.
func swap(value []byte, width int) {
	for ; len(value) >= width; value = value[width:] {
		for i, j := 0, width-1; i < j; i, j = i+1, j-1 {
			value[i], value[j] = value[j], value[i]
		}
	}
}
