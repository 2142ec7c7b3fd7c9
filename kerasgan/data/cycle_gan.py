"""The unpaired domains of CycleGAN's authors, which TFDS calls cycle_gan/*.

What TFDS has prepared is read as it is. Otherwise the original archive is, from the folder in
which TFDS looks for files that were downloaded by hand; it is downloaded if it isn't there.
"""

import functools
import zipfile

from kerasgan.data import pictures, tfds_source
from kerasgan.data.catalog import Entry
from kerasgan.data.unavailable import Unavailable

PREFIX = "tfds:"
SPLITS = ("trainA", "trainB", "testA", "testB")
_URL = "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/"
_SHA256 = {  # of the archives, as TFDS has them
    "apple2orange": "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8",
    "cezanne2photo": "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff",
    "facades": "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0",
    "horse2zebra": "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",
    "iphone2dslr_flower": "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113",
    "maps": "639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e",
    "monet2photo": "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04",
    "summer2winter_yosemite": "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9",
    "ukiyoe2photo": "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08",
    "vangogh2photo": "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff",
}


def read_split(argument, domain):
    """Opens one split of one of these data sets.

    Args:
        argument: the argument's name, for messages.
        domain: "tfds:cycle_gan/<name>/<split>", such as "tfds:cycle_gan/horse2zebra/trainA".

    Returns:
        (list of (name, function that reads the encoded picture), where they were found).

    Raises:
        ValueError: no such name or split, or prepared data that can't be read.
        FileNotFoundError: the data are not at hand and can't be downloaded; the message says what
            to do.
    """
    name, split = _parse(argument, domain)
    sha256 = {f"{name}.zip": _SHA256[name]}
    entry = Entry(f"cycle_gan/{name}", (256, 256, 3), ("A", "B"), {}, _URL, sha256)
    folder = tfds_source.prepared_folder(entry)
    archive = tfds_source.data_dir() / "downloads" / "manual" / entry.name / f"{name}.zip"
    try:
        if folder is not None:
            return _read_prepared(folder, split), f"TFDS in {folder}, {split}"
        tfds_source.fetch(_URL + archive.name, archive, _SHA256[name])
    except Unavailable as error:
        raise FileNotFoundError(
            f"{entry.name} is not at hand: {error}. Where there is a connection, download "
            f"{_URL}{archive.name} and put it at {archive}, or unpack it and name its folders as "
            f"the domains. Received: {argument}={domain!r}"
        ) from error
    return _read_archive(archive, name, split), f"{archive}, {split}"


def _parse(argument, domain):
    parts = domain.removeprefix(PREFIX).split("/")
    if len(parts) != 3 or parts[0] != "cycle_gan" or parts[1] not in _SHA256:
        raise ValueError(
            'Expected "tfds:cycle_gan/<name>/<split>" with one of the names '
            f"{', '.join(_SHA256)}. Received: {argument}={domain!r}"
        )
    if parts[2] not in SPLITS:
        raise ValueError(
            f"Expected one of the splits {', '.join(SPLITS)}. Received: {argument}={domain!r}"
        )
    return parts[1:]


def _read_prepared(folder, split):
    tfds = tfds_source.import_tfds()
    try:
        builder = tfds.builder_from_directory(folder)
        decoders = {"image": tfds.decode.SkipDecoding()}
        dataset = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
        encoded = [example["image"] for example in dataset.as_numpy_iterator()]
    except Exception as error:
        raise ValueError(
            f"What TFDS has prepared in {folder} can't be read. Delete that folder to have it "
            f"prepared again. Received: {type(error).__name__}: {error}"
        ) from error
    width = len(str(len(encoded)))
    return [(f"{split}/{n:0{width}}", lambda data=data: data) for n, data in enumerate(encoded)]


def _read_archive(path, name, split):
    archive = zipfile.ZipFile(path)  # stays open: pictures are read when they are wanted
    start = f"{name}/{split}/"
    return [
        (member.removeprefix(f"{name}/"), functools.partial(archive.read, member))
        for member in sorted(archive.namelist())
        if member.startswith(start) and member.lower().endswith(pictures.EXTENSIONS)
    ]
