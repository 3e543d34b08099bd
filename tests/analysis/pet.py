"""pet.py DATA FOLDER: the whole-body PET of sts001 in SUVbw with its GTV_Mass, as image.nii.gz and mask.nii.gz.

The contours of the RTSTRUCT are rasterised with 8 x 8 points a pixel, of which more than half are inside; the
factor is by TRUTH.tsv. Cropped to the box of the mask with 100 mm around, to be quick.
"""
import glob
import sys

import nibabel
import numpy
import pydicom
from skimage.draw import polygon

FINE = 8
data, folder = sys.argv[1], sys.argv[2]
slices = [pydicom.dcmread(name) for name in glob.glob(data + "/dicom/pet_fdg_ge_sts001/image/*.dcm")]
slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
origin = numpy.array(slices[0].ImagePositionPatient, float)
z = numpy.array([float(one.ImagePositionPatient[2]) for one in slices])
step = float(slices[0].PixelSpacing[0])
factor = 71000 / (388777472 * 2 ** (-2711 / 6588))
values = numpy.stack([one.pixel_array.T * float(one.RescaleSlope) + float(one.RescaleIntercept)
                      for one in slices], -1) * factor
mask = numpy.zeros(values.shape, bool)
plan = pydicom.dcmread(glob.glob(data + "/dicom/pet_fdg_ge_sts001/rtstruct/*.dcm")[0])
number = [r.ROINumber for r in plan.StructureSetROISequence if r.ROIName == "GTV_Mass"][0]
for roi in plan.ROIContourSequence:
    for contour in roi.ContourSequence if roi.ReferencedROINumber == number else []:
        points = numpy.array(contour.ContourData, float).reshape(-1, 3)
        x, y = (((points[:, a] - origin[a]) / step + .5) * FINE - .5 for a in (0, 1))
        fine = numpy.zeros((values.shape[0] * FINE, values.shape[1] * FINE), bool)
        fine[polygon(x, y, fine.shape)] = True
        k = numpy.argmin(abs(z - points[0, 2]))
        mask[:, :, k] ^= fine.reshape(values.shape[0], FINE, values.shape[1], FINE).mean((1, 3)) > .5
spacing = numpy.array([step, step, (z[-1] - z[0]) / (len(z) - 1)])
at = numpy.argwhere(mask)
reach = numpy.ceil(100 / spacing).astype(int)
low, high = numpy.maximum(at.min(0) - reach, 0), numpy.minimum(at.max(0) + reach + 1, mask.shape)
crop = tuple(slice(a, b) for a, b in zip(low, high))
affine = numpy.diag([-1, -1, 1, 1]) @ numpy.block([[numpy.diag(spacing), (origin + low * spacing)[:, None]],
                                                   [numpy.zeros(3), 1]])
for name, array in (("image", values.astype(numpy.float32)), ("mask", mask.astype(numpy.uint8))):
    nibabel.save(nibabel.Nifti1Image(array[crop], affine), folder + "/" + name + ".nii.gz")
