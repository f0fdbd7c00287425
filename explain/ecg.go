package explain

import (
	"fmt"
	"image"
	"image/color"
	"slices"

	"consilium/engine"
	"consilium/fault"
)

// ECG paper: 25 mm/s, 10 mm/mV, drawn at 5 pixels a millimetre.
const (
	pxPerMM      = 5
	mmPerSecond  = 25
	mmPerMV      = 10
	rowMM        = 30
	pulseMM      = 8 // room for the calibration pulse
	columnLeads  = 3
	columns      = 4
	maxECGLeads  = 32
	maxECGRowSec = 10.0
	minECGWidth  = 560
	evidenceRow  = 12 // pixels of one lead in the evidence table
)

// The standard order of twelve leads, column by column.
var twelveLeads = []string{"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"}

// ECGInput is an ECG as the network gets it: leads x samples, in mV.
type ECGInput struct {
	Leads  []string
	Rate   float64 // Hz
	Values []float32
}

// ECG draws the recording on paper with the decisive stretches shaded: twelve
// leads in the standard three rows by four columns with lead II as rhythm strip,
// other sets one lead a row. Below stands the evidence of every lead at every moment,
// since the standard layout shows each lead for a quarter of the time only.
// Errors: MODEL_SHAPE when leads, samples and map do not fit together.
func ECG(in ECGInput, m Map, c Caption) (image.Image, error) {
	n := len(in.Leads)
	if n == 0 || n > maxECGLeads || in.Rate <= 0 || len(in.Values) == 0 || len(in.Values)%n != 0 ||
		!slices.Equal(m.Shape, []int{n, len(in.Values) / n}) || len(m.Values) != engine.Size(m.Shape) {
		return nil, fault.New(fault.ModelShape, fmt.Sprintf("a map of %v does not lie on %d leads with %d values", m.Shape, n, len(in.Values)), "")
	}
	s := newECGSheet(in, m)
	rows := s.rows()
	width := max(minECGWidth, 2*margin+(pulseMM+int(s.seconds*mmPerSecond+0.999))*pxPerMM)
	text := c.layOut(width, s.scale.readingOnPaper(c.Label)+" "+s.summary())
	table := n*evidenceRow + 26
	height := text.top() + margin + len(rows)*rowMM*pxPerMM + table + text.height() + margin/2
	s.canvas = newCanvas(width, height)
	top := text.top() + margin
	s.paper(image.Rect(margin, top, width-margin, top+len(rows)*rowMM*pxPerMM))
	for i, row := range rows {
		s.drawRow(row, top+i*rowMM*pxPerMM)
	}
	s.table(top + len(rows)*rowMM*pxPerMM + 22)
	text.draw(s.canvas, height-text.height()-margin/4)
	return s.canvas, nil
}

// ecgSheet is one sheet of paper.
type ecgSheet struct {
	*canvas
	in      ECGInput
	n       int // samples a lead
	seconds float64
	scale   scale
	shade   [][]float32 // by lead, smoothed
}

func newECGSheet(in ECGInput, m Map) *ecgSheet {
	s := &ecgSheet{in: in, n: m.Shape[1], scale: newScale(m.Values)}
	s.seconds = min(float64(s.n)/in.Rate, maxECGRowSec)
	for lead := range in.Leads {
		s.shade = append(s.shade, smooth(m.Values[lead*s.n:(lead+1)*s.n], []int{s.n}, 0, max(1, 0.03*in.Rate)))
	}
	var all []float32
	for _, x := range s.shade {
		all = append(all, x...)
	}
	signed := s.scale.signed
	s.scale = newScale(all)
	s.scale.signed = signed
	return s
}

// strip is one lead over a stretch of time.
type strip struct {
	lead     int
	from, to float64 // seconds
}

// rows plans the layout.
func (s *ecgSheet) rows() [][]strip {
	var order []int
	for _, name := range twelveLeads {
		if i := slices.Index(s.in.Leads, name); i >= 0 {
			order = append(order, i)
		}
	}
	if len(order) != len(twelveLeads) || len(s.in.Leads) != len(twelveLeads) {
		var rows [][]strip
		for i := range s.in.Leads {
			rows = append(rows, []strip{{lead: i, to: s.seconds}})
		}
		return rows
	}
	rows := make([][]strip, columnLeads, columnLeads+1)
	for i, lead := range order {
		column := i / columnLeads
		rows[i%columnLeads] = append(rows[i%columnLeads], strip{lead: lead,
			from: s.seconds * float64(column) / columns, to: s.seconds * float64(column+1) / columns})
	}
	return append(rows, []strip{{lead: slices.Index(s.in.Leads, "II"), to: s.seconds}})
}

