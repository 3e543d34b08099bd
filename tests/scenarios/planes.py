"""planes.py URL FOLDER…: the node's planes of each series against the voxels as pydicom reads
them, windowed by PS3.3 C.11.2.1.2.1 in floating point, without a look at our own code."""
import io
import json
import os
import sys
import urllib.request

import numpy as np
import pydicom
from PIL import Image

FAILED = []


def get(url):
    with urllib.request.urlopen(url, timeout=40) as answer:
        return answer.read()


def read_series(folder):
    slices = [pydicom.dcmread(os.path.join(folder, name)) for name in os.listdir(folder)]
    orientation = [float(v) for v in slices[0].ImageOrientationPatient]
    normal = np.cross(orientation[:3], orientation[3:])
    slices.sort(key=lambda s: np.dot(normal, [float(v) for v in s.ImagePositionPatient]))
    voxels = np.stack([s.pixel_array * float(s.RescaleSlope if "RescaleSlope" in s else 1)
                       + float(s.RescaleIntercept if "RescaleIntercept" in s else 0) for s in slices])
    return slices[0].SeriesInstanceUID, voxels      # k, j, i; axes L, P, S in these phantoms


def window(values, center, width):
    level = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    level = np.where(values <= center - 0.5 - (width - 1) / 2, 0, level)
    return np.clip(np.where(values > center - 0.5 + (width - 1) / 2, 255, level), 0, 255)


def compare(base, uid, facts, name, index, expected):
    center, width = facts["window"]["center"], facts["window"]["width"]
    url = f"{base}/api/series/{uid}/planes/{name}/{index}.png?center={center}&width={width}"
    picture = Image.open(io.BytesIO(get(url)))
    size = (facts["planes"][name]["width"], facts["planes"][name]["height"])
    if picture.size != size:
        FAILED.append(f"{name} {index}: {picture.size}, not {size}")
        return
    want = Image.fromarray(window(expected, round(center * 16) / 16, round(width * 16) / 16)
                           .astype(np.float32), "F").resize(size, Image.BILINEAR)
    have = np.asarray(picture.convert("L"), dtype=float)
    difference = np.abs(have - np.asarray(want))[24:, 24:]    # less the letters at the edges
    share = float((difference > 12).mean())
    if share > 0.01:
        FAILED.append(f"{name} {index}: {share:.1%} of the pixels differ, by {difference.max():.0f} at most")


def main(base, folders):
    for folder in folders:
        uid, voxels = read_series(folder)
        facts = json.loads(get(f"{base}/api/series/{uid}/planes"))
        if facts["size"] != list(voxels.shape[::-1]):
            FAILED.append(f"size {facts['size']}, not {voxels.shape[::-1]}")
            continue
        k, j, i = (n // 3 for n in voxels.shape)
        compare(base, uid, facts, "axial", k, voxels[k])
        compare(base, uid, facts, "coronal", j, voxels[::-1, voxels.shape[1] - 1 - j])
        compare(base, uid, facts, "sagittal", i, voxels[::-1, :, i])
    print("\n".join(FAILED))
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
