"""The directive ``c-header``: the declarations of a C header with their comments, in Sphinx's C domain.

The headers of ``include/`` are regular: a section begins with ``/* ==== Title ====*/``; each declaration has its
comment ``/** … */`` above, a member or enumerator its comment ``/**< … */`` behind. The directive reads nothing else; a
function, an enumeration or a struct that it does not find so is an error.

Hawkmoth, an extension that parses by libclang, leaves out every member and enumerator without a comment of its own and
the values of enumerators, and needs libclang's own headers beside it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

INCLUDE = Path(__file__).resolve().parents[2] / "include"

BANNER = r"/\* ==== (?P<title>.*?) =+ *(?P<intro>.*?)\*/"
COMMENTED = r"/\*\*(?!<)(?P<comment>.*?)\*/\s*(?P<declaration>[^/]*?(?:\{.*?\}[^;]*)?);"
ENTITIES = re.compile(f"{BANNER}|{COMMENTED}", re.DOTALL)
MEMBER = re.compile(r"(?P<code>[^,;/{}]+?)\s*(?:[,;]|(?=/\*\*<)|\Z)\s*(?:/\*\*<(?P<comment>.*?)\*/)?", re.DOTALL)
MARKED = re.compile(r"`([^`]+)`|\b(swiftrnn_\w+|SWIFTRNN_\w+)\b(\(\))?|([*_|\\])")


class Header:
    """A header's text, and the names that text may refer to."""

    def __init__(self, name: str) -> None:
        self.text = (INCLUDE / name).read_text()
        every = "\n".join(path.read_text() for path in sorted(INCLUDE.glob("*.h")))
        self.functions = set(re.findall(r"\b(swiftrnn_\w+)\(", every))
        self.enumerators = set(re.findall(r"\b(SWIFTRNN_\w+) = ", every))
        self.types = set(re.findall(r"\btypedef (?:struct|enum) (swiftrnn_\w+)", every))

    def entities(self) -> list[re.Match[str]]:
        """Sections and commented declarations, in their order.

        Raises
        ------
        ExtensionError
            A function or a type has no comment.
        """
        begun, end = self.text.index('extern "C" {'), self.text.rindex("#ifdef __cplusplus")
        found = list(ENTITIES.finditer(self.text, begun, end))
        bare = re.sub(r"/\*.*?\*/", "", self.text[begun:end], flags=re.DOTALL)
        names = re.findall(r"\b(swiftrnn_\w+)\(|typedef (?:struct|enum) (swiftrnn_\w+)", bare)
        read = " ".join(entity["declaration"] or "" for entity in found)
        missing = [one or other for one, other in names if not re.search(rf"\b{one or other}\b", read)]
        if missing:
            raise ExtensionError(f"c-header: without a comment: {', '.join(missing)}")
        return found

    def lines(self) -> Iterator[str]:
        """The page as reStructuredText."""
        top = self.text[: self.text.index("*/")].removeprefix("/*")
        yield from literal(unstarred(top))
        for found in self.entities():
            if found["title"] is not None:
                title = found["title"].rstrip()
                yield from ("", title, "-" * len(title), "")
                yield from self.prose(unstarred(found["intro"]))
            else:
                yield from self.entity(found["comment"], found["declaration"])

    def entity(self, comment: str, declaration: str) -> Iterator[str]:
        """A declaration with its comment."""
        declaration = " ".join(re.sub(r"/\*(?!\*<).*?\*/", "", declaration, flags=re.DOTALL).split())
        text = unstarred(comment)
        known = re.match(r"typedef (struct|enum) (swiftrnn_\w+)", declaration)
        if known is None:
            yield from directive("function", declaration, self.documented(text))
            return
        kind, name = known.groups()
        body = declaration.partition("{")[2].rpartition("}")[0]
        yield from directive(kind, name, self.documented(text))
        for member in MEMBER.finditer(body):
            if code := member["code"].strip():
                comment = member["comment"] or ""
                role = "enumerator" if kind == "enum" else "member"
                yield from ("   " + line for line in directive(role, code, [self.inline(comment)]))

    def documented(self, text: list[str]) -> list[str]:
        """A comment: its prose, then its parameters and status values as fields."""
        whole = "\n".join(text)
        prose, *fields = re.split(r"@(?=param |retval )", whole)
        found = [*self.prose(prose.split("\n")), ""]
        for field in fields:
            kind, names, rest = re.match(r"(param|retval)\s+(\w+(?:, \w+)*)\s*(.*)", field, re.DOTALL).groups()
            found += [f":{kind} {name}: {self.inline(rest)}" for name in names.split(", ")]
        return found

    def prose(self, lines: list[str]) -> Iterator[str]:
        """Lines as paragraphs; those that are set off by further spaces are code."""
        for code, group in grouped(lines):
            yield ""
            yield from literal(group) if code else [self.inline(" ".join(group))]

    def inline(self, text: str) -> str:
        """Text on one line, with references, and nothing that reStructuredText would take for markup."""
        return MARKED.sub(self._marked, " ".join(text.split()))

    def _marked(self, found: re.Match[str]) -> str:
        code, name, _, special = found.groups()
        if special is not None:
            return "\\" + special
        if code is not None:
            return f"``{code}``"
        if name in self.functions:
            return f":c:func:`{name}`"
        if name in self.enumerators:
            return f":c:enumerator:`{name}`"
        return f":c:type:`{name}`" if name in self.types else f"``{name}``"


def unstarred(comment: str) -> list[str]:
    """The lines of a comment without the stars in front."""
    return [re.sub(r"^ ?\* ?", "", line.strip("\n")).rstrip() for line in comment.strip("\n").split("\n")]


def grouped(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """Paragraphs; lines after the first that begin with three spaces or more are code of their own."""
    group: list[str] = []
    was_code = False
    for line in [*lines, ""]:
        is_code = bool(group or was_code) and line.startswith("   ")
        if group and (not line or is_code != was_code):
            yield was_code, group
            group = []
        if line:
            group.append(line if is_code else line.strip())
        was_code = is_code


def literal(lines: list[str]) -> list[str]:
    """Lines as they are."""
    return ["::", "", *("   " + line for line in lines), ""]


def directive(kind: str, signature: str, body: list[str]) -> Iterator[str]:
    """An entry of the C domain."""
    yield from ("", f".. c:{kind}:: {signature}", "")
    yield from ("   " + line for line in "\n".join(body).split("\n"))


class CHeader(SphinxDirective):
    """``.. c-header:: swiftrnn.h``"""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes of the whole header."""
        name = self.arguments[0]
        self.env.note_dependency(str(INCLUDE / name))
        lines = StringList(list(Header(name).lines()), source=f"include/{name}")
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the directive."""
    app.add_directive("c-header", CHeader)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
