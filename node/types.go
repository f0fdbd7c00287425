package node

import (
	"cmp"
	"time"

	"consilium/clinical"
	"consilium/store"
)

// The types of this file are what the node tells the outside: the API sends
// them as they are.

// Row is one line of the worklist.
type Row struct {
	StudyUID         string      `json:"studyUID"`
	PatientName      string      `json:"patientName"`
	PatientID        string      `json:"patientID"`
	PatientSex       string      `json:"patientSex"`
	PatientBirthDate string      `json:"patientBirthDate"` // YYYYMMDD, as in DICOM
	Accession        string      `json:"accession"`
	Description      string      `json:"description"`
	Modalities       []string    `json:"modalities"`
	StudyDate        string      `json:"studyDate"` // YYYYMMDD
	StudyTime        string      `json:"studyTime"` // HHMMSS
	ReceivedAt       time.Time   `json:"receivedAt"`
	Instances        int         `json:"instances"`
	State            store.State `json:"state"`
	Urgency          string      `json:"urgency"`  // "critical", "urgent", "routine", "none"
	Headline         string      `json:"headline"` // the most urgent answer, in a few words
	Findings         int         `json:"findings"`
	Synthetic        bool        `json:"synthetic"`
}

// Query asks the worklist. Zero values leave a condition out.
type Query struct {
	State    store.State
	Modality string
	Urgency  string
	Text     string // part of the patient's name or ID, accession or description
	From, To string // study date, YYYYMMDD, both included
	Limit    int    // 0 = 50, at most 500
	Offset   int
}

// Page is one page of the worklist.
type Page struct {
	Items  []Row               `json:"items"`
	Total  int                 `json:"total"`
	Counts map[store.State]int `json:"counts"` // of all studies that the reader may see
}

// Case is everything about one study.
type Case struct {
	Study      Row         `json:"study"`
	Series     []Series    `json:"series"`
	Assessment *Assessment `json:"assessment"`
	Signature  *Signature  `json:"signature"`
	History    []Step      `json:"history"`
	Failure    *Failure    `json:"failure"`
}

// Series of a study.
type Series struct {
	SeriesUID   string     `json:"seriesUID"`
	Modality    string     `json:"modality"`
	Description string     `json:"description"`
	Number      int        `json:"number"`
	Result      bool       `json:"result"` // made by this node
	Instances   []Instance `json:"instances"`
}

// Instance of a series.
type Instance struct {
	SOPUID   string `json:"sopUID"`
	SOPClass string `json:"sopClass"`
	Number   int    `json:"number"`
	Frames   int    `json:"frames"`
	Rows     int    `json:"rows"`
	Columns  int    `json:"columns"`
	Kind     string `json:"kind"` // "image", "ecg", "sound", "report", "segmentation", "other"
}

// Assessment is what the panel said about a study, with the reviews so far.
type Assessment struct {
	ID         string             `json:"id"`
	Report     *Object            `json:"report"` // the structured report, DICOM
	MadeAt     time.Time          `json:"madeAt"`
	Findings   []Finding          `json:"findings"`
	Refusals   []clinical.Refusal `json:"refusals"`
	Disclaimer string             `json:"disclaimer"`
	Synthetic  bool               `json:"synthetic"`
}

// Finding is one model's answer about one object of the study.
type Finding struct {
	ID       string    `json:"id"`
	SOPUID   string    `json:"sopUID"`
	Input    string    `json:"input"`
	Kind     string    `json:"kind"`
	Task     string    `json:"task"`
	Verdict  string    `json:"verdict"`
	Answer   string    `json:"answer"`
	Urgency  string    `json:"urgency"`
	Outcomes []Outcome `json:"outcomes"`
	Coverage float64   `json:"coverage"`
	Notes    []string  `json:"notes"`
	Reasons  []string  `json:"reasons"` // plain sentences: why this answer, how sure, what speaks against it
	Model    Model     `json:"model"`
	Pictures []Picture `json:"pictures"`
	Regions  []Region  `json:"regions"`
	Segments []Segment `json:"segments"`
	Objects  []Object  `json:"objects"` // DICOM objects made of this finding
	Review   *Review   `json:"review"`
}

// Object is a DICOM object of this node.
type Object struct {
	SeriesUID string `json:"seriesUID"`
	SOPUID    string `json:"sopUID"`
	SOPClass  string `json:"sopClass"`
}

// Outcome is one label with its calibrated probability.
type Outcome struct {
	Name        string   `json:"name"`
	Code        string   `json:"code"`
	System      string   `json:"system"`
	Probability float64  `json:"probability"`
	Low         *float64 `json:"low"`
	High        *float64 `json:"high"`
	InSet       bool     `json:"inSet"`
}

// Model names the version that answered, by content.
type Model struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// Picture is an explanation.
type Picture struct {
	Method  string `json:"method"`
	Outcome string `json:"outcome"`
	Caption string `json:"caption"`
	URL     string `json:"url"`     // the annotated picture, PNG
	Overlay string `json:"overlay"` // the map alone, transparent, exactly over the image; "" when there is none
}

// Region is where a model looked, in pixels of the image.
type Region struct {
	SOPUID string  `json:"sopUID"`
	Frame  int     `json:"frame"` // from 1
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Score  float64 `json:"score"` // share of the map's weight, 0..1
}

// Segment is when a model listened, in seconds of the recording.
type Segment struct {
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Lead  string  `json:"lead"` // "" for every lead
	Score float64 `json:"score"`
}

// Decisions of a reviewer.
const (
	DecisionAccept  = "accept"
	DecisionCorrect = "correct"
	DecisionReject  = "reject"
)

// Review is a clinician's judgement of one finding.
type Review struct {
	Decision string    `json:"decision"`
	Answer   string    `json:"answer"` // the corrected label, with DecisionCorrect
	Comment  string    `json:"comment"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// Signature ends a review.
type Signature struct {
	By          string    `json:"by"`
	At          time.Time `json:"at"`
	Attestation string    `json:"attestation"` // the sentence that was signed
}

// Step is one line of a study's history.
type Step struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Text   string    `json:"text"`
}

// Failure tells why a study has no assessment.
type Failure struct {
	Code string `json:"code"`
	What string `json:"what"`
	Do   string `json:"do"`
}

// Letter explains a result to the patient.
type Letter struct {
	Title      string   `json:"title"`
	Paragraphs []string `json:"paragraphs"`
	Disclaimer string   `json:"disclaimer"`
}

// Waveform is a recording for a viewer.
type Waveform struct {
	Kind  string  `json:"kind"` // "ecg", "sound"
	Rate  float64 `json:"rate"` // Hz
	Leads []Lead  `json:"leads"`
}

// Lead is one channel of a Waveform.
type Lead struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	Samples []float32 `json:"samples"`
}

// Actor is who does something: a person at the page, or "system".
type Actor struct {
	Name     string // of the account, for the audit log
	FullName string // as it stands in a report; "" = Name
	Role     string
}

// signature is how the actor is written into reviews and reports.
func (a Actor) signature() string { return cmp.Or(a.FullName, a.Name) }

// Upload is one file that a person hands in.
type Upload struct {
	Name string
	Path string // in the spool; the node takes it over
}