// paper draws the grid: thin lines every millimetre, strong ones every five.
func (s *ecgSheet) paper(r image.Rectangle) {
	s.fill(r, paperWarm)
	thin, strong := color.NRGBA{250, 220, 216, 255}, color.NRGBA{240, 178, 172, 255}
	for pass, ink := range []color.NRGBA{thin, strong} {
		for mm := 0; mm <= max(r.Dx(), r.Dy())/pxPerMM; mm++ {
			if (mm%5 == 0) != (pass == 1) {
				continue
			}
			if x := r.Min.X + mm*pxPerMM; x < r.Max.X {
				s.fill(image.Rect(x, r.Min.Y, x+1, r.Max.Y), ink)
			}
			if y := r.Min.Y + mm*pxPerMM; y < r.Max.Y {
				s.fill(image.Rect(r.Min.X, y, r.Max.X, y+1), ink)
			}
		}
	}
	s.frame(r, strong)
}

// x gives the pixel of a moment.
func (s *ecgSheet) x(seconds float64) float64 {
	return float64(margin+pulseMM*pxPerMM) + seconds*mmPerSecond*pxPerMM
}

func (s *ecgSheet) drawRow(row []strip, top int) {
	middle := float64(top) + rowMM*pxPerMM*0.58
	mv := float64(mmPerMV * pxPerMM)
	left := float64(margin + pxPerMM)
	s.trace(image.Rect(margin, top, margin+pulseMM*pxPerMM, top+rowMM*pxPerMM),
		[]float64{left, left + 5, left + 5, left + 25, left + 25, left + 30},
		[]float64{middle, middle, middle - mv, middle - mv, middle, middle}, 1.6, black)
	for _, st := range row {
		s.drawStrip(st, top, middle, mv)
	}
}

func (s *ecgSheet) drawStrip(st strip, top int, middle, mv float64) {
	bottom := top + rowMM*pxPerMM
	x0, x1 := int(s.x(st.from)), int(s.x(st.to))
	for x := x0; x < x1; x++ {
		at := min(int((float64(x)-s.x(0))/(mmPerSecond*pxPerMM)*s.in.Rate), s.n-1)
		s.fill(image.Rect(x, top+4, x+1, bottom-4), s.scale.onPaper(float64(s.shade[st.lead][at])))
	}
	from, to := int(st.from*s.in.Rate), min(int(st.to*s.in.Rate)+1, s.n)
	xs, ys := make([]float64, 0, to-from), make([]float64, 0, to-from)
	for i := from; i < to; i++ {
		xs = append(xs, s.x(float64(i)/s.in.Rate))
		ys = append(ys, middle-float64(s.in.Values[st.lead*s.n+i])*mv)
	}
	s.trace(image.Rect(x0, top, x1, bottom), xs, ys, 1.7, black)
	name := s.in.Leads[st.lead]
	box := image.Rect(x0+5, top+7, x0+11+s.width(style{15, true}, name), top+26)
	s.fill(box, color.NRGBA{255, 255, 255, 200})
	s.text(x0+8, top+22, style{15, true}, black, name)
	if st.from > 0 {
		s.fill(image.Rect(x0, top+rowMM*pxPerMM/2-12, x0+1, top+rowMM*pxPerMM/2+30), grey)
	}
}

// table draws the evidence of every lead over the whole time.
func (s *ecgSheet) table(top int) {
	label := style{10, false}
	s.text(margin, top-6, style{12, false}, grey, "Evidence of every lead over the whole recording   ·   25 mm/s, 10 mm/mV")
	for lead, name := range s.in.Leads {
		y := top + lead*evidenceRow
		s.text(margin, y+evidenceRow-3, label, grey, name)
		for x := int(s.x(0)); x < int(s.x(s.seconds)); x++ {
			at := min(int((float64(x)-s.x(0))/(mmPerSecond*pxPerMM)*s.in.Rate), s.n-1)
			cell := image.Rect(x, y, x+1, y+evidenceRow-1)
			s.fill(cell, color.NRGBA{244, 244, 246, 255})
			s.fill(cell, s.scale.onPaper(float64(s.shade[lead][at])))
		}
	}
}

// summary names the lead and the moments with the most evidence.
func (s *ecgSheet) summary() string {
	best, most := -1, 0.0
	sums := make([]float32, s.n)
	equal := true
	for lead, x := range s.shade {
		total := 0.0
		for i, v := range x {
			sums[i] += v
			total += float64(max(v, 0))
		}
		if lead > 0 && !slices.Equal(x, s.shade[0]) {
			equal = false
		}
		if total > most {
			best, most = lead, total
		}
	}
	words := describe(Segments(sums, int(0.1*s.in.Rate), 3), s.in.Rate)
	if best >= 0 && !equal {
		words += " Most evidence lies in lead " + s.in.Leads[best] + "."
	}
	return words
}
