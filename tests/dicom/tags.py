#!/usr/bin/python3
"""Prints what pydicom sees of the tags named on the command line (8 hexadecimal digits),
for each file that it can read below a folder: 'FILE path', then 'tag value', in hexadecimal."""
import os
import sys

import pydicom
from pydicom.dataelem import RawDataElement


def shown(dataset, tag):
    element = dataset.get_item(tag)
    if not isinstance(element, RawDataElement) or element.value is None:
        return None
    if element.tag in (0x00280010, 0x00280011):
        value = dataset[tag].value
        values = [value] if isinstance(value, int) else list(value or [])
        return "\\".join(str(v) for v in values).encode()
    if element.tag == 0x00189087:
        value = dataset[tag].value
        return b"" if value is None else ("%g" % value).encode()
    return element.value.split(b"\0")[0].strip(b" ")


def main():
    folder, tags = sys.argv[1], [int(tag, 16) for tag in sys.argv[2:]]
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(where, name)
            try:
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
                values = [(tag, shown(dataset, tag)) for tag in tags if tag in dataset]
            except Exception:
                continue
            print("FILE", path)
            for tag, value in values:
                if value is not None and len(value) <= 1000:
                    print("%08x" % tag, value.hex())


main()
