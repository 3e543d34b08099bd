"""retrieved.py WANTED FOLDER [converted]: every data set below WANTED lies below FOLDER once, byte by
byte behind the meta header; or, converted, with the same pixels and the same other elements."""
import os
import sys

import pydicom


def files(folder):
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            try:
                head = pydicom.dcmread(path, stop_before_pixels=True)
            except pydicom.errors.InvalidDicomError:
                continue
            if head.SOPInstanceUID in found:
                sys.exit(f"{head.SOPInstanceUID} lies there twice")
            found[head.SOPInstanceUID] = path
    return found


def body(path):
    """The bytes behind the meta header, whose length is its first element."""
    with open(path, "rb") as file:
        data = file.read()
    return data[144 + int.from_bytes(data[140:144], "little"):]


def same(wanted, found, converted):
    if not converted:
        return body(wanted) == body(found)
    one, other = pydicom.dcmread(wanted), pydicom.dcmread(found)
    return ("PixelData" not in one or (one.pixel_array == other.pixel_array).all()) and \
        all(one[e.tag].value == e.value for e in other if e.tag in one and e.VR in ("UI", "LO", "DS", "IS"))


def main(wanted, folder, converted=False):
    sent, got = files(wanted), files(folder)
    if set(sent) != set(got) or not sent:
        sys.exit(f"{len(sent)} wanted, {len(got)} there, {len(set(sent) - set(got))} missing")
    for uid, path in sent.items():
        if not same(path, got[uid], converted):
            sys.exit(f"{uid} is not the same")
    print(f"{len(sent)} the same")


if __name__ == "__main__":
    main(*sys.argv[1:])
