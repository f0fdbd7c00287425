package result

import "consilium/dicom"

// Attributes that package dicom has no name for (PS3.6).
const (
	tagInstitutionCode  dicom.Tag = 0x00080082
	tagCodingSchemes    dicom.Tag = 0x00080110
	tagCodingSchemeUID  dicom.Tag = 0x0008010C
	tagCodingSchemeName dicom.Tag = 0x00080115
	tagCodingSchemeOrg  dicom.Tag = 0x00080116
	tagStackID          dicom.Tag = 0x00209056
	tagStackPosition    dicom.Tag = 0x00209057
	tagVisualFeatures   dicom.Tag = 0x00280302
	tagSpatialKept      dicom.Tag = 0x0028135A
	tagSourceInstances  dicom.Tag = 0x00420013
)
