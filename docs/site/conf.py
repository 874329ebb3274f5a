"""The reference site: `scripts/docs` builds it into build/docs."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

from sphinx.util.inspect import stringify_signature

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "bindings/python")]

import swiftrnn  # noqa: E402

project, author = "SwiftRNN", "The SwiftRNN authors"
version = release = swiftrnn.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser", "c_header"]
exclude_patterns = ["README.md"]
html_theme = "pydata_sphinx_theme"
html_title = f"SwiftRNN {version}"
html_theme_options = {"navigation_with_keys": False, "show_toc_level": 2, "secondary_sidebar_items": ["page-toc"]}
suppress_warnings = ["misc.highlighting_failure"]  # of Swift's texts in three quotes
html_show_sourcelink = False
html_copy_source = False

# ---- Pages in Markdown -----------------------------------------------------------------------------------------------

myst_heading_anchors = 4
# Files of the tree that are no pages have no address here: the links of the pages to them are text.
PAGES_ELSEWHERE = {"../include/swiftrnn.h": "reference/c.rst", "../include/swiftrnn_models.h": "reference/c-models.rst"}


def rewrite_links(app: Any, name: str, source: list[str]) -> None:
    """Links of a page out of docs/: to the page of a header, or none."""

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found.groups()
        return f"[{text}]({PAGES_ELSEWHERE[target]}{anchor})" if target in PAGES_ELSEWHERE else text

    source[0] = re.sub(r"(?s)\[([^\[\]]+)\]\((\.\./[^)#]*)([^)]*)\)", link, source[0])


# ---- Docstrings ------------------------------------------------------------------------------------------------------

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # docstrings give types and shapes
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
# Names in single backquotes are the package's, or arguments of the function at hand, which have no address.
default_role = "py:obj"
nitpick_ignore_regex = [("py:obj", r"[a-z_]\w*"), ("c:identifier", r"u?int\d+_t|size_t")]
# What is checked of every public docstring: each argument is described, in its place, under its name; sections by their
# names, in their order. A class that the package makes has attributes instead of arguments.
numpydoc_validation_checks = set("GL05 GL06 GL07 GL09 GL10 SS01 SS04 PR01 PR02 PR03 PR05 YD01".split())
MADE_BY_THE_PACKAGE = (
    "Attended|CrossEntropy|Dropped|ElementwiseLoss|Frozen|Generated|IncompatibleKeys|LinearCrossEntropy|LinearGradients|"
    "Pooled|PoolGradients|Report|EvaluationResult|StepResult|StateGradients|LayerInspection|Inspection|ModelState|Stream|"
    "AttentionMemory|TrainingInterrupted|Layer|Model|Network|Parameters|Status|SwiftRNN\\w*Error|\\w*Gradients|\\w*Tape"
)
numpydoc_validation_exclude = {r"\.__\w+__$", rf"^swiftrnn\.(models\.)?({MADE_BY_THE_PACKAGE})$"}


def signature(app: Any, what: str, name: str, owner: Any, options: Any, arguments: str, result: str) -> Any:
    """The arguments of a class's ``__init__``, where autodoc reads ``__new__``; none if the package makes objects."""
    if what != "class":
        return arguments, result
    if re.search(rf"\.({MADE_BY_THE_PACKAGE})$", name):
        return "", result
    return stringify_signature(inspect.signature(owner), show_annotation=False), result


def setup(app: Any) -> None:
    """Connects what the pages need."""
    app.connect("autodoc-process-signature", signature)
    app.connect("source-read", rewrite_links)
