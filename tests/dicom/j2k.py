#!/usr/bin/python3
"""j2k.py FOLDER: JPEG 2000 images by other encoders, each with the pixels it must give.

For each image NAME.dcm and NAME.raw (what went in, or for lossy ones what another decoder
gives), and a line 'NAME TOLERANCE SYNTAX' on stdout. Codestreams are by Pillow, GDCM and, for
high throughput, OpenJPH (which is left out where it is not installed).
"""
import io
import os
import shutil
import subprocess
import sys

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

folder = sys.argv[1]
LOSSLESS, ANY = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
ROWS, COLUMNS = 61, 83                      # primes: no edge falls on that of a block


def scene(bits, signed, samples, frame=0):
    """A ramp, a disc and noise, over the whole range of values."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    noise = np.random.default_rng(7 + frame).integers(0, 5, (ROWS, COLUMNS))
    low, high = (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if signed else (0, 2 ** bits - 1)
    planes = []
    for n in range(samples):
        value = (x * (n + 1) + y * 2 + noise) * (high - low) // (COLUMNS * (n + 1) + ROWS * 2 + 4) + low
        value[(y - 30) ** 2 + (x - 20 - 9 * n) ** 2 < 90] = high
        value[:3, :3] = low
        planes.append(value)
    kind = np.dtype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")
    return np.stack(planes, -1).astype(kind) if samples > 1 else planes[0].astype(kind)


def data_set(pixels, bits, syntax, colour, frames=1):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = UID("2.25.77")
    image = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    image.is_little_endian, image.is_implicit_VR = True, False
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, "2.25.77"
    image.Rows, image.Columns = ROWS, COLUMNS
    image.SamplesPerPixel = pixels.shape[-1] if colour[0] != "M" else 1
    if colour[0] != "M":
        image.PlanarConfiguration = 0
    image.PhotometricInterpretation = colour
    image.BitsAllocated = pixels.dtype.itemsize * 8
    image.BitsStored, image.HighBit = bits, bits - 1
    image.PixelRepresentation = int(pixels.dtype.kind == "i")
    if frames > 1:
        image.NumberOfFrames = frames
    return image


def name_syntax(path, syntax):
    """pydicom 2.3 does not know those of HTJ2K, and does not write them."""
    old, new = LOSSLESS.encode(), syntax.encode() + b"\0" * (len(syntax) % 2)
    with open(path, "rb") as file:
        data = file.read()
    at = data.index(old)
    length = int.from_bytes(data[140:144], "little") + len(new) - len(old)
    with open(path, "wb") as file:
        file.write(data[:140] + length.to_bytes(4, "little") + data[144:at - 2])
        file.write(len(new).to_bytes(2, "little") + new + data[at + len(old):])


def write(name, pixels, bits, syntax, colour, codes, tolerance=0, frames=1, raw=None):
    image = data_set(pixels, bits, LOSSLESS, colour, frames)
    image.PixelData = encapsulate(codes)
    image["PixelData"].is_undefined_length = True
    image.save_as(f"{folder}/{name}.dcm", write_like_original=False)
    name_syntax(f"{folder}/{name}.dcm", syntax)
    (pixels if raw is None else raw).astype(pixels.dtype.newbyteorder("<")).tofile(f"{folder}/{name}.raw")
    print(name, tolerance, syntax)


def by_pillow():
    ways = {
        "plain": {}, "tiles": {"tile_size": (32, 16)}, "one-resolution": {"num_resolutions": 1},
        "five-resolutions": {"num_resolutions": 5}, "small-blocks": {"codeblock_size": (4, 4)},
        "precincts": {"precinct_size": (32, 32), "codeblock_size": (16, 16)},
        "layers": {"quality_mode": "rates", "quality_layers": [20, 5, 1]},
    }
    for order in ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL"):
        ways[order] = {"progression": order, "tile_size": (40, 40)}
    for name, options in ways.items():
        for kind, samples, bits in (("grey8", 1, 8), ("rgb", 3, 8), ("grey16", 1, 16)):
            if bits == 16 and "tile_size" in options:
                continue                    # Pillow puts the wrong pixels into such tiles
            pixels = scene(bits, False, samples)
            mode = "I;16" if bits == 16 else None
            picture = Image.frombytes("I;16", (COLUMNS, ROWS), pixels.tobytes()) if mode else Image.fromarray(pixels)
            for irreversible in (False, True):
                code = io.BytesIO()
                picture.save(code, "JPEG2000", no_jp2=True, irreversible=irreversible,
                             mct=int(samples == 3), **options)
                again = np.asarray(Image.open(io.BytesIO(code.getvalue()))).astype(pixels.dtype)
                colour = "MONOCHROME2" if samples == 1 else "YBR_ICT" if irreversible else "YBR_RCT"
                write(f"pillow-{name}-{kind}-{'lossy' if irreversible else 'lossless'}", pixels, bits,
                      ANY if irreversible else LOSSLESS, colour, [code.getvalue()],
                      raw=again if irreversible else pixels)
    code = io.BytesIO()                     # boxes around the codestream, against the standard
    pixels = scene(8, False, 1)
    Image.fromarray(pixels).save(code, "JPEG2000")
    write("pillow-boxes", pixels, 8, LOSSLESS, "MONOCHROME2", [code.getvalue()])
    code = io.BytesIO()                     # signed in the data set, unsigned in the codestream
    pixels = scene(16, True, 1)
    Image.frombytes("I;16", (COLUMNS, ROWS), pixels.tobytes()).save(code, "JPEG2000", no_jp2=True)
    write("pillow-other-sign", pixels, 16, LOSSLESS, "MONOCHROME2", [code.getvalue()])


def by_gdcm():
    cases = [(bits, signed, 1, frames) for bits in (8, 10, 12, 16)
             for signed, frames in ((False, 1), (False, 3), (True, 1))]     # it refuses signed frames
    for bits, signed, samples, frames in cases + [(8, False, 3, 1)]:
        pixels = np.stack([scene(bits, signed, samples, n) for n in range(frames)])
        name = f"gdcm-{bits}-{'signed' if signed else 'unsigned'}-{samples}-{frames}"
        image = data_set(pixels, bits, "1.2.840.10008.1.2.1", "RGB" if samples == 3 else "MONOCHROME2", frames)
        data = pixels.tobytes()
        image.PixelData = data + bytes(len(data) % 2)
        image["PixelData"].VR = "OB" if bits == 8 else "OW"
        image.save_as(f"{folder}/plain.dcm", write_like_original=False)
        subprocess.run(["gdcmconv", "--j2k", f"{folder}/plain.dcm", f"{folder}/{name}.dcm"], check=True)
        pixels.tofile(f"{folder}/{name}.raw")
        print(name, 0, LOSSLESS)
    os.unlink(f"{folder}/plain.dcm")


def ojph(pixels, bits, *options):
    """The codestream of OpenJPH, and the pixels of its own decoder."""
    samples = 3 if pixels.ndim == 3 else 1
    kind, suffix = ("P6", "ppm") if samples == 3 else ("P5", "pgm")
    base = f"{folder}/ht"
    with open(f"{base}.{suffix}", "wb") as file:
        file.write(f"{kind}\n{COLUMNS} {ROWS}\n{2 ** bits - 1}\n".encode())
        file.write(pixels.astype(">u2").tobytes() if bits > 8 else pixels.tobytes())
    run = dict(check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ojph_compress", "-i", f"{base}.{suffix}", "-o", f"{base}.j2c", *options], **run)
    subprocess.run(["ojph_expand", "-i", f"{base}.j2c", "-o", f"{base}.back.{suffix}"], **run)
    back = open(f"{base}.back.{suffix}", "rb").read()
    body = back[-pixels.size * (2 if bits > 8 else 1):]
    again = np.frombuffer(body, ">u2" if bits > 8 else "u1").reshape(pixels.shape)
    code = open(f"{base}.j2c", "rb").read()
    for path in (f"{base}.{suffix}", f"{base}.back.{suffix}", f"{base}.j2c"):
        os.unlink(path)
    return code, again


def by_openjph():
    plain = "1.2.840.10008.1.2.4.201"
    ways = {
        "plain": (plain, ()), "tiles": (plain, ("-tile_size", "{32,16}")),
        "blocks": (plain, ("-block_size", "{32,32}")),
        "one-resolution": (plain, ("-num_decomps", "0")),
        "rpcl": ("1.2.840.10008.1.2.4.202", ("-prog_order", "RPCL")),
    }
    for name, (syntax, options) in ways.items():
        for bits, samples in ((8, 1), (10, 1), (12, 1), (16, 1), (8, 3), (12, 3)):
            pixels = scene(bits, False, samples)
            colours = ("-colour_trans", "true" if samples == 3 else "false")
            code, again = ojph(pixels, bits, "-reversible", "true", *colours, *options)
            assert np.array_equal(again, pixels)
            write(f"ojph-{name}-{bits}-{samples}", pixels, bits, syntax,
                  "MONOCHROME2" if samples == 1 else "YBR_RCT", [code])
    for bits, samples in ((8, 1), (12, 1), (16, 1), (8, 3)):
        pixels = scene(bits, False, samples)
        colours = ("-colour_trans", "true" if samples == 3 else "false")
        code, again = ojph(pixels, bits, "-qstep", "0.001", *colours)
        # Both round their own floating point numbers.
        write(f"ojph-lossy-{bits}-{samples}", pixels, bits, "1.2.840.10008.1.2.4.203",
              "MONOCHROME2" if samples == 1 else "YBR_ICT", [code], tolerance=1 + 2 ** bits // 4096, raw=again)


by_pillow()
if shutil.which("gdcmconv"):
    by_gdcm()
if shutil.which("ojph_compress"):
    by_openjph()
