"""Prints for each DICOM image named on the command line one line of JSON: its name and
every 97th value of its first frame after pydicom's modality LUT, window or VOI LUT, or
after its palette; null where pydicom cannot. kind is "grey" or "palette"."""
import json
import sys
import warnings

import numpy
import pydicom
from pydicom.pixel_data_handlers.util import apply_color_lut, apply_modality_lut, apply_voi_lut

warnings.simplefilter("ignore")
for path in sys.argv[1:]:
    out = [path, None, None]
    try:
        ds = pydicom.dcmread(path)
        kind = ds.PhotometricInterpretation
        if int(ds.get("NumberOfFrames", 1) or 1) == 1 and kind in ("MONOCHROME2", "PALETTE COLOR"):
            values = ds.pixel_array
            if kind == "PALETTE COLOR":
                values = apply_color_lut(values, ds)
            else:
                values = apply_voi_lut(apply_modality_lut(values, ds), ds, prefer_lut=False)
            out = [path, kind, numpy.asarray(values, dtype=float).reshape(-1)[::97].tolist()]
    except Exception as error:
        out = [path, str(error), None]
    print(json.dumps(out))
