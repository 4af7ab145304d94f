"""Datasets as Hypothesis draws them: layouts, names, suffixes, and what else lies there.

Every image is of one colour of its own, so that whatever is read tells which files it came from.
"""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from hypothesis import strategies as st
from PIL import Image

SIDE = 16  # pixels of one image
SPLITS = {
    "train": ["train", "training", "Train", "TRAINING"],
    "val": ["val", "valid", "validation", "dev", "Val", "VALIDATION"],
    "test": ["test", "testing", "Test"],
}
SIDES = [
    ("A", "B"),
    ("a", "b"),
    ("input", "target"),
    ("Inputs", "Targets"),
    ("source", "target"),
    ("x", "y"),
    ("images", "masks"),
    ("before", "after"),
]
UNKNOWN_SIDES = [("ctscan", "drawn"), ("rgb", "height"), ("1950", "2020"), ("cats", "dogs")]
STEMS = [
    *("plain", "img 1", "img 2", "a.b.c", "#2", "[red]x[/a]", "2024", "0123", "façade", "über"),
    *("日本", "naïve café", "x=1", "100%", "it's", "~", "-n", ":smile:", "tab\tin"),
]
SUFFIXES = [".png", ".bmp", ".tif", ".TIFF", ".PNG", ".gif", ".ppm", ".tga", ".jp2", ".webp"]
SYSTEM = ["@eaDir", "__MACOSX", ".hidden", "$RECYCLE.BIN", ".ipynb_checkpoints", "#recycle"]
OTHER_FILES = ["Thumbs.db", "notes.txt", "labels.csv", ".DS_Store", "README", "list.json"]

BELOW = ["", "", "", "city/", "a1/b2/", "naïve [x]/", "2024/"]  # sub-folders of every split
TIFFS = [
    {},
    {"bits": 16},
    {"bits": 16, "planarconfig": "separate", "byteorder": ">"},
    {"tile": (16, 16), "compression": "zlib", "predictor": True},
    {"bits": 16, "bigtiff": True, "rowsperstrip": 3, "compression": "zlib"},
]

Colour = tuple[int, int, int]


@dataclass
class OddFolder:
    """One dataset, not yet written.

    Attributes:
        files: What to write, by path below the root: an array, or bytes of what is no image.
        pairs: By split ("" for none) and name, the colours of A and B.
        what: In words.
        sound: Whether it must be read, all of it; others may be refused.
        left_out: Words that must be said where it is read: what lies there and is no pair.
        links: Where symbolic links lead, by path below the root.
        tiff: How TIFF files are written.
        sizes: By how much the images of A and of B are larger than `SIDE`.
    """

    files: dict[str, np.ndarray | bytes] = field(default_factory=dict)
    pairs: dict[str, dict[str, tuple[Colour, Colour]]] = field(default_factory=dict)
    what: str = ""
    sound: bool = True
    left_out: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    tiff: dict[str, object] = field(default_factory=dict)
    sizes: tuple[int, int] = (1, 1)

    def _repr_pretty_(self, printer, cycle) -> None:
        """What a failure shows: the files' names, and no pixels."""
        printer.text(f"{self.what}; sound: {self.sound}; files: {sorted(self.files)}; ")
        printer.text(f"links: {self.links}; TIFFs: {self.tiff}; sizes: {self.sizes}")

    def write(self, root: Path) -> None:
        """Writes all files."""
        for name, content in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                _save(path, content, self.tiff)
        for name, target in self.links.items():
            (root / name).symlink_to(target)


@st.composite
def odd_folders(draw):
    """Folders of all kinds."""
    folder = OddFolder()
    splits = draw(st.sampled_from([("",), ("train", "val"), ("train",), ("train", "val", "test")]))
    kind = draw(st.sampled_from(["side by side", "folders", "folders", "unknown folders"]))
    place = _places(draw, kind, splits)
    below = draw(st.sampled_from(BELOW))
    folder.tiff = draw(st.sampled_from(TIFFS))
    if kind != "side by side":
        folder.sizes = draw(st.sampled_from([(1, 1), (1, 2), (3, 1)]))
    colours = _colours()
    for split in splits:
        stems = draw(st.lists(st.sampled_from(STEMS), min_size=2, max_size=5, unique=True))
        for stem in (below + stem for stem in stems):
            a, b = next(colours), next(colours)
            folder.pairs.setdefault(split, {})[unicodedata.normalize("NFC", stem)] = (a, b)
            _add_pair(draw, folder, place(split), stem, a, b)
    folder.what = f"{kind}, splits {splits}, {place(splits[0])}"
    if kind == "unknown folders":
        folder.sound = False
    for defect in draw(st.lists(st.sampled_from(sorted(_EXTRAS)), max_size=2, unique=True)):
        _EXTRAS[defect](draw, folder, place, splits, colours)
        folder.what += f", {defect}"
    return folder


