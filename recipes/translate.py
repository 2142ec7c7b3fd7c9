"""Translates pictures, one or a folder of them, with a trained CycleGAN, DualGAN, DiscoGAN, Pix2Pix
or StarGAN.

Commands:
    python recipes/translate.py --model=runs/cyclegan_horse2zebra/final.keras \\
        --input=horse.jpg --output=zebra.png
    python recipes/translate.py --model=saved_models/faces --input=women/ --output=men/ \\
        --direction=b_to_a --format=jpg --sheet=men.png
    python recipes/translate.py --model=runs/stargan_folders/final.keras --input=pictures/ \\
        --output=as_2/ --domain=2
--model: a `.keras` file; a preset, by name or folder; a SavedModel's folder, or the folder of its
    numbered versions, as `kerasgan.serving.export` writes them (the newest counts).
--direction: of models of two domains: a_to_b (without the flag) or b_to_a.
--domain: of StarGAN: the number of the target domain in the sorted names; of attributes, 0 or 1 for
    each of them, by commas.
--input: PNG, JPEG, BMP, GIF (its first frame) or WebP, of any size; turned as EXIF says; grey, 16
    bits and transparent (laid over white) are converted to what the model takes. Of a folder, all
    pictures in it and in its sub-folders, hidden ones left aside.
--output: for a picture, a file that ends in .png, .jpg or .jpeg, or a folder that is there; for a
    folder, another folder, with the same names below it and the extension of --format (of two
    pictures that would get one name, nothing is translated). Files of these names are replaced,
    others stay as they are. A translation has its input's size.
--sheet: a PNG with pictures and their translations side by side, the first 20 of them.
What can't be translated is listed with the reason and left out; the exit code is 1 then. The
translation of a picture depends on it and on --seed alone, not on the others.
"""

import inspect
import pathlib
import re
import time

import numpy as np
import tensorflow as tf
from absl import flags
from PIL import Image

from kerasgan import files, runs, stored
from kerasgan import pictures as grids
from kerasgan.data import collection, pictures

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
PROGRESS_SECONDS = 5
SHEET_ROWS, SHEET_PIXELS = 20, 128
LARGEST_SEED = 2**31 - 1  # served models take 32 bits

MODEL = flags.DEFINE_string("model", None, "What translates: see above", required=True)
INPUT = flags.DEFINE_string("input", None, "A picture, or a folder of pictures", required=True)
OUTPUT = flags.DEFINE_string("output", None, "File or folder: see above", required=True)
DIRECTION = flags.DEFINE_enum("direction", None, ["a_to_b", "b_to_a"], "Of models of two domains")
DOMAIN = flags.DEFINE_list("domain", None, "Target of StarGAN: see above")
SEED = flags.DEFINE_integer("seed", 0, "Of the noise of models that take any", 0, LARGEST_SEED)
FORMAT = flags.DEFINE_enum("format", None, ["png", "jpg"], "Of translations in a folder (png)")
SHEET = flags.DEFINE_string("sheet", None, "Picture of inputs beside translations")


def main():
    """Finds the model and the pictures, translates, reports."""
    try:
        left_out = translate_all()
    except (ValueError, OSError) as error:
        raise runs.RunError(str(error)) from error
    if left_out:
        raise runs.RunError(
            f"Pictures left out, as they can't be translated: {len(left_out)}. Received: "
            + collection.listed(f"{name}: {reason}" for name, reason in left_out.items())
        )


