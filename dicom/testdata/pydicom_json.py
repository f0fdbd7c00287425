"""Prints for each DICOM file named on the command line one line of JSON: its name
and what pydicom makes of it in the DICOM JSON model, or null. The data set is
decoded first, so that names come as Unicode."""
import json
import sys
import warnings

import pydicom

warnings.simplefilter("ignore")
for path in sys.argv[1:]:
    try:
        ds = pydicom.dcmread(path)
        ds.decode()
        out = json.dumps([path, ds.to_json_dict()])
    except Exception:
        out = json.dumps([path, None])
    print(out)
