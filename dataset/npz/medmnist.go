package npz

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"consilium/clinical"
)

// Source says where the official files are.
const Source = "MedMNIST v2/v2+ (Zenodo, doi 10.5281/zenodo.10519652)"

const medMNIST = "Yang et al., MedMNIST v2, Scientific Data 10:41, 2023"

// Known is what a .npz file itself does not say.
type Known struct {
	Name     string
	Labels   []clinical.Concept // nil: named by number
	Licence  string
	Citation string
	Caveats  []string
}

var sizeSuffix = regexp.MustCompile(`_(28|64|128|224)$`)

// Find looks a MedMNIST file up by its base name, with or without a size suffix.
func Find(path string) Known {
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	key := sizeSuffix.ReplaceAllString(strings.ToLower(base), "")
	k, ok := medMNISTSets[key]
	if !ok {
		return Known{Name: base, Licence: "unknown", Citation: "unknown",
			Caveats: []string{"Not a MedMNIST file by name: classes are named by number; licence and origin are not known."}}
	}
	if k.Licence == "" {
		k.Licence = "CC BY 4.0"
	}
	k.Citation = medMNIST + "; " + k.Citation
	k.Caveats = append(slices.Clip(k.Caveats), "The file names no patients: the official split is used as it is, and each image counts as its own group.")
	return k
}

