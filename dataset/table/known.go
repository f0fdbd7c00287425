package table

import (
	"strings"

	"consilium/clinical"
)

// known is what a published table's file does not say about itself.
type known struct {
	Name, Licence, Citation string
	Label, Group            string   // defaults of the options
	Drop                    []string // outcomes and identifiers that must not be fed
	Classes                 map[string]clinical.Concept
	Caveats                 []string
	relation                string   // ARFF @relation that identifies the table, or
	has                     []string // columns that do
	columns                 int
}

// find recognises a published table by its columns, not by its file's name.
func find(rel *relation, name string) known {
	for _, k := range published {
		if k.fits(rel) {
			if k.Name == heart {
				k.Name += " (" + name + ")" // four hospitals, one file each
			}
			return k
		}
	}
	if rel.name != "" {
		name = rel.name
	}
	return known{Name: name, Licence: "unknown", Citation: "unknown",
		Caveats: []string{"Not a table that is known here: licence and origin are not stated, and columns that give the outcome away are fed unless they are dropped by name."}}
}

func (k known) fits(rel *relation) bool {
	if k.columns != len(rel.columns) || k.relation != "" && !strings.EqualFold(k.relation, rel.name) {
		return false
	}
	for _, name := range k.has {
		if _, err := rel.find(name); err != nil {
			return false
		}
	}
	return true
}

const (
	heart = "UCI Heart Disease"
	ccBy4 = "CC BY 4.0"
)

