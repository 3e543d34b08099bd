"""register.py FILE.nii.gz RX RY RZ TX TY TZ OUT: writes the image as scipy resamples it, in float32,
after its patient was turned about x, y, z (degrees, through the middle of the grid) and moved (mm),
all in LPS. Prints the grid's size."""
import sys

import nibabel
import numpy
from scipy import ndimage


def turn(axis, degrees):
    angle = numpy.radians(degrees)
    cosine, sine = numpy.cos(angle), numpy.sin(angle)
    matrix = numpy.eye(3)
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix[first, first] = matrix[second, second] = cosine
    matrix[second, first], matrix[first, second] = sine, -sine
    return matrix


def main():
    image = nibabel.load(sys.argv[1])
    numbers = [float(text) for text in sys.argv[2:8]]
    lps = numpy.diag([-1, -1, 1, 1]) @ image.affine
    middle = (lps @ numpy.append(numpy.array(image.shape) / 2, 1))[:3]
    motion = numpy.eye(4)
    motion[:3, :3] = turn(2, numbers[2]) @ turn(1, numbers[1]) @ turn(0, numbers[0])
    motion[:3, 3] = middle + numbers[3:] - motion[:3, :3] @ middle
    back = numpy.linalg.inv(lps) @ numpy.linalg.inv(motion) @ lps
    moved = ndimage.affine_transform(image.get_fdata().astype("float32"), back[:3, :3], back[:3, 3], order=3)
    moved.astype("float32").ravel(order="F").tofile(sys.argv[8])
    print(*image.shape)


main()
