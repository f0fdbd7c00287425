package phenotype

// signal is a phrase of the rules in a text, with the tokens it reaches.
type signal struct {
	trigger
	from, to int // its own tokens
	low, end int // what it reaches
}

func (s signal) reaches(m mention) bool { return s.low <= m.from && m.to <= s.end }

// distance to a mention, in tokens.
func (s signal) distance(m mention) int {
	if m.from >= s.to {
		return m.from - s.to
	}
	return max(0, s.from-m.to)
}

// signals finds the phrases of the rules in a sentence; names of terms hide
// what is inside them (absent in "absent speech").
func (r *reader) signals(s sentence, found []mention) []signal {
	hidden := make([]bool, s.to-s.from)
	for _, m := range found {
		for i := m.from; i < m.to; i++ {
			hidden[i-s.from] = !m.aside || !r.dictionary.rules.aside[r.tokens[i].word]
		}
	}
	var out []signal
	if s.section != effectNothing {
		out = append(out, signal{trigger{effect: s.section, before: true}, s.from, s.from, 0, 0})
	}
	for i := s.from; i < s.to; {
		g, ok := r.signalAt(i, s, hidden)
		if !ok {
			i++
			continue
		}
		out = append(out, g)
		i = g.to
	}
	for i := range out {
		r.reach(&out[i], s, out)
	}
	return out
}

func (r *reader) signalAt(i int, s sentence, hidden []bool) (signal, bool) {
	if g, ok := r.sign(i, s); ok {
		return g, true
	}
next:
	for _, t := range r.dictionary.rules.triggers[r.tokens[i].word] {
		if i+len(t.words) > s.to {
			continue
		}
		for k, w := range t.words {
			if r.tokens[i+k].word != w || hidden[i+k-s.from] {
				continue next
			}
		}
		g := signal{trigger: t, from: i, to: i + len(t.words)}
		if t.effect == effectFamily && t.before && r.speaks(g.to, s.to) {
			g.effect = effectNothing
		}
		return g, true
	}
	return signal{}, false
}

// sign reads the minus of a review of systems (- chest pain, - dyspnea): not
// the dash of a list, which begins a line.
func (r *reader) sign(i int, s sentence) (signal, bool) {
	t := r.tokens[i]
	if t.word != "-" || !t.mark || t.line || i == s.from || i+1 >= s.to {
		return signal{}, false
	}
	if last := r.tokens[i-1]; !last.mark || r.tokens[i+1].mark {
		return signal{}, false
	}
	end := i + 1
	for end < s.to && !r.tokens[end].mark {
		end++
	}
	return signal{trigger{effect: effectAbsent}, i, i + 1, i + 1, end}, true
}

// speaks tells whether the relative before token i tells of the patient.
func (r *reader) speaks(i, end int) bool {
	for k := i; k < min(i+3, end) && !r.tokens[k].mark; k++ {
		if r.dictionary.rules.speaks[r.tokens[k].word] {
			return true
		}
	}
	return false
}

// reach computes which tokens a phrase speaks of.
func (r *reader) reach(g *signal, s sentence, all []signal) {
	if g.end > 0 || g.effect == effectNothing || g.effect > effectNone {
		return
	}
	forward, backward := g.before, g.after
	if forward && backward {
		forward = r.goesOn(g.to, s.to)
		backward = !forward
	}
	g.low, g.end = g.to, g.to
	if forward {
		g.end = r.forward(g, s, all)
	}
	if backward {
		g.low, g.end = r.backward(g, s, all), g.from
	}
}

// goesOn tells whether a word follows at once: then a phrase that may stand on
// either side (absent, possible, no) speaks of what follows.
func (r *reader) goesOn(i, end int) bool {
	if i >= end || r.tokens[i].mark {
		return false
	}
	if r.tokens[i-1].word == "?" {
		return r.tokens[i].start == r.tokens[i-1].end || i >= 2 && r.tokens[i-2].mark
	}
	switch r.tokens[i].word {
	case "in", "on", "at", "by", "since", "from", "and", "so", "today", "during":
		return false
	}
	return true
}

// forward gives the end of what g reaches to the right.
func (r *reader) forward(g *signal, s sentence, all []signal) int {
	verb, closing := false, false
	for i := g.to; i < s.to; i++ {
		if ends(g.effect, i, all) {
			return i
		}
		t := r.tokens[i]
		switch {
		case t.word == ")" && t.mark:
			return i
		case t.word == "," && g.effect == effectUncertain:
			return i
		case t.word == "," && g.effect == effectAbsent && (verb || closing || r.clause(i+1, s.to) || i+1 < s.to && r.dictionary.rules.affirms[r.tokens[i+1].word]):
			return i
		case t.word == "and" && g.effect == effectAbsent && (verb || i+1 < s.to && r.dictionary.rules.verbs[r.tokens[i+1].word]):
			return i
		case t.word == "or" || t.word == "nor":
			closing = true // of a list: no fever, cough or rash
		}
		verb = verb || r.dictionary.rules.verbs[t.word] && i > g.to
	}
	return s.to
}

// ends tells whether a phrase at token i stops another of that effect.
func ends(e effect, i int, all []signal) bool {
	for _, g := range all {
		if g.from == i && (g.effect == effectStop && e != effectFamily || e == effectFamily && g.effect == effectPatient) {
			return true
		}
	}
	return false
}

// clause tells whether a new clause, with a verb of its own, begins at i.
func (r *reader) clause(i, end int) bool {
	for ; i < end && r.tokens[i].word != ","; i++ {
		if r.dictionary.rules.verbs[r.tokens[i].word] {
			return true
		}
	}
	return false
}

// backward gives the beginning of what g reaches to the left: to the last
// comma, or across commas when they part a list that "and" or "or" closes.
func (r *reader) backward(g *signal, s sentence, all []signal) int {
	list := false
	for i := g.from - 1; i >= s.from; i-- {
		for _, other := range all {
			if other.to-1 == i && other.effect == effectStop {
				return i + 1
			}
		}
		t := r.tokens[i]
		switch {
		case t.word == "and" || t.word == "or":
			list = true
		case !t.mark:
		case t.word == ":" && i == g.from-1, t.word == "-" && i == g.from-1, t.word == "(" && i == g.from-1:
		case t.word == "," && list && !r.verbBefore(i, s.from):
		case t.word == "," && g.effect == effectFamily && !r.verbBefore(i, s.from):
		case t.word == ")" || t.word == "(" && i != g.from-1:
		default:
			return i + 1
		}
	}
	return s.from
}

// verbBefore tells whether the piece that ends before token i holds a verb.
func (r *reader) verbBefore(i, start int) bool {
	for k := i - 1; k >= start && !r.tokens[k].mark; k-- {
		if r.dictionary.rules.verbs[r.tokens[k].word] {
			return true
		}
	}
	return false
}