def _places(draw, kind, splits):
    """Where a split's pairs lie: one folder, or those of A and B."""
    names = {split: draw(st.sampled_from(SPLITS[split])) if split else "" for split in splits}
    if kind == "side by side":
        return lambda split: (names[split],)
    a, b = draw(st.sampled_from(SIDES if kind == "folders" else UNKNOWN_SIDES))
    orders = ["split first", "side first"]
    if splits != ("",) and kind == "folders":
        orders += ["trainA", "A_train"]
    order = draw(st.sampled_from(orders))
    bare = a in "abAB"  # written without a separator too
    between = draw(st.sampled_from(["", "_", "-"] if bare else ["_", "-", " "]))

    def place(split):
        if order in ("trainA", "A_train"):
            names_of_two = [(names[split], side) for side in (a, b)]
            step = 1 if order == "trainA" else -1
            return tuple(between.join(pair[::step]) for pair in names_of_two)
        parts = [(names[split], side) for side in (a, b)]
        if order == "side first":
            parts = [part[::-1] for part in parts]
        return tuple("/".join(filter(None, part)) for part in parts)

    return place


def _add_pair(draw, folder, places, stem, a, b):
    suffixes = draw(st.tuples(st.sampled_from(SUFFIXES), st.sampled_from(SUFFIXES)))
    images = [_flat(a, size=folder.sizes[0]), _flat(b, size=folder.sizes[1])]
    if len(places) == 1:
        name = "/".join(filter(None, (places[0], stem + suffixes[0])))
        folder.files[name] = np.concatenate(images, axis=1)
        return
    forms = draw(st.sampled_from([("NFC", "NFD"), ("NFC", "NFC"), ("NFD", "NFC")]))
    for place, image, suffix, form in zip(places, images, suffixes, forms, strict=True):
        folder.files[f"{place}/{unicodedata.normalize(form, stem)}{suffix}"] = image


# --- what else lies there: each says whether the dataset must be read all the same ---------------


def _system_folder(draw, folder, place, splits, colours):
    where = draw(st.sampled_from(["", *(p for split in splits for p in place(split))]))
    system = draw(st.sampled_from(SYSTEM))
    name = "/".join(filter(None, (where, system, "plain.png")))
    folder.left_out.append(system)
    folder.files[name] = np.concatenate([_flat(next(colours))] * 2, axis=1)


def _other_files(draw, folder, place, splits, colours):
    where = draw(st.sampled_from(["", *(p for split in splits for p in place(split))]))
    name = draw(st.sampled_from(OTHER_FILES))
    folder.files["/".join(filter(None, (where, name)))] = b"not an image"
    hidden = name in ("Thumbs.db", ".DS_Store")
    folder.left_out.append(name if hidden else Path(name).suffix or "without a suffix")


def _without_mate(draw, folder, place, splits, colours):
    places = place(splits[0])
    if len(places) == 2:
        folder.files[f"{draw(st.sampled_from(places))}/alone.png"] = _flat(next(colours))
        folder.sound = False


def _square_among_pairs(draw, folder, place, splits, colours):
    places = place(splits[0])
    if len(places) == 1:
        folder.files["/".join(filter(None, (places[0], "square.png")))] = _flat(next(colours))
        folder.sound = False


def _same_name_twice(draw, folder, place, splits, colours):
    """By suffix, by Unicode form or by case."""
    first = place(splits[0])[0]
    for name, image in list(folder.files.items()):
        path = Path(name)
        if isinstance(image, bytes) or str(path.parent) != (first or "."):
            continue
        form = "NFD" if unicodedata.is_normalized("NFC", path.stem) else "NFC"
        other = path.with_name(unicodedata.normalize(form, path.stem) + ".png")
        if str(other) not in folder.files:
            folder.files[str(other)] = _flat(next(colours), 1 if len(place(splits[0])) == 2 else 2)
            folder.sound = False
        return