// medMNISTSets are the 18 sets; class order and names as published with MedMNIST v2.
// ICD-10 (WHO) codes stand where a class is one disease.
var medMNISTSets = map[string]Known{
	"pathmnist": {Name: "PathMNIST", Citation: "Kather et al., PLOS Medicine 2019",
		Labels: plain("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa", "cancer-associated stroma", "colorectal adenocarcinoma epithelium")},
	"chestmnist": {Name: "ChestMNIST", Citation: "Wang et al., ChestX-ray8, CVPR 2017",
		Labels: []clinical.Concept{icd("atelectasis", "J98.1"), icd("cardiomegaly", "I51.7"), icd("effusion", "J90"), {Name: "infiltration"}, {Name: "mass"}, {Name: "nodule"},
			icd("pneumonia", "J18.9"), icd("pneumothorax", "J93.9"), {Name: "consolidation"}, icd("edema", "J81"), icd("emphysema", "J43.9"), icd("fibrosis", "J84.1"), {Name: "pleural"}, {Name: "hernia"}},
		Caveats: []string{"Labels were mined from report text; several can hold for one image, and one is trained at a time."}},
	"dermamnist": {Name: "DermaMNIST", Licence: "CC BY-NC 4.0", Citation: "Tschandl et al., HAM10000, Scientific Data 2018; Codella et al. 2019",
		Labels: []clinical.Concept{icd("actinic keratoses and intraepithelial carcinoma", "L57.0"), icd("basal cell carcinoma", "C44.9"), icd("benign keratosis-like lesions", "L82"),
			icd("dermatofibroma", "D23.9"), icd("melanoma", "C43.9"), icd("melanocytic nevi", "D22.9"), {Name: "vascular lesions"}},
		Caveats: []string{"Not for commercial use. The official split is by image: several images of one lesion can lie in different splits."}},
	"octmnist": {Name: "OCTMNIST", Citation: "Kermany et al., Cell 2018",
		Labels: []clinical.Concept{{Name: "choroidal neovascularization"}, icd("diabetic macular edema", "H36.0"), icd("drusen", "H35.3"), {Name: "normal"}}},
	"pneumoniamnist": {Name: "PneumoniaMNIST", Citation: "Kermany et al., Cell 2018",
		Labels: []clinical.Concept{{Name: "normal"}, icd("pneumonia", "J18.9")},
		Caveats: []string{
			"Children aged one to five from one hospital: figures do not carry over to adults.",
			"The test split has more normals (37.5%) than the train split (25.8%): accuracy depends on the threshold.",
			"8 images occur in both train and val (0 in train and test) in the copy examined: validation figures are slightly too good.",
		}},
	"retinamnist": {Name: "RetinaMNIST", Citation: "Liu et al., DeepDRiD, Patterns 2022",
		Labels: []clinical.Concept{{Name: "no retinopathy"}, icd("mild nonproliferative retinopathy", "H36.0"), icd("moderate nonproliferative retinopathy", "H36.0"),
			icd("severe nonproliferative retinopathy", "H36.0"), icd("proliferative retinopathy", "H36.0")},
		Caveats: []string{
			"Small (1,080 / 120 / 400), and 20 test images in the highest grade.",
			"Logistic regression on raw pixels (AUC 0.726, ACC 0.515) does as well as published ResNets: the set is no proof of a good network.",
			"Grades are ordered; plain classification ignores that. A patient's two eyes can be in the set, and no patient is named.",
		}},
	"breastmnist": {Name: "BreastMNIST", Citation: "Al-Dhabyani et al., Data in Brief 2020",
		Labels:  []clinical.Concept{icd("malignant", "C50.9"), {Name: "normal or benign"}},
		Caveats: []string{"156 test images: the half-width of a 95% interval is about 5 points.", "Class 0 is the disease."}},
	"bloodmnist": {Name: "BloodMNIST", Citation: "Acevedo et al., Data in Brief 2020",
		Labels: plain("basophil", "eosinophil", "erythroblast", "immature granulocytes (myelocytes, metamyelocytes and promyelocytes)", "lymphocyte", "monocyte", "neutrophil", "platelet")},
	"tissuemnist": {Name: "TissueMNIST", Citation: "Ljosa et al., Nature Methods 2012",
		Labels:  plain("collecting duct, connecting tubule", "distal convoluted tubule", "glomerular endothelial cells", "interstitial endothelial cells", "leukocytes", "podocytes", "proximal tubule segments", "thick ascending limb"),
		Caveats: []string{"Cells of three tissue specimens: splits share specimens."}},
	"organamnist": {Name: "OrganAMNIST", Citation: liver, Labels: organs()},
	"organcmnist": {Name: "OrganCMNIST", Citation: liver, Labels: organs()},
	"organsmnist": {Name: "OrganSMNIST", Citation: liver, Labels: organs()},
	"organmnist3d": {Name: "OrganMNIST3D", Citation: liver,
		Labels: plain("liver", "right kidney", "left kidney", "right femur", "left femur", "bladder", "heart", "right lung", "left lung", "spleen", "pancreas")},
	"nodulemnist3d": {Name: "NoduleMNIST3D", Citation: "Armato et al., LIDC-IDRI, Medical Physics 2011",
		Labels:  plain("benign", "malignant"),
		Caveats: []string{"Malignancy is the radiologists' rating, not pathology; nodules rated 3 were left out."}},
	"adrenalmnist3d": {Name: "AdrenalMNIST3D", Citation: medMNIST,
		Labels:  plain("normal", "hyperplasia"),
		Caveats: []string{"Shape masks, not CT values."}},
	"fracturemnist3d": {Name: "FractureMNIST3D", Citation: "Jin et al., RibFrac, EBioMedicine 2020",
		Labels: []clinical.Concept{icd("buckle rib fracture", "S22.3"), icd("nondisplaced rib fracture", "S22.3"), icd("displaced rib fracture", "S22.3")}},
	"vesselmnist3d": {Name: "VesselMNIST3D", Citation: "Yang et al., IntrA, CVPR 2020",
		Labels:  []clinical.Concept{{Name: "vessel"}, icd("aneurysm", "I67.1")},
		Caveats: []string{"Shapes of vessel models, not MRA values; 103 patients."}},
	"synapsemnist3d": {Name: "SynapseMNIST3D", Citation: medMNIST,
		Labels:  plain("inhibitory synapse", "excitatory synapse"),
		Caveats: []string{"One adult rat: not a clinical set."}},
}

const liver = "Bilic et al., LiTS, Medical Image Analysis 2023; Xu et al., IEEE TMI 2019"

func organs() []clinical.Concept {
	return plain("bladder", "left femur", "right femur", "heart", "left kidney", "right kidney", "liver", "left lung", "right lung", "pancreas", "spleen")
}

func plain(names ...string) []clinical.Concept {
	concepts := make([]clinical.Concept, len(names))
	for i, name := range names {
		concepts[i].Name = name
	}
	return concepts
}

func icd(name, code string) clinical.Concept {
	return clinical.Concept{Name: name, Code: code, System: "ICD-10"}
}
