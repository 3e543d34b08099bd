#!/usr/bin/python3
"""hostile_pixels.py FOLDER OUT: series with one slice whose compressed pixels are wrong.

FOLDER holds the slices of a CT. For each syntax and each kind of damage OUT/NAME holds the
same slices as a series of their own, the third one damaged; prints the names.
"""
import os
import subprocess
import sys

import pydicom
from pydicom.uid import UID

folder, out = sys.argv[1:3]
TS = "1.2.840.10008.1.2"
TOOLS = {
    "rle": ["dcmcrle"], "jpeg-lossless": ["dcmcjpeg", "+e1"], "jpeg-ls": ["dcmcjpls"],
    "jpeg-2000": ["gdcmconv", "--j2k"],
}
# 4 x 4 pixels of HTJ2K, two bytes of which are damaged: OpenJPEG's assertions end a process by them.
ASSERTING = bytes.fromhex(
    "ff4fff510029400000000004000000040000000000000000000000040000000400000000000000000001070101"
    "ff500008000200000001ff52000c00020001000004044001ff5c00042048ff90000a0000000000280001ff93c0"
    "2d70ff641a68cd08e1d55d7ccb1d4069feffffa7000010b800ffd9")


def fragments(data):
    """Of an encapsulated value, behind the offset table."""
    at, found = 0, []
    while at + 8 <= len(data) and data[at:at + 4] == b"\xfe\xff\x00\xe0":
        size = int.from_bytes(data[at + 4:at + 8], "little")
        found.append(bytes(data[at + 8:at + 8 + size]))
        at += 8 + size
    return found[1:]


def noise(code):
    middle = len(code) // 2
    return code[:middle] + bytes((i * 37 + 11) % 256 for i in range(len(code) // 4)) + code[middle + len(code) // 4:]


def patch(code, marker, offset, value):
    """Bytes at an offset behind a marker."""
    at = code.index(marker) + offset
    return code[:at] + value + code[at + len(value):]


DAMAGES = {
    "noise": lambda image, code: [noise(code)],
    "cut": lambda image, code: [code[:len(code) // 2 & ~1]],
    "empty": lambda image, code: [b""],
    "nothing": lambda image, code: [bytes(len(code) + len(code) % 2)],
    "no-fragment": lambda image, code: [],
}


def huge_jpeg(image, code):
    marker = b"\xff\xf7" if b"\xff\xf7" in code[:64] else b"\xff\xc3"
    return [patch(code, marker, 5, b"\xff\xdc\xff\xdc")]


def many_frames(image, code):
    image.NumberOfFrames = 2147483647
    return [code]


def one_pixel_tiles(image, code):
    wide = patch(code, b"\xff\x51", 6, b"\0\0\xea\x60\0\0\xea\x60")
    return [patch(wide, b"\xff\x51", 22, b"\0\0\0\1\0\0\0\1")]


def huge_image(image, code):
    image.Rows = image.Columns = 65535
    return [patch(code, b"\xff\x51", 6, b"\0\0\xff\xff\0\0\xff\xff")]


EXTRA = {
    "jpeg-lossless": {"size": huge_jpeg, "frames": many_frames}, "jpeg-ls": {"size": huge_jpeg},
    "jpeg-2000": {"tiles": one_pixel_tiles, "size": huge_image, "frames": many_frames}, "rle": {"frames": many_frames},
}


def save(image, path, codes):
    items = [b""] + [code + bytes(len(code) % 2) for code in codes]     # the first is the offset table
    image.PixelData = b"".join(b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item for item in items)
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    image.save_as(path, write_like_original=False)


def begin(source, number, slice_number):
    image = pydicom.dcmread(source)
    image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.800", f"2.25.800.{number}"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.800.{number}.{slice_number}")
    return image


def make(number, name, tool, damage):
    os.mkdir(f"{out}/{name}")
    for at, source in enumerate(sorted(os.listdir(folder)), 1):
        path = f"{out}/{name}/{at:03d}.dcm"
        begin(f"{folder}/{source}", number, at).save_as(f"{out}/plain", write_like_original=False)
        subprocess.run([*tool, f"{out}/plain", path], check=True, stdout=subprocess.DEVNULL)
        if at == 3:
            image = pydicom.dcmread(path)
            save(image, path, damage(image, fragments(image.PixelData)[0]))
    print(name)


def make_asserting(number):
    """Every slice: the first one decides what size the others must have."""
    name = "htj2k-assertion"
    os.mkdir(f"{out}/{name}")
    for at, source in enumerate(sorted(os.listdir(folder)), 1):
        path = f"{out}/{name}/{at:03d}.dcm"
        image = begin(f"{folder}/{source}", number, at)
        image.Rows = image.Columns = 4
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
        image.file_meta.TransferSyntaxUID = UID(TS + ".4.90")
        save(image, path, [ASSERTING + b"\0" * (len(ASSERTING) % 2)])
        data = open(path, "rb").read()
        old, new = b"UI\x16\0" + (TS + ".4.90").encode(), b"UI\x18\0" + (TS + ".4.201").encode() + b"\0"
        length = int.from_bytes(data[140:144], "little") + 2
        data = data[:140] + length.to_bytes(4, "little") + data[144:]
        with open(path, "wb") as file:
            file.write(data.replace(old, new, 1))
    print(name)


os.makedirs(out, exist_ok=True)
count = 0
for kind, tool in TOOLS.items():
    for what, damage in {**DAMAGES, **EXTRA[kind]}.items():
        count += 1
        make(count, f"{kind}-{what}", tool, damage)
make_asserting(count + 1)
os.unlink(f"{out}/plain")