def translate_all():
    """As `main`; returns dict: name of a picture left out -> the reason."""
    jobs = list(find_jobs())
    sheet = check_sheet([path for _, path in jobs])
    translate = find_model(MODEL.value)
    try_out(translate)
    left_out, rows, began = {}, [], time.monotonic()
    shown = began
    for done, (picture, path) in enumerate(jobs, 1):
        try:
            pixels = pictures.decode(picture.read())
            made = translate(pixels)
        except (OSError, ValueError, tf.errors.OpError) as error:
            left_out[picture.name] = reason_of(error)
            print(f"kerasgan: left out {picture.name}: {left_out[picture.name]}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)  # a sub-folder of --output
        save(made, path)
        if sheet and len(rows) < 2 * SHEET_ROWS:
            rows += [square(pixels), square(made)]
        if time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            left = (shown - began) / done * (len(jobs) - done)
            print(f"kerasgan: {done:,} of {len(jobs):,} pictures, {left:.0f} s left", flush=True)
    if rows:
        grids.save_png(grids.image_grid(np.stack(rows) / 127.5 - 1.0, columns=2), sheet)
    number, seconds = len(jobs) - len(left_out), time.monotonic() - began
    print(f"kerasgan: {number:,} translated to {OUTPUT.value} in {seconds:.1f} s")
    return left_out


def try_out(translate):
    """Translates a small black picture, so that a model that can't is known before any other."""
    try:
        translate(np.zeros((16, 16, 3), "uint8"))
    except (ValueError, tf.errors.OpError) as error:
        domain = f" with --domain={','.join(DOMAIN.value)}" if DOMAIN.value else ""
        raise ValueError(f"{MODEL.value} can't translate{domain}: {reason_of(error)}") from error


def reason_of(error):
    """One line out of an error."""
    if not isinstance(error, tf.errors.OpError):
        return str(error)
    said = re.search(r"assertion failed: \[(.*?)\]", error.message)
    return said[1] if said else error.message.strip().split("\n")[0]


# Files ------------------------------------------------------------------------------------


def find_jobs():
    """Yields (`collection.Encoded`, path of its translation), checked before any is written."""
    source = pathlib.Path(INPUT.value).expanduser().resolve()
    target = pathlib.Path(OUTPUT.value).expanduser().resolve()
    if source.is_dir():
        yield from folder_jobs(source, target)
        return
    if not source.exists():
        raise ValueError(f"There is no such file or folder. Received: --input={INPUT.value}")
    if not source.is_file():
        raise ValueError(f"--input must be a picture or a folder. Received: --input={INPUT.value}")
    if target.is_dir():
        target = target / f"{source.stem}.{FORMAT.value or 'png'}"
    elif target.suffix.lower() not in FORMATS:
        raise ValueError(
            "For one picture, --output must be a file that ends in .png, .jpg or .jpeg, or a "
            f"folder that is there. Received: --output={OUTPUT.value}"
        )
    elif FORMAT.value and FORMATS[target.suffix.lower()] != FORMATS[f".{FORMAT.value}"]:
        raise ValueError(
            "--output's extension decides on the format; leave --format out. "
            f"Received: --output={OUTPUT.value}, --format={FORMAT.value}"
        )
    if target == source:
        raise ValueError(f"The translation would replace the picture. Received: --output={target}")
    files.writable_directory("--output", target.parent)
    yield collection.Encoded(INPUT.value, source.read_bytes), target


def folder_jobs(source, target):
    """As `find_jobs`, of a folder."""
    if target.is_file() or target.suffix.lower() in FORMATS:
        raise ValueError(
            "For a folder of pictures, --output must be a folder. "
            f"Received: --input={INPUT.value}, --output={OUTPUT.value}"
        )
    if target.is_relative_to(source):
        raise ValueError(
            "--output must lie outside --input, as the next call would translate translations. "
            f"Received: --input={INPUT.value}, --output={OUTPUT.value}"
        )
    jobs = {}
    for picture in collection.list_pictures("--input", source):
        name = f"{picture.name.rpartition('.')[0]}.{FORMAT.value or 'png'}"
        if name in jobs:
            raise ValueError(
                f"Several pictures would be saved as {name}; rename one. "
                f"Received: {jobs[name].name}, {picture.name} in {INPUT.value}"
            )
        jobs[name] = picture
    files.writable_directory("--output", target)
    for name, picture in jobs.items():
        yield picture, target / name


def check_sheet(outputs):
    """Path of the sheet, or None."""
    if not SHEET.value:
        return None
    path = pathlib.Path(SHEET.value).expanduser().resolve()
    source = pathlib.Path(INPUT.value).expanduser().resolve()
    replaces = path in outputs or path.is_relative_to(source)
    if path.suffix.lower() != ".png" or replaces or not path.parent.is_dir():
        raise ValueError(
            "--sheet must be a file that ends in .png, none of the pictures or translations, "
            f"outside --input, in a folder that is there. Received: --sheet={SHEET.value}"
        )
    return path


def square(pixels):
    """A picture's middle, for the sheet."""
    return pictures.fit(pixels, (SHEET_PIXELS, SHEET_PIXELS), 3, "center", "uint8")


def save(pixels, path):
    """Writes uint8 (H, W, 1, 3 or 4) in the format of the path's extension, atomically."""
    form = FORMATS[path.suffix.lower()]
    if form == "JPEG" and pixels.shape[-1] == 4:
        pixels = converted(pixels, channels=3)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    with files.replacing(path) as temporary:
        picture.save(
            temporary, form, **({"quality": 95, "subsampling": 0} if form == "JPEG" else {})
        )


# Models -----------------------------------------------------------------------------------


def find_model(name):
    """The model's function: decoded picture (`pictures.decode`) -> uint8 (H, W, 1, 3 or 4)."""
    found = stored.find(name)
    model = found.load()
    return served_translator(model) if found.kind == "saved_model" else keras_translator(model)


def keras_translator(model):
    """As `find_model`, of a model of the zoo."""
    method = pick(lambda name: getattr(model, name, None), f"a {type(model).__name__}")
    inputs = inspect.signature(method).parameters
    arguments = {"seed": SEED.value} if "seed" in inputs else {}
    domains = target_domains("domains" in inputs, getattr(model, "exclusive", True))
    if domains is not None:
        arguments["domains"] = [domains]
    channels = getattr(model, "input_channels", model.image_shape[-1])

    def translate(pixels):
        image = converted(pixels, channels)[np.newaxis].astype("float32") / 127.5 - 1.0
        made = method(image, **arguments)[0]
        if not np.isfinite(made).all():
            raise ValueError("its pixels are NaN or infinite, as its training diverged.")
        return np.clip(np.rint((made + 1.0) * 127.5), 0, 255).astype("uint8")

    return translate


def served_translator(loaded):
    """As `find_model`, of an export, by its signatures."""
    signatures = {
        name: function
        for name, function in getattr(loaded, "signatures", {}).items()
        if "png_bytes" in function.structured_outputs
    }
    function = pick(signatures.get, "a SavedModel without such signatures")
    inputs = function.structured_input_signature[1]
    arguments = {"seed": tf.constant(SEED.value, tf.int32)} if "seed" in inputs else {}
    exclusive = "domains" not in inputs or inputs["domains"].shape.rank == 1
    domains = target_domains("domains" in inputs, exclusive)
    if domains is not None:
        arguments["domains"] = tf.constant([domains], tf.int32)

    def translate(pixels):
        channels = 4 if pixels.shape[-1] in (2, 4) else 3  # the graph lays over white if it wants
        file = tf.io.encode_png(converted(pixels, channels))
        made = function(images=file[tf.newaxis], **arguments)["png_bytes"]
        return tf.io.decode_png(made[0]).numpy()

    translate.model = loaded  # its variables live only as long as it does
    return translate


def converted(pixels, channels):
    """A decoded picture as uint8 (H, W, channels)."""
    return pictures.fit(pixels, pixels.shape[:2], channels, "none", "uint8")


def pick(look_up, what):
    """The method or signature that --direction asks for."""
    if look_up("translate_a_to_b"):
        return look_up(f"translate_{DIRECTION.value or 'a_to_b'}")
    if not look_up("translate"):
        raise ValueError(
            "--model must translate pictures: a CycleGAN, DualGAN, DiscoGAN, Pix2Pix or StarGAN, "
            f"or its export. Received: --model={MODEL.value}, {what}"
        )
    if DIRECTION.value:
        raise ValueError(
            "The model translates in one direction only; leave --direction out. "
            f"Received: --model={MODEL.value}, --direction={DIRECTION.value}"
        )
    return look_up("translate")


def target_domains(wanted, exclusive):
    """--domain as a number or, of attributes, a list; None if the model has no domains."""
    received = f"Received: --model={MODEL.value}, --domain={DOMAIN.value}"
    if not wanted:
        if DOMAIN.value:
            raise ValueError(f"Only StarGAN has domains; leave --domain out. {received}")
        return None
    given = DOMAIN.value or []
    if not given or not all(part.strip().isdecimal() for part in given):
        form = "the number of a domain" if exclusive else "0 or 1 for each attribute, by commas"
        raise ValueError(f"Give --domain, {form}. {received}")
    if exclusive and len(given) > 1:
        raise ValueError(f"A picture goes to one domain; give one --domain. {received}")
    numbers = [int(part) for part in given]
    if max(numbers) > np.iinfo("int32").max:
        raise ValueError(f"There is no such domain. {received}")
    return numbers[0] if exclusive else numbers


if __name__ == "__main__":
    runs.launch(main)
