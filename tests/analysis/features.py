"""features.py IMAGE MASK: IBSI's features by numpy, scipy and scikit-image. A name and a number a line."""
import sys

import nibabel
import numpy
from skimage import measure

image, mask = (nibabel.load(path) for path in sys.argv[1:3])
inside = numpy.asarray(mask.dataobj) > 0
values = numpy.asarray(image.dataobj, dtype=float)[inside]
steps = mask.affine[:3, :3]
q1, median, q3, p10, p90 = numpy.percentile(values, [25, 50, 75, 10, 90])
middle = values[(values >= p10) & (values <= p90)]
away = values - values.mean()
variance = (away ** 2).mean()

padded = numpy.pad(inside, 1).astype(float)
corners, triangles, _, _ = measure.marching_cubes(padded, 0.5, method="lorensen")
a, b, c = (corners[triangles[:, n]] @ steps.T for n in range(3))
volume = abs(numpy.einsum("ij,ij->i", a, numpy.cross(b, c)).sum()) / 6
area = numpy.linalg.norm(numpy.cross(b - a, c - a), axis=1).sum() / 2
points = numpy.argwhere(inside) @ steps.T
weighted = (points * values[:, None]).sum(0) / values.sum()
axes = 4 * numpy.sqrt(numpy.sort(numpy.linalg.eigvalsh(numpy.cov(points.T)))[::-1])
low, high = numpy.argwhere(inside).min(0), numpy.argwhere(inside).max(0)
edges = (high - low + 1) * numpy.linalg.norm(steps, axis=0)
sphericity = (36 * numpy.pi * volume ** 2) ** (1 / 3) / area

for name, value in {
        "mean": values.mean(), "variance": variance, "skewness": (away ** 3).mean() / variance ** 1.5,
        "kurtosis": (away ** 4).mean() / variance ** 2 - 3, "median": median, "minimum": values.min(),
        "p10": p10, "p90": p90, "maximum": values.max(), "interquartile": q3 - q1,
        "range": numpy.ptp(values), "mean_deviation": abs(away).mean(),
        "robust_deviation": abs(middle - middle.mean()).mean(),
        "median_deviation": abs(values - median).mean(), "variation": variance ** 0.5 / values.mean(),
        "quartile_dispersion": (q3 - q1) / (q3 + q1), "energy": (values ** 2).sum(),
        "root_mean_square": (values ** 2).mean() ** 0.5, "mesh_mm3": volume, "area_mm2": area,
        "area_per_volume": area / volume, "compactness1": volume / (numpy.pi ** 0.5 * area ** 1.5),
        "compactness2": 36 * numpy.pi * volume ** 2 / area ** 3, "disproportion": 1 / sphericity,
        "sphericity": sphericity, "asphericity": 1 / sphericity - 1,
        "shift_mm": numpy.linalg.norm(weighted - points.mean(0)), "major_mm": axes[0],
        "minor_mm": axes[1], "least_mm": axes[2], "elongation": axes[1] / axes[0],
        "flatness": axes[2] / axes[0], "box_volume_density": volume / edges.prod(),
        "box_area_density": area / (2 * (edges[0] * edges[1] + edges[1] * edges[2] + edges[2] * edges[0])),
        "integrated": values.mean() * volume}.items():
    print(name, repr(float(value)))