def _folder_beside(draw, folder, place, splits, colours):
    """Of images, beside splits or sides: left out and said, or refused."""
    if place(splits[0]) == ("",):
        return  # one of the folders of pairs
    folder.left_out.append("holiday")
    folder.files["holiday/plain.png"] = _flat(next(colours), draw(st.sampled_from([1, 2])))
    folder.sound = False


def _two_names_of_one_split(draw, folder, place, splits, colours):
    if splits != ("",):
        folder.files["training/x.png"] = folder.files["TRAIN/x.png"] = _flat(next(colours), 2)
        folder.sound = False


def _image_in_the_root(draw, folder, place, splits, colours):
    if place(splits[0]) == ("",):
        return  # where the pairs are
    folder.files["cover.png"] = _flat(next(colours), draw(st.sampled_from([1, 2])))
    folder.sound = False


def _linked_into_itself(draw, folder, place, splits, colours):
    where = draw(st.sampled_from(["", *(p for split in splits for p in place(split))]))
    folder.links["/".join(filter(None, (where, "self")))] = "."
    folder.left_out.append("self")


def _linked_image(draw, folder, place, splits, colours):
    """An image under another name: it counts twice, and is said to."""
    places = place(splits[0])
    name = next((name for name in folder.files if Path(name).parent == Path(places[0])), None)
    if len(places) == 1 and name:
        path = Path(name)
        folder.links[str(path.with_name(f"linked{path.suffix}"))] = path.name
        pairs = folder.pairs[splits[0]]
        pairs["linked"] = pairs[unicodedata.normalize("NFC", path.stem)]
        folder.left_out.append("count twice")


def _one_file_for_both_sides(draw, folder, place, splits, colours):
    places = place(splits[0])
    if len(places) == 2:
        folder.files[f"{places[0]}/both.png"] = _flat(next(colours))
        up = "../" * len(Path(places[1]).parts)
        folder.links[f"{places[1]}/both.png"] = f"{up}{places[0]}/both.png"
        folder.sound = False


def _bands(draw, folder, place, splits, colours):
    """A fourth one that is no alpha: refused where it is read as three channels."""
    places = place(splits[0])
    image = np.concatenate([_flat(next(colours)), np.full((SIDE, SIDE, 1), 9, np.uint8)], axis=2)
    images = [image, _flat(next(colours))] if len(places) == 2 else [np.hstack([image, image])]
    for where, bands in zip(places, images, strict=True):
        folder.files["/".join(filter(None, (where, "bands.tif")))] = bands
    folder.sound = False


_EXTRAS = {
    "a system's folder": _system_folder,
    "other files": _other_files,
    "an image without mate": _without_mate,
    "a square image": _square_among_pairs,
    "a name twice": _same_name_twice,
    "a folder beside": _folder_beside,
    "two names of one split": _two_names_of_one_split,
    "an image in the root": _image_in_the_root,
    "a link into itself": _linked_into_itself,
    "a linked image": _linked_image,
    "one file for both sides": _one_file_for_both_sides,
    "a TIFF of bands": _bands,
}


def _colours():
    """Colours far enough from each other for any codec here, each once."""
    steps = range(8, 256, 24)
    yield from ((r, g, b) for g in steps for b in steps for r in steps)


def _flat(colour, times=1, size=1):
    return np.full((size * SIDE, size * times * SIDE, 3), colour, np.uint8)


def _save(path, image, tiff):
    kind = path.suffix.lower()
    if kind in (".tif", ".tiff"):
        options = {"metadata": None, "photometric": "rgb", **tiff}
        if image.shape[2] == 4:
            options["extrasamples"] = ["unspecified"]
        if options.pop("bits", 8) == 16:
            image = image * np.uint16(257)
        if options.get("planarconfig") == "separate":
            image = np.moveaxis(image, -1, 0)
        tifffile.imwrite(path, image, **options)
    elif kind == ".webp":
        Image.fromarray(image).save(path, lossless=True)
    else:
        Image.fromarray(image).save(path)
