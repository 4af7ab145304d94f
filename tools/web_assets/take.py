"""Copies the parts of LiteRT.js that an exported page needs from node_modules: `make web-assets`.

npm ci                                # in a copy of this folder: locked versions, checksums
python take.py node_modules ../../exporters/litert
"""

import shutil
import sys
from pathlib import Path

# For browsers with relaxed SIMD, and for those without. The variants with threads need headers that
# static web servers do not send.
WASM = ("litert_wasm_internal", "litert_wasm_compat_internal")
NOTICE = """LiteRT.js: @litertjs/core and @litertjs/wasm-utils {version}
Copyright Google LLC. https://github.com/google-ai-edge/LiteRT
One change: index.js imports wasm-utils by its place in this folder.

"""


def take(modules: Path, output: Path, licence: Path) -> None:
    """Writes the runtime to `output`, as the page's worker loads it.

    Args:
        modules: The folder node_modules.
        output: The folder to write, which is emptied first.
        licence: The licence file to include.
    """
    core, utils = modules / "@litertjs" / "core", modules / "@litertjs" / "wasm-utils"
    shutil.rmtree(output, ignore_errors=True)
    (output / "wasm").mkdir(parents=True)
    index = (core / "dist" / "index.js").read_text(encoding="utf-8")
    by_name, by_path = '"@litertjs/wasm-utils"', '"./wasm-utils.js"'
    if index.count(by_name) != 1:
        sys.exit(f"{core}: expected one import of {by_name}; this version is built differently")
    (output / "index.js").write_text(_without_map(index.replace(by_name, by_path)), "utf-8")
    helper = (utils / "dist" / "index.js").read_text(encoding="utf-8")
    (output / "wasm-utils.js").write_text(_without_map(helper), "utf-8")
    for name in WASM:
        for suffix in (".js", ".wasm"):
            shutil.copy(core / "wasm" / f"{name}{suffix}", output / "wasm")
    version = (core / "package.json").read_text(encoding="utf-8").split('"version": "')[1]
    notice = NOTICE.format(version=version.split('"')[0])
    (output / "LICENSE").write_text(notice + licence.read_text(encoding="utf-8"), "utf-8")


def _without_map(script: str) -> str:
    """The script without its source map comment, whose file is not copied."""
    return "".join(
        line for line in script.splitlines(True) if not line.startswith("//# sourceMappingURL")
    )


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]), Path(__file__).parents[2] / "LICENSE")
