"""Reads what WADO-RS gave, as pydicom reads it: FOLDER/*.dcm and FOLDER/metadata.json.

Prints one JSON line: for each object its UID, patient, transfer syntax and the
SHA-256 of its pixels; for the metadata the UIDs that Dataset.from_json found.
"""
import glob, hashlib, json, os, sys
import pydicom

folder = sys.argv[1]
objects = []
for path in sorted(glob.glob(os.path.join(folder, "*.dcm"))):
    d = pydicom.dcmread(path)
    objects.append([str(d.SOPInstanceUID), str(d.PatientName), str(d.file_meta.TransferSyntaxUID),
                    hashlib.sha256(d.pixel_array.tobytes()).hexdigest()])
with open(os.path.join(folder, "metadata.json")) as f:
    metadata = [pydicom.dataset.Dataset.from_json(m, bulk_data_uri_handler=lambda tag, vr, uri: b"") for m in json.load(f)]
print(json.dumps({"objects": objects, "metadata": [[str(m.SOPInstanceUID), str(m.PatientName), int(m.Rows)] for m in metadata]}))
