"""Grids of samples as pictures: PNG files and GIFs of a training."""

import numpy as np

from kerasgan import files

_SMALL = 64  # pixels; images below are enlarged by a whole factor to about this size
_LONGEST_GIF = 60  # frames
_FRAME_MS, _LAST_FRAME_MS = 120, 2500
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def image_grid(images, columns, padding=2, scale=None):
    """Lays images out in rows, from left to right, on a white (opaque) ground.

    Args:
        images: array `[n, height, width, channels]`, floats in [-1, 1]; channels 1, 3 or 4.
        columns: images in a row; the last row may be shorter.
        padding: white pixels between images and around the grid.
        scale: whole factor by which each image is enlarged, pixel by pixel. None: small images
            are enlarged to about 64 pixels.

    Returns:
        uint8 array `[rows * (scale * height + padding) + padding, ..., channels]`.

    Raises:
        ValueError: no images, another shape, values that are NaN or infinite.

    Example:
        >>> image_grid(np.zeros((6, 32, 32, 1)), columns=3).shape
        (134, 200, 1)
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in _MODES or not images.size:
        raise ValueError(
            "images must be an array [n, height, width, channels] with 1, 3 or 4 channels. "
            f"Received: images.shape={images.shape}"
        )
    if not np.isfinite(images).all():
        raise ValueError(
            "images must be finite; those of a model whose training diverged are not. "
            f"Received: {np.size(images) - np.isfinite(images).sum()} values NaN or infinite"
        )
    n, height, width, channels = images.shape
    scale = scale or max(1, round(_SMALL / max(height, width)))
    pixels = np.clip(np.round((images + 1.0) * 127.5), 0, 255).astype("uint8")
    tiles = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    rows = -(-n // columns)
    down, right = height * scale + padding, width * scale + padding
    grid = np.full((rows * down + padding, columns * right + padding, channels), 255, "uint8")
    for i, tile in enumerate(tiles):
        top, left = padding + i // columns * down, padding + i % columns * right
        grid[top : top + height * scale, left : left + width * scale] = tile
    return grid


def save_png(array, path):
    """Writes a uint8 array `[height, width, 1, 3 or 4]` as a PNG file, atomically.

    Args:
        array: the picture, as `image_grid` returns it.
        path: the file; its folder must exist.

    Raises:
        ValueError: an array of another shape or dtype.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "grid.png"
        >>> save_png(image_grid(np.zeros((4, 8, 8, 3)), columns=2), path)
        >>> path.read_bytes()[1:4]
        b'PNG'
    """
    from PIL import Image

    array = np.asarray(array)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] not in _MODES:
        raise ValueError(
            "save_png takes a uint8 array [height, width, 1, 3 or 4], such as image_grid makes. "
            f"Received: array of shape {array.shape}, dtype {array.dtype}"
        )
    picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    with files.replacing(path) as temporary:
        picture.save(temporary, format="PNG")


def save_gif(pictures, path):
    """Writes a looping GIF of PNG files, atomically: at most 60 of them, evenly picked.

    The first and the last are always among them, and the last stays longer. Files whose size
    differs from the last one's are left out; transparent pixels are laid over white.

    Args:
        pictures: paths of the files, in their order.
        path: the GIF; its folder must exist.

    Returns:
        How many files became frames (GIF joins equal neighbours into one frame).

    Raises:
        ValueError: no pictures.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for i in range(3):
        ...     save_png(np.full((8, 8, 1), 100 * i, "uint8"), folder / f"{i}.png")
        >>> save_gif(sorted(folder.glob("*.png")), folder / "all.gif")
        3
    """
    from PIL import Image

    if not pictures:
        raise ValueError("A GIF needs at least one picture. Received: pictures=[]")
    with Image.open(pictures[-1]) as last:
        size = last.size
    fitting = []
    for name in pictures:
        with Image.open(name) as picture:  # reads the header only
            if picture.size == size:
                fitting.append(name)
    picked = np.unique(np.linspace(0, len(fitting) - 1, min(len(fitting), _LONGEST_GIF), dtype=int))
    frames = [_opaque(fitting[i]) for i in picked]
    with files.replacing(path) as temporary:
        frames[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=[_FRAME_MS] * (len(frames) - 1) + [_LAST_FRAME_MS],
            loop=0,
        )
    return len(frames)


def _opaque(path):
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode != "RGBA":
            return picture.copy()
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")
