"""Sphinx' settings: `sphinx-build -W --keep-going -b html docs build/docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from pix2pix_tf.version import __version__

project = "pix2pix-tf"
author = "the contributors of pix2pix-tf"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "demo_page",
    "generated",
]
exclude_patterns = ["demo/*"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

smartquotes = False  # -- is an option's, not a dash
default_role = "code"  # docstrings write `code` as Markdown does
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "pix2pix-tf"
html_favicon = "images/icon.png"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