var published = []known{
	{
		Name: heart, Licence: ccBy4, Citation: "Janosi, Steinbrunn, Pfisterer, Detrano, Heart Disease, UCI 1988",
		columns: 14, has: []string{"trestbps", "thalach", "oldpeak", "thal", "num"}, Label: "num",
		Classes: map[string]clinical.Concept{
			"0": {Name: "no coronary disease"}, "1": coronary(1), "2": coronary(2), "3": coronary(3), "4": coronary(4)},
		Caveats: []string{
			"num > 0 is disease: use the label num>0 for the published two-class task. Hungarian num is only 0 or 1.",
			"Switzerland writes 0 for a missing cholesterol and is 93% positive; slope, ca and thal are mostly missing outside Cleveland.",
		},
	},
	{
		Name: "Myocardial infarction complications", Licence: ccBy4, Citation: "Golovenkin et al., GigaScience 2020",
		columns: 124, has: []string{"INF_ANAM", "ZSN", "LET_IS"}, Label: "LET_IS",
		Drop: []string{"ID", "FIBR_PREDS", "PREDS_TAH", "JELUD_TAH", "FIBR_JELUD", "A_V_BLOK", "OTEK_LANC", "RAZRIV", "DRESSLER", "ZSN", "REC_IM", "P_IM_STEN", "LET_IS",
			"R_AB_1_n", "R_AB_2_n", "R_AB_3_n", "NA_R_1_n", "NA_R_2_n", "NA_R_3_n", "NOT_NA_1_n", "NOT_NA_2_n", "NOT_NA_3_n"},
		Classes: map[string]clinical.Concept{
			"0": {Name: "alive"}, "1": {Name: "cardiogenic shock", Code: "R57.0", System: "ICD-10"}, "2": {Name: "pulmonary oedema"},
			"3": {Name: "myocardial rupture"}, "4": {Name: "progress of congestive heart failure"}, "5": {Name: "thromboembolism"},
			"6": {Name: "asystole"}, "7": {Name: "ventricular fibrillation"}},
		Caveats: []string{"Outcomes and the columns known only on days 1 to 3 are not fed: what is left is known at admission. LET_IS>0 is any lethal outcome."},
	},
	{
		Name: "PAD-UFES-20 metadata", Licence: ccBy4, Citation: "Pacheco et al., Data in Brief 2020, doi 10.17632/zr7vgbcyr2.1",
		columns: 27, has: []string{"patient_id", "fitspatrick", "diagnostic", "biopsed"}, Label: "diagnostic", Group: "patient_id",
		Drop: []string{"lesion_id", "img_id", "image_path", "biopsed"},
		Classes: map[string]clinical.Concept{
			"ACK": {Name: "actinic keratosis", Code: "L57.0", System: "ICD-10"},
			"BCC": {Name: "basal cell carcinoma", Code: "C44.9", System: "ICD-10"},
			"MEL": {Name: "melanoma", Code: "C43.9", System: "ICD-10"},
			"NEV": {Name: "naevus", Code: "D22.9", System: "ICD-10"},
			"SCC": {Name: "squamous cell carcinoma", Code: "C44.9", System: "ICD-10"},
			"SEK": {Name: "seborrhoeic keratosis", Code: "L82", System: "ICD-10"}},
		Caveats: []string{
			"All cancers are biopsied and most benign lesions are not; the history columns are blank for most unbiopsied lesions, so that blank alone separates them (AUC 0.833). Report a run without the history columns too.",
			"Fitzpatrick types V and VI have 11 rows together.",
		},
	},
	{
		Name: "LIDC-IDRI nodule annotations", Licence: "CC BY 3.0", Citation: "Armato et al., Medical Physics 2011, doi 10.7937/K9/TCIA.2015.LO9QL9SX; Hancock & Magnan 2016",
		columns: 17, has: []string{"patient_id", "annotation_id", "subtlety", "malignancy"}, Label: "malignancy", Group: "patient_id",
		Drop:    []string{"annotation_id", "scan_id"},
		Caveats: []string{"Malignancy is one radiologist's opinion (1 to 5), not pathology; several rows describe one nodule."},
	},
	{
		Name: "UCI Arrhythmia", Licence: ccBy4, Citation: "Guvenir et al., Computers in Cardiology 1997",
		columns: 280, has: []string{"V1", "V280"}, Label: "V280",
		Classes: map[string]clinical.Concept{
			"1": {Name: "normal"}, "2": {Name: "ischaemic changes", Code: "I25.9", System: "ICD-10"},
			"3": {Name: "old anterior myocardial infarction"}, "4": {Name: "old inferior myocardial infarction"},
			"5": {Name: "sinus tachycardia"}, "6": {Name: "sinus bradycardia"},
			"7": {Name: "ventricular premature contraction", Code: "I49.3", System: "ICD-10"}, "8": {Name: "supraventricular premature contraction", Code: "I49.1", System: "ICD-10"},
			"9": {Name: "left bundle branch block", Code: "I44.7", System: "ICD-10"}, "10": {Name: "right bundle branch block"},
			"14": {Name: "left ventricular hypertrophy", Code: "I51.7", System: "ICD-10"}, "15": {Name: "atrial fibrillation or flutter", Code: "I48", System: "ICD-10"},
			"16": {Name: "other"}},
		Caveats: []string{"Classes 11 to 13 do not occur; several classes have fewer than 10 rows. V280>1 is abnormal against normal."},
	},
	{
		Name: "Wisconsin diagnostic breast cancer", Licence: ccBy4, Citation: "Street, Wolberg, Mangasarian 1993, UCI",
		columns: 31, relation: "wdbc", Label: "Class", Classes: map[string]clinical.Concept{"1": {Name: "benign"}, "2": breastCancer},
	},
	{
		Name: "Wisconsin breast cancer cytology", Licence: ccBy4, Citation: "Wolberg & Mangasarian, PNAS 1990, UCI",
		columns: 10, relation: "breast-w", Label: "Class", Classes: map[string]clinical.Concept{"malignant": breastCancer},
		Caveats: []string{"16 rows with missing values were dropped by the publisher of the file."},
	},
	{
		Name: "Messidor features", Licence: ccBy4, Citation: "Antal & Hajdu, Knowledge-Based Systems 2014",
		columns: 20, relation: "messidor_features", Label: "Class",
		Classes: map[string]clinical.Concept{"0": {Name: "no signs of retinopathy"}, "1": {Name: "signs of diabetic retinopathy", Code: "H36.0", System: "ICD-10"}},
	},
	{
		Name: "Parkinsons voice", Licence: ccBy4, Citation: "Little et al., BioMedical Engineering OnLine 2007; IEEE TBME 2009",
		columns: 23, relation: "parkinsons", Label: "Class",
		Classes: map[string]clinical.Concept{"1": {Name: "healthy"}, "2": {Name: "Parkinson disease", Code: "G20", System: "ICD-10"}},
		Caveats: []string{"195 recordings of 31 people without a subject identifier: any split leaks speakers, and figures are too good."},
	},
	{
		Name: "Thoracic surgery", Licence: ccBy4, Citation: "Zieba et al., Applied Soft Computing 2014",
		columns: 17, relation: "thoracic-surgery", Label: "Class",
		Classes: map[string]clinical.Concept{"T": {Name: "died within a year"}, "F": {Name: "survived a year"}},
		Caveats: []string{"85% survive: accuracy below 0.851 is worse than always answering survived."},
	},
}

var breastCancer = clinical.Concept{Name: "malignant", Code: "C50.9", System: "ICD-10"}

func coronary(vessels int) clinical.Concept {
	return clinical.Concept{Name: "coronary disease, degree " + string(rune('0'+vessels)), Code: "I25.1", System: "ICD-10"}
}
